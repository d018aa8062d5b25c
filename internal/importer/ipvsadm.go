package importer

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Ipvsadm reads what `ipvsadm -S` prints, with or without -n, and what `ipvsadm -R` takes: a rule to a line, in long or
// short options. Rules that change others (-E, -e, -D, -d, -C) are refused: such a file is a script and no table.
func Ipvsadm(text []byte, o Options) (*Result, error) {
	return run(text, o, "ipvsadm", "what ipvsadm -S prints", (*file).ipvsadm)
}

// rule is a line.
type rule struct {
	line    int
	command string // -A, -a, --set, --start-daemon
	args    []string
	service string // -t, -u, --sctp-service, -f
	addr    string // what follows that
	real    string
	value   map[string]string // other options, by their short name where they have one; "" for those without a value
}

// ruleOption is an option by any of its names, the first of which is used from then on.
type ruleOption struct {
	names string
	takes int // values: 0, 1, or -1 for one that may be left out
	of    string
}

// Options that ipvsadm(8) has for rules. of are the commands they are for.
var ruleOptions = []ruleOption{
	{"-A --add-service", 0, ""}, {"-a --add-server", 0, ""}, {"--set", 3, ""}, {"--start-daemon", 1, ""},
	{"-t --tcp-service", 1, "Aa"}, {"-u --udp-service", 1, "Aa"}, {"--sctp-service", 1, "Aa"}, {"-f --fwmark-service", 1, "Aa"},
	{"-6 --ipv6", 0, "Aa"}, {"-n --numeric", 0, "Aa"},
	{"-s --scheduler", 1, "A"}, {"-p --persistent", -1, "A"}, {"-M --netmask", 1, "A"}, {"--pe", 1, "A"}, {"-b --sched-flags", 1, "A"}, {"-o --ops", 0, "A"},
	{"-r --real-server", 1, "a"}, {"-g --gatewaying", 0, "a"}, {"-i --ipip", 0, "a"}, {"-m --masquerading", 0, "a"},
	{"-w --weight", 1, "a"}, {"-x --u-threshold", 1, "a"}, {"-y --l-threshold", 1, "a"},
	{"--tun-type", 1, "a"}, {"--tun-port", 1, "a"}, {"--tun-nocsum", 0, "a"}, {"--tun-csum", 0, "a"}, {"--tun-remcsum", 0, "a"},
	{"--syncid", 1, "d"}, {"--mcast-interface", 1, "d"}, {"--sync-maxlen", 1, "d"}, {"--mcast-group", 1, "d"}, {"--mcast-port", 1, "d"}, {"--mcast-ttl", 1, "d"},
}

func (f *file) ipvsadm(text string) error {
	known := make(map[string]*virtual)
	line := 0
	for text := range strings.Lines(text) {
		line++
		words := strings.Fields(text)
		if len(words) > 0 && (words[0] == "ipvsadm" || strings.HasSuffix(words[0], "/ipvsadm")) {
			words = words[1:]
		}
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		r, err := parseRule(line, words)
		if err != nil {
			return err
		}
		if err := f.rule(r, known); err != nil {
			return err
		}
	}
	if len(f.virtual) > 0 {
		f.notes.ask(0, "check and how often (timeout) for each virtual server: in ipvsadm there are no checks, and with check = none all real servers count as up")
	}
	return nil
}

func (f *file) rule(r *rule, known map[string]*virtual) error {
	switch r.command {
	case "--set":
		return f.timeouts(r.line, r.args[0], r.args[1], r.args[2])
	case "--start-daemon":
		return f.startDaemon(r)
	case "":
		return at(r.line, "no -A and no -a: is this what ipvsadm -S prints?")
	}
	v, err := f.ruleService(r)
	if err != nil {
		return err
	}
	key := v.row()
	if r.command == "-a" {
		if known[key] == nil {
			return at(r.line, "no virtual server before that has this real server")
		}
		return f.ruleServer(r, known[key])
	}
	if known[key] != nil {
		return at(r.line, "the virtual server of line %d once more", known[key].line)
	}
	known[key] = v
	if v.mark == 0 && v.port == 0 {
		f.lostPortless(v)
		return nil
	}
	return f.addVirtual(v)
}

