package importer

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// checker reads the check of a real server. A program is given back, to be made one with those of the other servers.
func (k *keepalived) checker(v *virtual, s *server, t tuning, n *node) (*program, error) {
	c := checker{keepalived: k, v: v, s: s, t: t}
	var read func(*node) error
	switch n.words[0] {
	case "TCP_CHECK":
		s.check.kind, read = "tcp", c.plain
	case "HTTP_GET":
		s.check.kind, read = "http", c.http
	case "SSL_GET":
		s.check.kind, s.check.trusting, read = "https", true, c.http
	case "SMTP_CHECK":
		s.check.kind, read = "smtp", c.smtp
	case "DNS_CHECK":
		s.check.kind, s.check.host, read = "dns", ".", c.dns
	case "PING_CHECK":
		s.check.kind, read = "ping", c.plain
	case "MISC_CHECK":
		s.check.kind, read = "script", c.misc
	default:
		v.notes.lost(n.line, "%s, because lvs.cf has no such check", show(n))
		v.notes.ask(n.line, "check; with check = none real servers count as up")
		return nil, nil
	}
	if err := c.each(n, read); err != nil {
		return nil, err
	}
	return c.finish(n)
}

// checker is a check being read.
type checker struct {
	*keepalived
	v       *virtual
	s       *server
	t       tuning
	command string // of MISC_CHECK
	urls    int
	host    string // of the url or the greeting
	regex   *node
	option  *node // of the regex: it means something else then
}

func (c *checker) each(n *node, read func(*node) error) error {
	for _, child := range n.children {
		if c.skip(child, &c.v.notes) {
			continue
		}
		if err := read(child); err != nil {
			return err
		}
	}
	return nil
}

// finish completes a check once all is read.
func (c *checker) finish(n *node) (*program, error) {
	k := &c.s.check
	k.timeout = c.t.interval
	retry := map[string]int{"dns": 3, "script": 0}
	times, special := retry[k.kind]
	switch {
	case c.t.retry >= 0:
		times = c.t.retry
	case !special:
		times = 1
	}
	if k.fall = times + 1; !c.timed {
		c.timed = true
		c.notes.differs(0, "timeout is delay_loop: the time between two checks, the longest that one may take, and the time until one that failed is made again; keepalived has connect_timeout and delay_before_retry for the last two")
		c.notes.differs(0, "fall is one more than retry, which is 1 where nothing is said, 3 for DNS_CHECK and 0 for MISC_CHECK")
	}
	switch k.kind {
	case "http", "https":
		k.host = c.host
		if k.host == "" {
			k.host = c.t.virtualhost
		}
		if k.host != "" && !isCheckName(k.host) {
			c.v.notes.lost(n.line, "virtualhost %s, because it is no name of a host", bare(k.host))
			k.host = ""
		}
		if c.urls == 0 {
			return nil, at(n.line, "%s without a url", n.words[0])
		}
	case "smtp":
		k.host = c.host
	case "dns":
		if c.v.protocol != "udp" {
			c.v.notes.differs(n.line, "check = dns asks over tcp, as the protocol of the service is; DNS_CHECK asks over udp")
		}
	case "script":
		if c.command == "" {
			return nil, at(n.line, "MISC_CHECK without misc_path")
		}
		_, err := lvscf.Statement(lvscf.InVirtual, "send_program", c.command)
		if err != nil || strings.Contains(c.command, "%h") || strings.Contains(c.command, "%p") {
			c.v.notes.lost(n.line, "%s, because send_program has another meaning for %%h and %%p, and not room for all quotes", show(n))
			c.v.notes.ask(n.line, "check; with check = none real servers count as up")
			*k = check{kind: "none"}
			return nil, nil
		}
		c.v.notes.differs(n.line, "a program runs as user piranha, or as root under the rules of lvs.cf(5), client_monitor")
		k.program = c.command
		return &program{c.s, c.command}, nil
	}
	return nil, nil
}

// plain reads what every check may have.
func (c *checker) plain(n *node) error {
	var err error
	var text string
	switch n.words[0] {
	case "connect_ip":
		if text, err = word(n); err == nil {
			c.s.checkAddr, err = c.keepalived.host(n.line, text)
		}
	case "connect_port":
		if text, err = word(n); err == nil {
			c.s.checkPort, err = c.port(n.line, text, "tcp")
		}
	case "bindto":
		if text, err = word(n); err == nil {
			return c.source(n, text)
		}
	case "alpha":
	default:
		known, err := c.tune(c.v, &c.t, n)
		if !known {
			c.v.notes.lost(n.line, "%s, because lvs.cf has nothing like it", show(n))
		}
		return err
	}
	return err
}

// source carries the address checks come from over.
func (c *checker) source(n *node, text string) error {
	h, err := c.keepalived.host(n.line, text)
	if err != nil {
		return err
	}
	checked := c.s.host
	if c.s.checkAddr.text != "" {
		checked = c.s.checkAddr
	}
	if h.addr.Is4() != checked.addr.Is4() {
		c.v.notes.lost(n.line, "%s, because it is of another family than what is checked", show(n))
		return nil
	}
	c.s.check.source = h.addr.String()
	c.v.notes.differs(n.line, "the two routers, whose lvs.cf is the same, must both have the address of check_source")
	return nil
}

