package importer

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// tuning is what may stand in a virtual server, a real server and a check alike, the inner one counting.
type tuning struct {
	interval    time.Duration // delay_loop
	retry       int           // -1: by the kind of check
	virtualhost string
	inhibit     bool
	forward     forward
}

// defaultInterval is keepalived's delay_loop.
const defaultInterval = time.Minute

// virtualPattern is a virtual_server being read. It may stand for several services.
type virtualPattern struct {
	*virtual
	tuning
	reals         []*node
	flags         []string // of the scheduler
	sorryForward  *forward
	timeout, mask string // persistence
}

func (k *keepalived) virtualServer(n *node) error {
	if !n.block {
		return at(n.line, "virtual_server without a block")
	}
	p := &virtualPattern{
		virtual: &virtual{line: n.line, protocol: "tcp", check: check{kind: "none"}},
		tuning:  tuning{interval: defaultInterval, retry: -1, forward: forward{way: "nat"}},
	}
	for _, c := range n.children { // decides what names of services mean
		if c.words[0] == "protocol" && len(c.words) > 1 && !k.opaque(c) {
			if p.protocol = strings.ToLower(c.words[1]); !slices.Contains([]string{"tcp", "udp", "sctp"}, p.protocol) {
				return at(c.line, "protocol %s: TCP, UDP or SCTP expected", quote(c.words[1]))
			}
		}
	}
	services, err := k.services(n, p.protocol)
	if err != nil {
		return err
	}
	p.mark = services[0].mark // decides what goes with the rest
	for _, c := range n.children {
		if k.skip(c, &p.notes) {
			continue
		}
		if err := k.virtualStatement(p, c); err != nil {
			return err
		}
	}
	p.schedulerFlags(n.line, p.flags)
	if p.sorry != nil {
		p.sorry.forward = *cmp.Or(p.sorryForward, &p.forward)
	}
	if err := k.realServers(p); err != nil {
		return err
	}
	return k.expand(p, services)
}

// virtualStatement reads what says something about a virtual server alone.
func (k *keepalived) virtualStatement(p *virtualPattern, n *node) (err error) {
	switch n.words[0] {
	case "protocol": // read already
	case "real_server": // read when all that they have in common is known
		p.reals = append(p.reals, n)
	case "lb_algo", "lvs_sched":
		name, err := word(n)
		if err != nil {
			return err
		}
		return p.scheduler(n.line, name)
	case "sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1", "flag-2", "flag-3":
		p.flags = append(p.flags, n.words[0])
	case "ops":
		return p.onePacket(n.line)
	case "persistence_timeout":
		if p.timeout = "360"; len(n.words) > 1 {
			p.timeout = n.words[1]
		}
	case "persistence_granularity":
		p.mask, err = word(n)
	case "sorry_server":
		p.sorry, err = k.sorryServer(n, p.protocol)
	case "sorry_server_lvs_method":
		p.sorryForward, err = k.method(n, p.virtual)
	case "ip_family":
		p.ipv6 = p.mark != 0 && len(n.words) > 1 && n.words[1] == "inet6"
	case "alpha": // a real server is down until its first check has passed, as here
	case "quorum":
		if len(n.words) != 2 || n.words[1] != "1" {
			p.notes.lost(n.line, "%s, because lvs.cf has no quorum: one real server is enough", show(n))
		}
	case "quorum_up", "quorum_down":
		p.notes.lost(n.line, "%s, because lvs.cf has no command for that", show(n))
	default:
		var known bool
		if known, err = k.tune(p.virtual, &p.tuning, n); !known {
			p.notes.lost(n.line, "%s, because lvs.cf has nothing like it", show(n))
		}
	}
	return err
}

