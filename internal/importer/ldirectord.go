package importer

import "strings"

// Ldirectord reads ldirectord.cf.
func Ldirectord(text []byte, o Options) (*Result, error) {
	return run(text, o, "ldirectord", "ldirectord.cf", func(f *file, text string) error {
		d := &ldirectord{file: f, global: make(settings)}
		if err := d.parse(text); err != nil {
			return err
		}
		return d.build()
	})
}

// ldirectord is an ldirectord.cf being read.
type ldirectord struct {
	*file
	global settings
	timed  bool // the note about times stands already
	blocks []*block
}

// setting is KEY = VALUE.
type setting struct {
	line       int
	key, value string // without quotes, but for real
}

// settings are those of one place, by key; the last one counts.
type settings map[string]setting

// block is a virtual server of the source.
type block struct {
	setting
	settings
	reals []setting
	order []string // keys as they come
}

// How a key is carried over, where it may stand.
type ldKey struct {
	global, virtual bool
	lost            string // why it is not carried over; "" if it is, in one way or another
}

const (
	noMail    = "pulse and lvsd send no mail"
	noLogin   = "lvs.cf has no check that signs in"
	noLike    = "lvs.cf has nothing like it"
	mayTake   = "a check may take timeout, which is checkinterval"
	noProcess = "pulse and lvsd are run in their own way"
)

var ldKeys = map[string]ldKey{
	"checktimeout": {true, true, mayTake}, "negotiatetimeout": {true, true, mayTake}, "checkinterval": {true, true, ""},
	"checkcount": {true, true, noLike}, "failurecount": {true, true, ""}, "autoreload": {true, false, noProcess}, "callback": {true, false, noLike},
	"fallback": {true, true, ""}, "fallback6": {true, true, ""}, "fallbackcommand": {true, true, noLike}, "logfile": {true, false, noProcess},
	"emailalert": {true, true, noMail}, "emailalertfrom": {true, true, noMail}, "emailalertfreq": {true, true, noMail},
	"emailalertstatus": {true, true, noMail}, "smtp": {true, true, noMail}, "execute": {true, false, noProcess},
	"supervised": {true, false, noProcess}, "fork": {true, false, ""}, "quiescent": {true, true, ""}, "readdquiescent": {true, true, noLike},
	"cleanstop": {true, true, ""}, "maintenancedir": {true, false, "piranhactl maint is for that"},
	"checktype": {false, true, ""}, "service": {false, true, ""}, "checkcommand": {false, true, ""}, "checkport": {false, true, ""},
	"request": {false, true, ""}, "receive": {false, true, ""}, "httpmethod": {false, true, ""}, "virtualhost": {false, true, ""},
	"login": {false, true, noLogin}, "passwd": {false, true, noLogin}, "database": {false, true, noLogin}, "secret": {false, true, noLogin},
	"scheduler": {false, true, ""}, "persistent": {false, true, ""}, "netmask": {false, true, ""}, "protocol": {false, true, ""},
	"monitorfile": {false, true, noLike}, "ops": {false, true, ""}, "servicename": {false, true, ""}, "comment": {false, true, noLike},
	"real": {false, true, ""}, "real6": {false, true, ""},
}

// parse sorts the lines into global settings and blocks.
func (d *ldirectord) parse(text string) error {
	var in *block
	line := 0
	for raw := range strings.Lines(text) {
		line++
		raw = strings.TrimRight(raw, "\r\n \t")
		trimmed := strings.TrimLeft(raw, " \t")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		s, err := parseSetting(line, trimmed)
		if err != nil {
			return err
		}
		indented := len(trimmed) < len(raw)
		switch k, known := ldKeys[s.key]; {
		case !indented && (s.key == "virtual" || s.key == "virtual6"):
			in = &block{setting: s, settings: make(settings)}
			if d.blocks = append(d.blocks, in); len(d.blocks) > maxVirtual {
				return at(line, "more than %d virtual servers", maxVirtual)
			}
		case !known:
			return at(line, "unknown key %s", quote(s.key))
		case indented && in == nil:
			return at(line, "%s is indented, but there is no virtual before it", s.key)
		case indented && !k.virtual:
			return at(line, "%s cannot stand in a virtual", s.key)
		case !indented && !k.global:
			return at(line, "%s belongs into a virtual, indented", s.key)
		case !indented:
			in = nil
			d.global[s.key] = s
			d.lose(&d.notes, s, k)
		case s.key == "real" || s.key == "real6":
			in.reals = append(in.reals, s)
		default:
			if _, twice := in.settings[s.key]; !twice {
				in.order = append(in.order, s.key)
			}
			in.settings[s.key] = s
		}
	}
	return nil
}

// lose notes a setting that is not carried over. Its value may be a secret if it is about signing in.
func (d *ldirectord) lose(to *notes, s setting, k ldKey) {
	switch {
	case k.lost == noLogin:
		to.lost(s.line, "%s, because %s", s.key, k.lost)
	case k.lost != "":
		to.lost(s.line, "%s = %s, because %s", s.key, bare(s.value), k.lost)
	}
}

func parseSetting(line int, text string) (setting, error) {
	key, value, found := strings.Cut(text, "=")
	if !found {
		return setting{}, at(line, "KEY = VALUE expected")
	}
	s := setting{line, strings.TrimRight(key, " \t"), strings.TrimLeft(value, " \t")}
	quoted := byte(0)
	for i := range len(s.value) { // a comment at the end
		c := s.value[i]
		switch {
		case quoted != 0 && c == quoted:
			quoted = 0
		case quoted == 0 && c == '"':
			quoted = c
		case quoted == 0 && c == '#' && i > 0 && (s.value[i-1] == ' ' || s.value[i-1] == '\t'):
			s.value = strings.TrimRight(s.value[:i], " \t")
			return s.unquoted(), nil
		}
	}
	if quoted != 0 {
		return setting{}, at(line, "a quote that is never closed")
	}
	return s.unquoted(), nil
}