func (c *checker) http(n *node) error {
	switch n.words[0] {
	case "url":
		if c.urls++; c.urls > 1 {
			c.v.notes.lost(n.line, "one more url, because lvs.cf has one check_path")
			return nil
		}
		c.s.check.path, c.s.check.status = "/", "200-299"
		err := c.each(n, c.url)
		if err == nil && c.regex != nil {
			err = c.body(c.regex)
		}
		return err
	case "enable_sni": // always done with a virtualhost
	case "host": // the old way to write connect_ip and its like
		return c.each(n, c.plain)
	default:
		return c.plain(n)
	}
	return nil
}

// statusWord is a status or a range of statuses.
var statusWord = regexp.MustCompile(`^[1-9][0-9]{2}(-[1-9][0-9]{2})?$`)

func (c *checker) url(n *node) error {
	k := &c.s.check
	switch n.words[0] {
	case "path":
		path, err := word(n)
		if err != nil {
			return err
		}
		if !isPath(path) {
			return at(n.line, "path %s: it begins with / and has no blanks", quote(path))
		}
		k.path = path
	case "status_code":
		for _, w := range n.words[1:] {
			if first, last, ranged := strings.Cut(w, "-"); !statusWord.MatchString(w) || ranged && last < first {
				return at(n.line, "status_code %s: a number from 100 to 999 or a range expected", quote(w))
			}
		}
		if len(n.words) > 1 {
			k.status = strings.Join(n.words[1:], ",")
		}
	case "virtualhost":
		host, err := word(n)
		c.host = host
		return err
	case "digest":
		c.v.notes.lost(n.line, "digest, because lvs.cf has none: check_body looks for a text or an expression")
	case "regex":
		c.regex = n
	case "regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset":
		c.option = n
	default:
		c.v.notes.lost(n.line, "%s, because lvs.cf has nothing like it", show(n))
	}
	return nil
}

// body carries the expression for the body over, if it means the same in lvs.cf.
func (c *checker) body(n *node) error {
	text, err := word(n)
	if err != nil {
		return err
	}
	p, ok := perlPattern(text)
	switch {
	case c.option != nil:
		c.v.notes.lost(n.line, "%s, because lvs.cf has nothing like its %s", show(n), show(c.option))
	case !ok:
		c.v.notes.lost(n.line, "%s, because POSIX's notation has no expression with that meaning", show(n))
	case p.literal:
		c.s.check.body = escaped(p.text)
	default:
		c.s.check.body, c.s.check.regex = escaped(p.ere), true
	}
	return nil
}

func (c *checker) smtp(n *node) error {
	switch n.words[0] {
	case "helo_name":
		name, err := word(n)
		if err == nil && !isCheckName(name) {
			return at(n.line, "helo_name %s: a name of a host expected", quote(name))
		}
		c.host = name
		return err
	case "host":
		return c.each(n, c.plain)
	}
	return c.plain(n)
}

func (c *checker) dns(n *node) error {
	switch n.words[0] {
	case "name":
		name, err := word(n)
		if err == nil && !isCheckName(name) {
			return at(n.line, "name %s: a name of a host expected", quote(name))
		}
		c.s.check.host = name
		return err
	case "type":
		if len(n.words) != 2 || n.words[1] != "A" {
			c.v.notes.differs(n.line, "check = dns asks for addresses, not for %s", bare(strings.Join(n.words[1:], " ")))
		}
		return nil
	}
	return c.plain(n)
}

func (c *checker) misc(n *node) error {
	switch n.words[0] {
	case "misc_path":
		c.command = strings.Join(n.words[1:], " ")
		if !strings.HasPrefix(strings.TrimLeft(c.command, `"'`), "/") || strings.ContainsFunc(c.command, unicode.IsControl) {
			return at(n.line, "misc_path %s: a path that begins with / expected", quote(c.command))
		}
	case "user":
		c.v.notes.lost(n.line, "%s, because lvs.cf does not name the user", show(n))
	case "misc_dynamic":
		c.v.notes.lost(n.line, "misc_dynamic, because only status 0 is good here; load_monitor is for weights by load")
	default:
		return c.plain(n)
	}
	return nil
}

// program is the command that checks a real server.
type program struct {
	s       *server
	command string
}

// settlePrograms makes the commands for all real servers one, where they differ in the address or also in the port alone.
func settlePrograms(list []*program) {
	for _, form := range []func(*program) string{
		func(p *program) string { return p.command },
		func(p *program) string { return p.replaced(false) },
		func(p *program) string { return p.replaced(true) },
	} {
		same := true
		for _, p := range list {
			same = same && form(p) == form(list[0])
		}
		if same {
			for _, p := range list {
				p.s.check.program = form(p)
			}
			return
		}
	}
}

// replaced is the command with what nanny replaces where there is the server's address, or also its port, as a word.
func (p *program) replaced(port bool) string {
	words := strings.Split(p.command, " ")
	for i, w := range words {
		switch {
		case i > 0 && w == p.s.host.text:
			words[i] = "%h"
		case i > 0 && port && p.s.port != 0 && w == strconv.Itoa(int(p.s.port)):
			words[i] = "%p"
		}
	}
	return strings.Join(words, " ")
}

// isPath reports whether check_path takes a text.
func isPath(text string) bool { return strings.HasPrefix(text, "/") && isVisible(text) }

// isCheckName reports whether check_host takes a text.
func isCheckName(text string) bool {
	return text != "" && len(text) <= 253 && isVisible(text) && !strings.ContainsAny(text, `/@"'\`)
}

// isVisible reports whether a text is of visible ASCII characters alone.
func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