// tune reads what may stand at every level; it reports whether it knows the statement.
func (k *keepalived) tune(v *virtual, t *tuning, n *node) (known bool, err error) {
	switch n.words[0] {
	case "delay_loop":
		text, err := word(n)
		if err != nil {
			return true, err
		}
		s, err := seconds(n, "delay_loop", text)
		if err == nil && s < 0.001 {
			err = at(n.line, "delay_loop %s: more than 0 expected", quote(text))
		}
		t.interval = time.Duration(s * float64(time.Second)).Round(time.Millisecond)
		return true, err
	case "retry", "nb_get_retry":
		text, err := word(n)
		if err != nil {
			return true, err
		}
		times, err := number(n.line, n.words[0], text, 0, 999)
		t.retry = int(times)
		return true, err
	case "virtualhost":
		t.virtualhost, err = word(n)
	case "inhibit_on_failure":
		t.inhibit, err = flag(n)
	case "lb_kind", "lvs_method":
		var fw *forward
		if fw, err = k.method(n, v); err == nil {
			t.forward = *fw
		}
	case "connect_timeout", "misc_timeout":
		v.notes.lost(n.line, "%s, because a check may take timeout, which is delay_loop", show(n))
	case "delay_before_retry":
		v.notes.lost(n.line, "%s, because a check is made again after timeout, which is delay_loop", show(n))
	case "smtp_alert":
		v.notes.lost(n.line, "smtp_alert, because lvsd sends no mail")
	case "notify_up", "notify_down":
		v.notes.lost(n.line, "%s, because lvs.cf has no command for that", show(n))
	default:
		return false, nil
	}
	return true, err
}

// method reads `NAT`, `DR` or `TUN [type KIND [port N]] [csum]`.
func (k *keepalived) method(n *node, v *virtual) (*forward, error) {
	if len(n.words) < 2 {
		return nil, at(n.line, "%s: NAT, DR or TUN expected", n.words[0])
	}
	way := map[string]string{"NAT": "nat", "DR": "direct", "TUN": "tunnel"}[n.words[1]]
	if way == "" {
		return nil, at(n.line, "%s %s: NAT, DR or TUN expected", n.words[0], quote(n.words[1]))
	}
	fw := &forward{way: way}
	kind, port, checksum := "ipip", "", false
	for i := 2; i < len(n.words); i++ {
		argument := ""
		if i+1 < len(n.words) {
			argument = n.words[i+1]
		}
		switch n.words[i] {
		case "type":
			kind = argument
			i++
		case "port":
			port = argument
			i++
		case "csum":
			checksum = true
		case "nocsum":
		case "remcsum":
			v.notes.lost(n.line, "remcsum, because lvs.cf has no remote checksums")
		default:
			return nil, at(n.line, "%s: unknown word %s", n.words[0], quote(n.words[i]))
		}
	}
	if way != "tunnel" {
		return fw, nil
	}
	var err error
	fw.tunnel, err = readTunnel(n.line, kind, port)
	fw.checksum = checksum && fw.kind != ""
	return fw, err
}

func (k *keepalived) sorryServer(n *node, protocol string) (*sorry, error) {
	if len(n.words) < 2 || len(n.words) > 3 {
		return nil, at(n.line, "sorry_server: an address and perhaps a port expected")
	}
	s := &sorry{line: n.line}
	var err error
	if s.host, err = k.host(n.line, n.words[1]); err == nil && len(n.words) == 3 {
		s.port, err = k.port(n.line, n.words[2], protocol)
	}
	return s, err
}

// realServers reads the real servers of a virtual server.
func (k *keepalived) realServers(p *virtualPattern) error {
	var programs []*program
	for _, n := range p.reals {
		s, command, err := k.realServer(p.virtual, p.tuning, n)
		if err != nil {
			return err
		}
		p.servers = append(p.servers, s)
		if command != nil {
			programs = append(programs, command)
		}
	}
	settlePrograms(programs)
	return nil
}

