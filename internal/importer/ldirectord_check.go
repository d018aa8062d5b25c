package importer

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ldProbe is how ldirectord checks the real servers of a virtual server, but for what each may have of its own.
type ldProbe struct {
	d    *ldirectord
	v    *virtual
	b    *block
	typ  setting // checktype
	kind string  // service
	base check
	port uint16 // checkport
}

func (d *ldirectord) newProbe(b *block, v *virtual) (*ldProbe, error) {
	p := &ldProbe{d: d, v: v, b: b, typ: setting{b.line, "checktype", "negotiate"}}
	if s, ok := b.settings["checktype"]; ok {
		p.typ = s
	}
	if !isCheckType(p.typ.value) {
		return nil, at(p.typ.line, "checktype %s: one of %s or a number expected", quote(p.typ.value), strings.Join(checkTypes, ", "))
	}
	if p.kind = servicesOf[v.port]; p.kind == "" {
		p.kind = "none"
	}
	if s, ok := b.settings["service"]; ok {
		if p.kind = s.value; !isService(p.kind) {
			return nil, at(s.line, "service %s: ldirectord has none of that name", quote(p.kind))
		}
	}
	var err error
	if p.base.timeout, err = d.interval(b, v); err != nil {
		return nil, err
	}
	if p.base.fall, err = d.failures(b); err != nil {
		return nil, err
	}
	p.port, err = d.checkPort(b)
	if s, ok := b.settings["httpmethod"]; ok && s.value != "GET" {
		v.notes.lost(s.line, "httpmethod = %s, because check = http asks with GET", bare(s.value))
	}
	return p, err
}

// apply gives a real server its check.
func (p *ldProbe) apply(s *server, request, receive *string) error {
	s.check, s.checkPort = p.base, p.port
	if p.typ.value != "on" && p.typ.value != "off" && !p.d.timed {
		p.d.timed = true
		p.d.notes.differs(0, "timeout is checkinterval: the time between two checks, and the longest that one may take; ldirectord has checktimeout and negotiatetimeout for that")
	}
	text := func(own *string, key string) setting {
		if own != nil {
			return setting{s.line, key, *own}
		}
		return p.b.settings[key]
	}
	switch p.typ.value {
	case "off":
		s.off = true
		p.v.notes.differs(p.typ.line, "checktype = off is active = 0 for every real server")
		fallthrough
	case "on":
		s.check = check{kind: "none"}
	case "ping":
		s.check.kind = "ping"
	case "connect":
		s.check.kind = "tcp"
		if p.v.protocol == "udp" {
			s.check.kind = "ping" // as ldirectord does
		}
	case "external", "external-perl":
		return p.external(s)
	default:
		if isCount(p.typ.value) {
			p.v.notes.differs(p.typ.line, "checktype = %s is for some connections between two checks of what is answered; here all checks look at that", bare(p.typ.value))
		}
		p.negotiate(s, text(request, "request"), text(receive, "receive"))
	}
	return nil
}

// none is the check of a real server for whose own there is none in lvs.cf.
func (p *ldProbe) none(s *server) {
	s.check = check{kind: "none"}
	p.v.notes.ask(p.typ.line, "check; with check = none real servers count as up")
}