// unquoted removes the quotes around a value. Those within a real stay.
func (s setting) unquoted() setting {
	if v := s.value; s.key != "real" && s.key != "real6" && len(v) > 1 && v[0] == '"' && strings.IndexByte(v[1:], '"') == len(v)-2 {
		s.value = v[1 : len(v)-1]
	}
	return s
}

// find looks a key up in a block, and then in the global part.
func (d *ldirectord) find(b *block, key string) (setting, bool) {
	if s, ok := b.settings[key]; ok {
		return s, true
	}
	s, ok := d.global[key]
	return s, ok
}

// yes reads a setting of yes and no.
func (d *ldirectord) yes(b *block, key string, without bool) (bool, error) {
	s, ok := d.find(b, key)
	switch {
	case !ok:
		return without, nil
	case s.value == "yes" || s.value == "no":
		return s.value == "yes", nil
	}
	return false, at(s.line, "%s %s: yes or no expected", key, quote(s.value))
}

func (d *ldirectord) build() error {
	for _, b := range d.blocks {
		if err := d.virtualServer(b); err != nil {
			return err
		}
	}
	return nil
}

func (d *ldirectord) virtualServer(b *block) error {
	v := &virtual{line: b.line, name: b.settings["servicename"].value, check: check{kind: "none"}}
	if err := d.service(b, v); err != nil {
		return err
	}
	for _, key := range b.order {
		d.lose(&v.notes, b.settings[key], ldKeys[key])
	}
	if err := d.options(b, v); err != nil {
		return err
	}
	c, err := d.newProbe(b, v)
	if err != nil {
		return err
	}
	for _, s := range b.reals {
		if err := d.realServers(v, c, s); err != nil {
			return err
		}
		if len(v.servers) > maxServers {
			return at(s.line, "more than %d real servers", maxServers)
		}
	}
	if v.mark == 0 && v.port == 0 {
		d.lostPortless(v)
		return nil
	}
	return d.addVirtual(v)
}

// service reads what the virtual server is for.
func (d *ldirectord) service(b *block, v *virtual) error {
	protocol, has := b.settings["protocol"]
	six := b.key == "virtual6"
	if strings.Trim(b.value, "0123456789") == "" && b.value != "" {
		var err error
		if has && protocol.value != "fwm" {
			return at(protocol.line, "protocol %s: fwm expected for a firewall mark", quote(protocol.value))
		}
		v.mark, err = readMark(b.line, b.value)
		v.ipv6 = six
		return err
	}
	if v.protocol = "tcp"; has {
		v.protocol = protocol.value
	}
	if v.protocol != "tcp" && v.protocol != "udp" {
		return at(protocol.line, "protocol %s: tcp or udp expected", quote(v.protocol))
	}
	var err error
	if v.host, v.port, err = d.hostPort(b.line, b.value, v.protocol, 0); err != nil {
		return err
	}
	if six != v.host.addr.Is6() {
		return at(b.line, "%s is of another family than %s", bare(v.host.text), b.key)
	}
	if !has && v.port == 53 {
		v.protocol = "udp"
	}
	return nil
}

// options reads what is not about checks.
func (d *ldirectord) options(b *block, v *virtual) error {
	scheduler := setting{b.line, "scheduler", "wrr"}
	if s, ok := b.settings["scheduler"]; ok {
		scheduler = s
	}
	if err := v.scheduler(scheduler.line, scheduler.value); err != nil {
		return err
	}
	if s, ok := b.settings["persistent"]; ok {
		if err := v.persistence(s.line, s.value, b.settings["netmask"].value); err != nil {
			return err
		}
	}
	ops, err := d.yes(b, "ops", false)
	if err == nil && ops {
		err = v.onePacket(b.settings["ops"].line)
	}
	if err != nil {
		return err
	}
	if v.quiesce, err = d.yes(b, "quiescent", true); err != nil {
		return err
	}
	clean, err := d.yes(b, "cleanstop", true)
	if err != nil {
		return err
	}
	if !clean {
		s, _ := d.find(b, "cleanstop")
		v.notes.lost(s.line, "cleanstop = no, because lvsd removes what it has put into the table when it is told to end")
	}
	return d.fallback(b, v)
}

// fallback reads ADDRESS[:PORT] [gate|masq|ipip].
func (d *ldirectord) fallback(b *block, v *virtual) error {
	key := "fallback"
	if v.is6() {
		key = "fallback6"
	}
	s, ok := d.find(b, key)
	if !ok {
		return nil
	}
	words := strings.Fields(s.value)
	if len(words) < 1 || len(words) > 2 {
		return at(s.line, "%s: an address and perhaps one of gate, masq and ipip expected", key)
	}
	v.sorry = &sorry{line: s.line}
	var err error
	if v.sorry.host, v.sorry.port, err = d.hostPort(s.line, words[0], portProtocol(v), 0); err != nil {
		return err
	}
	if len(words) == 2 {
		v.sorry.forward, err = ldForward(s.line, words[1])
	}
	return err
}

// portProtocol is the protocol whose services a virtual server's ports are.
func portProtocol(v *virtual) string {
	if v.protocol == "udp" {
		return "udp"
	}
	return "tcp"
}