func (k *keepalived) realServer(v *virtual, t tuning, n *node) (*server, *program, error) {
	if len(n.words) < 2 || len(n.words) > 3 {
		return nil, nil, at(n.line, "real_server: an address and perhaps a port expected")
	}
	s := &server{line: n.line, weight: 1, check: check{kind: "none"}}
	var err error
	if s.host, err = k.host(n.line, n.words[1]); err != nil {
		return nil, nil, err
	}
	if len(n.words) == 3 {
		if s.port, err = k.port(n.line, n.words[2], v.protocol); err != nil {
			return nil, nil, err
		}
	}
	var checks []*node
	for _, c := range n.children {
		if k.skip(c, &v.notes) {
			continue
		}
		switch c.words[0] {
		case "weight":
			var text string
			if text, err = word(c); err == nil {
				s.weight, err = v.weight(c.line, text)
			}
		case "uthreshold":
			s.upper, err = threshold(c)
		case "lthreshold":
			s.lower, err = threshold(c)
		case "alpha":
		default:
			var known bool
			if known, err = k.tune(v, &t, c); known {
				break
			}
			if c.block {
				checks = append(checks, c)
				break
			}
			v.notes.lost(c.line, "%s, because lvs.cf has nothing like it", show(c))
		}
		if err != nil {
			return nil, nil, err
		}
	}
	s.quiesce, s.forward = t.inhibit, t.forward
	var p *program
	for i, c := range checks {
		if i > 0 {
			v.notes.lost(c.line, "%s, because lvs.cf has one check for a real server, which is the first one here", show(c))
			continue
		}
		if p, err = k.checker(v, s, t, c); err != nil {
			return nil, nil, err
		}
	}
	return s, p, nil
}

func threshold(n *node) (uint32, error) {
	text, err := word(n)
	if err != nil {
		return 0, err
	}
	x, err := number(n.line, n.words[0], text, 0, math.MaxUint32)
	return uint32(x), err
}

// services lists what a virtual_server stands for: an address and port, a firewall mark, or a group of those.
func (k *keepalived) services(n *node, protocol string) ([]*virtual, error) {
	words := n.words[1:]
	switch {
	case len(words) == 2 && words[0] == "group":
		list, err := k.groupServices(n, words[1], protocol)
		if err == nil && len(list) == 0 {
			err = at(n.line, "the virtual_server_group %s is empty", bare(words[1]))
		}
		return list, err
	case len(words) == 2 && words[0] == "fwmark":
		v, err := k.markService(n, words[1:])
		return []*virtual{v}, err
	case len(words) == 1 || len(words) == 2:
		v := &virtual{line: n.line}
		var err error
		if v.host, err = k.host(n.line, words[0]); err == nil && len(words) == 2 {
			v.port, err = k.port(n.line, words[1], protocol)
		}
		return []*virtual{v}, err
	}
	return nil, at(n.line, "virtual_server: an address and port, fwmark N or group NAME expected")
}

// expand makes a virtual server of the pattern for each service.
func (k *keepalived) expand(p *virtualPattern, services []*virtual) error {
	servers, pending := p.servers, p.notes // notes stand above the first service
	for _, is := range services {
		v := *p.virtual
		v.host, v.port, v.mark, v.ipv6 = is.host, is.port, is.mark, is.ipv6
		if v.mark != 0 {
			v.ipv6 = is.ipv6 || p.ipv6 || allIPv6(servers)
		}
		v.set, v.notes = slices.Clone(p.set), notes{}
		if a := k.floating[v.host.addr]; a != nil {
			a.used = true
			v.device, v.prefix = a.device, a.prefix
		}
		if p.timeout != "" {
			if err := v.persistence(p.line, p.timeout, p.mask); err != nil {
				return err
			}
		}
		if v.mark == 0 && v.port == 0 {
			k.lostPortless(&v)
			continue
		}
		v.notes.take(pending)
		pending = notes{}
		v.servers = make([]*server, len(servers))
		if err := k.addVirtual(&v); err != nil {
			return err
		}
		for i, s := range servers {
			copied := *s
			copied.port = cmp.Or(copied.port, v.port)
			v.servers[i] = &copied
		}
	}
	return nil
}

// allIPv6 reports whether a firewall mark is for IPv6 because its real servers are.
func allIPv6(servers []*server) bool {
	return len(servers) > 0 && !slices.ContainsFunc(servers, func(s *server) bool { return s.host.addr.Is4() })
}
