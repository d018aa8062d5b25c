package importer

import (
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

// virtualServer reads a virtual_server, which may stand for several services.
func (k *keepalived) virtualServer(n *node) error {
	if !n.block {
		return at(n.line, "virtual_server without a block")
	}
	v := &virtual{line: n.line, protocol: "tcp", check: check{kind: "none"}}
	t := tuning{interval: defaultInterval, retry: -1, forward: forward{way: "nat"}}
	var servers []*node
	var sorryForward *forward
	var flags []string
	timeout, mask := "", ""
	for _, c := range n.children {
		if c.words[0] == "protocol" && len(c.words) > 1 { // that of service names
			v.protocol = strings.ToLower(c.words[1])
		}
	}
	services, err := k.services(n, v.protocol)
	if err != nil {
		return err
	}
	v.mark = services[0].mark // decides what goes with the rest
	for _, c := range n.children {
		if k.skip(c, &v.notes) {
			continue
		}
		var err error
		switch c.words[0] {
		case "real_server":
			servers = append(servers, c)
		case "protocol":
			if !slices.Contains([]string{"tcp", "udp", "sctp"}, v.protocol) {
				err = at(c.line, "protocol %s: TCP, UDP or SCTP expected", quote(v.protocol))
			}
		case "persistence_timeout":
			if timeout = "360"; len(c.words) > 1 {
				timeout = c.words[1]
			}
		case "persistence_granularity":
			mask, err = word(c)
		case "sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1", "flag-2", "flag-3":
			flags = append(flags, c.words[0])
		case "sorry_server":
			v.sorry, err = k.sorryServer(c, v.protocol)
		case "sorry_server_lvs_method":
			sorryForward, err = k.method(c, v)
		default:
			err = k.virtualStatement(v, &t, c)
		}
		if err != nil {
			return err
		}
	}
	v.schedulerFlags(n.line, flags)
	if v.sorry != nil {
		v.sorry.forward = t.forward
		if sorryForward != nil {
			v.sorry.forward = *sorryForward
		}
	}
	if err := k.realServers(v, t, servers); err != nil {
		return err
	}
	return k.expand(v, services, timeout, mask)
}

// virtualStatement reads what says something about a virtual server alone.
func (k *keepalived) virtualStatement(v *virtual, t *tuning, n *node) error {
	switch n.words[0] {
	case "lb_algo", "lvs_sched":
		name, err := word(n)
		if err != nil {
			return err
		}
		return v.scheduler(n.line, name)
	case "ops":
		return v.onePacket(n.line)
	case "ip_family":
		v.ipv6 = v.mark != 0 && len(n.words) > 1 && n.words[1] == "inet6"
	case "alpha": // a real server is down until its first check has passed, as here
	case "quorum":
		if len(n.words) != 2 || n.words[1] != "1" {
			v.notes.lost(n.line, "%s, because lvs.cf has no quorum: one real server is enough", show(n))
		}
	case "quorum_up", "quorum_down":
		v.notes.lost(n.line, "%s, because lvs.cf has no command for that", show(n))
	default:
		known, err := k.tune(v, t, n)
		if !known {
			v.notes.lost(n.line, "%s, because lvs.cf has nothing like it", show(n))
		}
		return err
	}
	return nil
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
func (k *keepalived) realServers(v *virtual, t tuning, list []*node) error {
	var programs []*program
	for _, n := range list {
		s, p, err := k.realServer(v, t, n)
		if err != nil {
			return err
		}
		v.servers = append(v.servers, s)
		if p != nil {
			programs = append(programs, p)
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

// allIPv6 reports whether a firewall mark is for IPv6 because its real servers are.
func (k *keepalived) allIPv6(servers []*server) bool {
	return len(servers) > 0 && !slices.ContainsFunc(servers, func(s *server) bool { return s.host.addr.Is4() })
}

// expand makes a virtual server of the pattern for each service.
func (k *keepalived) expand(pattern *virtual, services []*virtual, timeout, mask string) error {
	pending := pattern.notes // they stand above the first service
	for _, at := range services {
		v := *pattern
		v.host, v.port, v.mark, v.ipv6 = at.host, at.port, at.mark, at.ipv6 || pattern.ipv6
		if v.mark != 0 {
			v.ipv6 = v.ipv6 || k.allIPv6(pattern.servers)
		}
		v.set, v.notes = slices.Clone(pattern.set), notes{}
		if a := k.floating[v.host.addr]; a != nil {
			a.used = true
			v.device, v.prefix = a.device, a.prefix
		}
		if timeout != "" {
			if err := v.persistence(pattern.line, timeout, mask); err != nil {
				return err
			}
		}
		if v.mark == 0 && v.port == 0 {
			k.lostPortless(&v)
			continue
		}
		v.notes.take(pending)
		pending = notes{}
		v.servers = make([]*server, len(pattern.servers))
		if err := k.addVirtual(&v); err != nil {
			return err
		}
		for j, s := range pattern.servers {
			copied := *s
			if copied.port == 0 {
				copied.port = v.port
			}
			v.servers[j] = &copied
		}
	}
	return nil
}
