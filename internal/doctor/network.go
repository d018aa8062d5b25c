package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// devices of floating addresses must be there.
func (p *patient) devices() {
	seen := map[string]bool{}
	for _, a := range p.floating() {
		d, there := p.f.Devices[a.Dev]
		switch {
		case seen[a.Dev]:
		case !there:
			p.say(Error, "correct it in lvs.cf, or make the device", "", "there is no device %s for %s", a.Dev, a.Addr)
		case !d.Up:
			p.say(Error, "nothing passes a device that is down", "ip link set "+word(a.Dev)+" up", "device %s is down", a.Dev)
		}
		seen[a.Dev] = true
	}
}

// addresses that float must be on the active router, and on no other. On the way from one state to the other they are not looked at.
func (p *patient) addresses() {
	if p.f.Pulse == nil {
		p.say(Note, "whether the floating addresses are where they should be cannot be told", "", "%s", p.f.NoPulse)
		return
	}
	for _, a := range p.floating() {
		d, there := p.f.Devices[a.Dev]
		bits, has := d.has(a.Addr)
		switch state := p.f.Pulse.State; {
		case there && state == "active" && !has:
			p.say(Error, "nobody else has it either", fmt.Sprintf("ip address add %s dev %s", a.with(), word(a.Dev)), "this router is active, and %s is not on %s", a.Addr, a.Dev)
		case state == "inactive" && has:
			p.say(Error, "both routers answer for it", remove(a.Addr, bits, a.Dev), "this router is not active, and %s is on %s", a.Addr, a.Dev)
		}
	}
}

// sizes: what comes in by the one device must fit through the other.
func (p *patient) sizes() {
	inner, there := p.f.Devices[p.cfg.NATRouter.Dev]
	if !there || !p.masquerades(true) {
		return
	}
	for _, dev := range p.publicDevices() {
		if outer, there := p.f.Devices[dev]; there && inner.MTU < outer.MTU {
			p.say(Warning, "full packets of clients do not fit, and the connection hangs if ICMP is filtered anywhere",
				fmt.Sprintf("ip link set %s mtu %d", word(p.cfg.NATRouter.Dev), outer.MTU), "the MTU of %s is %d, that of %s is %d", p.cfg.NATRouter.Dev, inner.MTU, dev, outer.MTU)
		}
	}
}

// routes to the real servers: replies of those that are masqueraded must come back by nat_router, and direct routing reaches only its
// own links.
func (p *patient) routes() {
	seen := map[netip.Addr]bool{}
	for _, s := range p.served() {
		if seen[s.rs.Addr] {
			continue
		}
		seen[s.rs.Addr] = true
		r, there := p.f.Routes[s.rs.Addr]
		look := "ip route get " + s.rs.Addr.String()
		inner := p.cfg.NATRouter.Dev
		switch {
		case !there:
			p.say(Error, "this router needs a fixed address of its own in that network, or a route", look, "there is no route to real server %s (%s)", s.rs.Name, s.rs.Addr)
		case r.Local:
		case s.forward == lvscf.Direct && r.Gateway.IsValid():
			p.say(Error, "direct routing changes nothing but the Ethernet address: another router would send it back", look,
				"real server %s (%s) is behind the gateway %s", s.rs.Name, s.rs.Addr, r.Gateway)
		case s.forward != lvscf.Masq || inner == "":
		case r.Dev != inner:
			p.say(Warning, "its replies reach nat_router only if it has a route by that network", look,
				"real server %s (%s) is reached by %s, and nat_router is on %s", s.rs.Name, s.rs.Addr, r.Dev, inner)
		case r.Gateway.IsValid():
			p.say(Warning, "its replies reach nat_router only if every router between sends them there", look,
				"real server %s (%s) is behind the gateway %s", s.rs.Name, s.rs.Addr, r.Gateway)
		}
	}
}

// marks: a service by firewall mark needs a rule that sets the mark.
func (p *patient) marks() {
	seen := map[uint32]bool{}
	for i := range p.cfg.Virtual {
		vs := &p.cfg.Virtual[i]
		if !vs.Enabled || vs.Mark == 0 || seen[vs.Mark] {
			continue
		}
		seen[vs.Mark] = true
		switch {
		case len(p.f.Rules.From) == 0:
			p.say(Note, "neither nft nor iptables-save can be run here", "", "whether a rule sets mark %d for %s cannot be told", vs.Mark, vs.Name)
		case !p.f.Rules.sets(vs.Mark):
			p.say(Error, "no packet reaches the service", p.f.Rules.mark(vs), "no rule of the firewall sets mark %d for %s", vs.Mark, vs.Name)
		}
	}
}