// lostPortless notes a virtual server for all ports of its address.
func (f *file) lostPortless(v *virtual) {
	f.portless = v.line
	f.notes.lost(v.line, "virtual server %s with its real servers, because it is for all ports, which lvs.cf has for firewall marks only (fwmark)", v.host.text)
}

// parseRule sorts the words of a line.
func parseRule(line int, words []string) (*rule, error) {
	r := &rule{line: line, value: make(map[string]string)}
	var of []string // each option with the commands it is for
	for len(words) > 0 {
		word, value, joined := strings.Cut(words[0], "=")
		words = words[1:]
		o := optionNamed[word]
		if o == nil && !strings.HasPrefix(word, "-") {
			return nil, at(line, "%s is no option: is this what ipvsadm -S prints?", quote(word))
		}
		if o == nil {
			return nil, at(line, "%s is no option of a rule", quote(word))
		}
		name, _, _ := strings.Cut(o.names, " ")
		var values []string
		switch {
		case joined && (o.takes == 1 || o.takes == -1):
			values = []string{value}
		case joined:
			return nil, at(line, "%s takes no value", word)
		case o.takes > len(words):
			return nil, at(line, "nothing behind %s", word)
		case o.takes > 0:
			values, words = words[:o.takes], words[o.takes:]
		case o.takes == -1 && len(words) > 0 && !strings.HasPrefix(words[0], "-"):
			values, words = words[:1], words[1:]
		}
		if err := r.take(name, o.of, values); err != nil {
			return nil, err
		}
		of = append(of, o.of, name)
	}
	letter := map[string]string{"-A": "A", "-a": "a", "--start-daemon": "d"}[r.command]
	for i := 0; i < len(of); i += 2 {
		if of[i] != "" && (letter == "" || !strings.Contains(of[i], letter)) {
			return nil, at(line, "%s does not go with %s", of[i+1], cmp.Or(r.command, "no command"))
		}
	}
	return r, nil
}

// optionNamed finds an option by each of its names.
var optionNamed = func() map[string]*ruleOption {
	m := make(map[string]*ruleOption)
	for i := range ruleOptions {
		for name := range strings.FieldsSeq(ruleOptions[i].names) {
			m[name] = &ruleOptions[i]
		}
	}
	return m
}()

// take sorts one option in.
func (r *rule) take(name, of string, values []string) error {
	value := strings.Join(values, " ")
	_, twice := r.value[name]
	switch {
	case of == "" && r.command != "":
		return at(r.line, "%s and %s in one rule", r.command, name)
	case of == "":
		r.command, r.args = name, values
	case slices.Contains([]string{"-t", "-u", "--sctp-service", "-f"}, name):
		if r.service != "" {
			return at(r.line, "%s and %s in one rule", r.service, name)
		}
		r.service, r.addr = name, value
	case twice:
		return at(r.line, "%s twice", name)
	case name == "-r":
		r.real = value
		r.value[name] = value
	default:
		r.value[name] = value
	}
	return nil
}

func (r *rule) has(name string) bool { _, ok := r.value[name]; return ok }

// timeouts carries the kernel's timeouts over; 0 leaves one as it is.
func (f *file) timeouts(line int, tcp, fin, udp string) error {
	for i, text := range []string{tcp, fin, udp} {
		n, err := number(line, "timeout", text, 0, math.MaxInt32)
		if err != nil {
			return err
		}
		if n > 0 {
			f.setGlobal([]string{"tcp_timeout", "tcpfin_timeout", "udp_timeout"}[i], strconv.FormatUint(n, 10))
		}
	}
	return nil
}

// setGlobal gives a key of the file a value, in place of one it had.
func (f *file) setGlobal(key, value string) {
	f.global = slices.DeleteFunc(f.global, func(p pair) bool { return p.key == key })
	f.global = append(f.global, pair{key: key, value: value})
}

// startDaemon carries the kernel's copying of connections over: lvs.cf has the same for both states.
func (f *file) startDaemon(r *rule) error {
	if state := r.args[0]; state != "master" && state != "backup" {
		return at(r.line, "state %s: master or backup expected", quote(state))
	}
	for _, name := range []string{"--sync-maxlen", "--mcast-group", "--mcast-port", "--mcast-ttl"} {
		if r.has(name) {
			f.notes.lost(r.line, "%s, because the kernel's default is used", name)
		}
	}
	return f.syncDaemon(r.line, r.value["--mcast-interface"], r.value["--syncid"])
}