// external makes ldirectord's four arguments.
func (p *ldProbe) external(s *server) error {
	command := setting{p.typ.line, "checkcommand", "/bin/true"}
	if c, ok := p.b.settings["checkcommand"]; ok {
		command = c
	}
	if !strings.HasPrefix(command.value, "/") || !isVisible(command.value) || strings.ContainsAny(command.value, `"'%\`) {
		return at(command.line, "checkcommand %s: the path of a program expected", quote(command.value))
	}
	if p.v.mark != 0 {
		p.v.notes.lost(command.line, "checkcommand = %s, because its second argument, the port of a firewall mark, is not known", bare(command.value))
		p.none(s)
		return nil
	}
	s.check.kind = "script"
	s.check.program = command.value + " " + p.v.host.addr.String() + " " + strconv.Itoa(int(p.v.port)) + " %h %p"
	p.v.notes.differs(command.line, "a program runs as user piranha, or as root under the rules of lvs.cf(5), client_monitor")
	if p.typ.value == "external-perl" {
		p.v.notes.differs(p.typ.line, "checktype = external-perl runs in ldirectord itself; here the script must be a program of its own")
	}
	return nil
}

// negotiate carries the check of a service over.
func (p *ldProbe) negotiate(s *server, request, receive setting) {
	c := &s.check
	line := p.typ.line
	switch p.kind {
	case "none":
		*c = check{kind: "none"}
	case "http", "https":
		c.kind = p.kind
		p.http(c, request, receive)
	case "simpletcp":
		c.kind = "tcp"
		p.simple(c, request, receive)
	case "smtp", "submission":
		c.kind = "smtp"
		p.lostTexts(c, setting{}, receive)
	case "dns":
		c.kind, c.host = "dns", request.value
		if _, err := netip.ParseAddr(c.host); err == nil || !isCheckName(c.host) {
			c.host = "."
			p.v.notes.differs(cmp.Or(request.line, line), "check = dns asks for the root, because the request %s is no name", quote(request.value))
		}
		p.lostTexts(c, setting{}, receive)
	case "imaps", "pops", "ldaps":
		c.kind = "tls"
		p.trust(c)
		p.v.notes.differs(line, "service = %s: check = tls makes a connection and shakes hands, no more", p.kind)
		p.lostTexts(c, request, receive)
	default:
		p.lostTexts(c, request, receive)
		if p.v.protocol == "udp" || p.kind == "radius" {
			p.v.notes.lost(line, "service = %s, because lvs.cf has no such check", p.kind)
			p.none(s)
			return
		}
		c.kind = "tcp"
		p.v.notes.differs(line, "service = %s: check = tcp makes a connection, no more", p.kind)
	}
}

// lostTexts notes what the check has no use for.
func (p *ldProbe) lostTexts(c *check, request, receive setting) {
	if request.value != "" {
		p.v.notes.lost(request.line, "request %s, because check = %s sends none", quote(request.value), c.kind)
	}
	if receive.value != "" {
		p.v.notes.lost(receive.line, "receive %s, because check = %s does not compare the answer", quote(receive.value), c.kind)
	}
}

// trust notes that certificates are not looked at.
func (p *ldProbe) trust(c *check) {
	c.trusting = true
	p.v.notes.differs(p.v.line, "certificates are not looked at; check_verify = 1 has them verified")
}

func (p *ldProbe) http(c *check, request, receive setting) {
	path := request.value
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
		p.v.notes.differs(request.line, "the request %s is made of the real server itself, not of the host in it", quote(request.value))
	}
	c.path = "/" + strings.TrimPrefix(path, "/")
	if !isPath(c.path) {
		p.v.notes.lost(request.line, "request %s, because check_path has no blanks and only ASCII", quote(request.value))
		c.path = "/"
	}
	if vh, ok := p.b.settings["virtualhost"]; ok {
		if isCheckName(vh.value) {
			c.host = vh.value
		} else {
			p.v.notes.lost(vh.line, "virtualhost %s, because it is no name of a host", quote(vh.value))
		}
	}
	if p.kind == "https" {
		p.trust(c)
	}
	switch pattern, ok := perlPattern(receive.value); {
	case !ok:
		p.v.notes.lost(receive.line, "receive %s, because POSIX's notation has no expression with that meaning", quote(receive.value))
	case pattern.literal:
		c.body = escaped(pattern.text)
	default:
		c.body, c.regex = escaped(pattern.ere), true
	}
}

// simple is simpletcp: a text, in which \n alone is an escape, and an expression for the answer.
func (p *ldProbe) simple(c *check, request, receive setting) {
	c.send = escaped(strings.ReplaceAll(request.value, `\n`, "\n"))
	switch pattern, ok := perlPattern(receive.value); {
	case receive.value == "":
	case !ok:
		p.v.notes.lost(receive.line, "receive %s, because POSIX's notation has no expression with that meaning", quote(receive.value))
	default:
		c.expect, c.regex = escaped(pattern.ere), true
	}
}

// interval is the time between two checks.
func (d *ldirectord) interval(b *block, v *virtual) (time.Duration, error) {
	fork, err := d.yes(b, "fork", false)
	if err != nil {
		return 0, err
	}
	s, ok := d.global["checkinterval"]
	if own, has := b.settings["checkinterval"]; has {
		if fork {
			s, ok = own, true
		} else {
			v.notes.lost(own.line, "checkinterval = %s, because ldirectord has it for itself without fork = yes", bare(own.value))
		}
	}
	if !ok {
		return 10 * time.Second, nil
	}
	n, err := number(s.line, "checkinterval", s.value, 1, 1e6)
	return time.Duration(n) * time.Second, err
}

// failures is how often a check fails before a real server is out.
func (d *ldirectord) failures(b *block) (int, error) {
	s, ok := d.find(b, "failurecount")
	if !ok {
		return 1, nil
	}
	n, err := number(s.line, "failurecount", s.value, 1, 1000)
	return int(n), err
}

// checkPort is the port that is checked, 0 for each real server's own.
func (d *ldirectord) checkPort(b *block) (uint16, error) {
	s, ok := b.settings["checkport"]
	if !ok {
		return 0, nil
	}
	n, err := number(s.line, "checkport", s.value, 1, math.MaxUint16)
	return uint16(n), err
}

// servicesOf are ldirectord's services, with the ports they are the default for.
var servicesOf = map[uint16]string{
	21: "ftp", 25: "smtp", 53: "dns", 80: "http", 110: "pop", 119: "nntp", 143: "imap", 389: "ldap", 443: "https", 587: "submission", 636: "ldaps",
	993: "imaps", 995: "pops", 1521: "oracle", 1812: "radius", 3128: "http_proxy", 3306: "mysql", 5432: "pgsql", 5060: "sip",
}

// isService reports whether ldirectord has a service.
func isService(name string) bool {
	if name == "none" || name == "simpletcp" {
		return true
	}
	for _, known := range servicesOf {
		if known == name {
			return true
		}
	}
	return false
}

// isCount reports whether a checktype asks for a number of connections between two negotiations.
func isCount(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0
}

var checkTypes = []string{"connect", "external", "external-perl", "negotiate", "off", "on", "ping"}

func isCheckType(text string) bool { return slices.Contains(checkTypes, text) || isCount(text) }