// sets tells whether some rule about marks names this one.
func (r *Rules) sets(mark uint32) bool {
	for line := range strings.Lines(r.Text) {
		if !strings.Contains(strings.ToLower(line), "mark") {
			continue
		}
		for _, word := range strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" \t\n/,;:{}", c) }) {
			if n, err := strconv.ParseUint(word, 0, 32); err == nil && uint32(n) == mark {
				return true
			}
		}
	}
	return false
}

// mark is the command that adds such a rule, with the program that is there.
func (r *Rules) mark(vs *lvscf.VirtualServer) string {
	if slices.Contains(r.From, "nft") {
		family, port := "ip", ""
		if vs.VIP.Addr.Is6() {
			family = "ip6"
		}
		if vs.Port != 0 {
			port = fmt.Sprintf(" %s dport %d", vs.Protocol, vs.Port)
		}
		return fmt.Sprintf("nft 'add table %[1]s piranha; add chain %[1]s piranha prerouting { type filter hook prerouting priority mangle; }; "+
			"add rule %[1]s piranha prerouting %[1]s daddr %[2]s meta l4proto %[3]s%[4]s meta mark set %[5]d'", family, vs.VIP.Addr, vs.Protocol, port, vs.Mark)
	}
	program, port := "iptables", ""
	if vs.VIP.Addr.Is6() {
		program = "ip6tables"
	}
	if vs.Port != 0 {
		port = fmt.Sprintf(" --dport %d", vs.Port)
	}
	return fmt.Sprintf("%s -t mangle -A PREROUTING -d %s -p %s%s -j MARK --set-mark %d", program, vs.VIP.Addr, vs.Protocol, port, vs.Mark)
}

// heartbeatPort: pulse that does not run yet will want it.
func (p *patient) heartbeatPort() {
	if !p.f.PulseGone || !p.cfg.BackupActive {
		return
	}
	for _, s := range p.f.Sockets {
		if s.Protocol == lvscf.UDP && s.Addr.Port() == p.cfg.HeartbeatPort {
			p.say(Error, "pulse cannot send heartbeats from it", fmt.Sprintf("ss -ulnp 'sport = :%d'", p.cfg.HeartbeatPort),
				"another program has UDP port %d", p.cfg.HeartbeatPort)
			return
		}
	}
}

// listeners: what listens on this machine gets the clients' connections whenever the kernel's table does not. A virtual server with
// a real server here is meant to be so.
func (p *patient) listeners() {
	local := map[*lvscf.VirtualServer]bool{}
	for _, s := range p.served() {
		local[s.vs] = local[s.vs] || p.f.Routes[s.rs.Addr].Local
	}
	for i := range p.cfg.Virtual {
		vs := &p.cfg.Virtual[i]
		if !vs.Enabled || vs.Mark != 0 || local[vs] {
			continue
		}
		if at, listens := p.f.listens(vs.Protocol, vs.VIP.Addr, vs.Port); listens {
			flag := map[lvscf.Protocol]string{lvscf.TCP: "t", lvscf.UDP: "u"}[vs.Protocol]
			p.say(Warning, "it gets the clients' connections while lvsd does not run", fmt.Sprintf("ss -%slnp 'sport = :%d'", flag, vs.Port),
				"a program of this router listens on %s, where %s is", at, vs.Name)
		}
	}
}

// listens tells who takes packets for an address and port.
func (f *Facts) listens(protocol lvscf.Protocol, addr netip.Addr, port uint16) (at netip.AddrPort, listens bool) {
	for _, s := range f.Sockets {
		own := s.Addr.Addr()
		// A socket for all IPv6 addresses takes IPv4 too, unless it asked not to.
		all := own.IsUnspecified() && (own.Is6() || addr.Is4())
		if s.Protocol == protocol && s.Addr.Port() == port && (own == addr || all) {
			return s.Addr, true
		}
	}
	return at, false
}