// syncDaemon carries the kernel's copying of connections over. What was said first counts.
func (f *file) syncDaemon(line int, device, id string) error {
	if device != "" {
		if err := deviceWord(line, device); err != nil {
			return err
		}
		for _, p := range f.global {
			if p.key == "syncd_iface" && p.value != device {
				f.notes.lost(line, "device %s for copying connections, because lvs.cf has one, %s here", bare(device), p.value)
				return nil
			}
		}
		f.setGlobal("syncd_iface", device)
	}
	if id != "" {
		n, err := number(line, "sync id", id, 0, 255)
		if err != nil {
			return err
		}
		f.setGlobal("syncd_id", strconv.FormatUint(n, 10))
	}
	f.setGlobal("syncdaemon", "1")
	return nil
}

// ruleService reads what a rule says about a virtual server.
func (f *file) ruleService(r *rule) (*virtual, error) {
	v := &virtual{line: r.line, check: check{kind: "none"}, protocol: map[string]string{"-u": "udp", "--sctp-service": "sctp"}[r.service]}
	var err error
	switch r.service {
	case "":
		return nil, at(r.line, "no -t, -u, --sctp-service or -f")
	case "-f":
		v.ipv6 = r.has("-6")
		v.mark, err = readMark(r.line, r.addr)
	default:
		v.protocol = cmp.Or(v.protocol, "tcp")
		v.host, v.port, err = f.hostPort(r.line, r.addr, v.protocol, 0)
	}
	if err != nil || r.command == "-a" {
		return v, err
	}
	if s, ok := r.value["-s"]; ok {
		if err := v.scheduler(r.line, s); err != nil {
			return nil, err
		}
	}
	v.schedulerFlags(r.line, strings.Split(r.value["-b"], ","))
	if r.has("-o") {
		if err := v.onePacket(r.line); err != nil {
			return nil, err
		}
	}
	if engine := r.value["--pe"]; engine != "" {
		v.notes.lost(r.line, "persistence engine %s, because lvs.cf has none", bare(engine))
	}
	if !r.has("-p") {
		return v, nil
	}
	return v, v.persistence(r.line, cmp.Or(r.value["-p"], "300"), r.value["-M"])
}

// ruleServer reads a real server.
func (f *file) ruleServer(r *rule, v *virtual) error {
	if r.real == "" {
		return at(r.line, "no -r")
	}
	s := &server{line: r.line, weight: 1, check: check{kind: "none"}}
	var err error
	if s.host, s.port, err = f.hostPort(r.line, r.real, v.protocol, v.port); err != nil {
		return err
	}
	if s.forward, err = r.forward(v); err != nil {
		return err
	}
	if text, ok := r.value["-w"]; ok {
		if s.weight, err = v.weight(r.line, text); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		name string
		to   *uint32
	}{{"-x", &s.upper}, {"-y", &s.lower}} {
		if text, ok := r.value[t.name]; ok {
			n, err := number(r.line, "threshold", text, 0, math.MaxUint32)
			if err != nil {
				return err
			}
			*t.to = uint32(n)
		}
	}
	v.servers = append(v.servers, s)
	return f.count(r.line, 1)
}

// forward reads how packets reach the server.
func (r *rule) forward(v *virtual) (fw forward, err error) {
	ways := 0
	fw.way = "direct"
	for _, o := range []struct{ name, way string }{{"-g", "direct"}, {"-i", "tunnel"}, {"-m", "nat"}} {
		if r.has(o.name) {
			fw.way = o.way
			ways++
		}
	}
	if ways > 1 {
		return fw, at(r.line, "more than one of -g, -i and -m")
	}
	if fw.way != "tunnel" {
		return fw, nil
	}
	if fw.tunnel, err = readTunnel(r.line, cmp.Or(r.value["--tun-type"], "ipip"), r.value["--tun-port"]); err != nil {
		return fw, err
	}
	fw.checksum = r.has("--tun-csum") && fw.kind != ""
	if r.has("--tun-remcsum") {
		v.notes.lost(r.line, "--tun-remcsum, because lvs.cf has no remote checksums")
	}
	return fw, nil
}
