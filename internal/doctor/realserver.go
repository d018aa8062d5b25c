package doctor

import (
	"net/netip"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// RealServer says what is wrong with a real server of lvs.cf: the machine with the address of one.
func RealServer(cfg *lvscf.Config, f *Facts) []Finding {
	p := &patient{cfg: cfg, f: f}
	known := false
	seen := map[netip.Addr]bool{}
	for _, s := range p.served() {
		dev, here := p.where(s.rs.Addr)
		if !here {
			continue
		}
		known = true
		if s.forward == lvscf.Masq {
			p.replies(seen)
			p.listener(s, s.rs.Addr, s.rs.Port)
			continue
		}
		if !seen[s.vs.VIP.Addr] {
			seen[s.vs.VIP.Addr] = true
			p.virtualAddress(s, dev)
		}
		p.listener(s, s.vs.VIP.Addr, s.vs.Port)
	}
	if !known {
		p.say(Error, "run this on a real server, or without --real-server on a router", "ip -br address", "no active real server of lvs.cf has an address of this machine")
	}
	p.clock()
	return p.list
}

// replies of a masqueraded real server must go through the router that masquerades.
func (p *patient) replies(seen map[netip.Addr]bool) {
	gateway := p.cfg.NATRouter.Addr
	if !gateway.IsValid() || seen[gateway] {
		return
	}
	seen[gateway] = true
	out, family := p.f.Default4, ""
	if gateway.Is6() {
		out, family = p.f.Default6, "-6 "
	}
	if out.Gateway != gateway {
		now := "there is none"
		if out.Gateway.IsValid() {
			now = "it is by " + out.Gateway.String()
		}
		p.say(Error, "replies that do not pass the router reach the client from an address it never asked", "ip "+family+"route replace default via "+gateway.String(),
			"the default route is not by nat_router %s: %s", gateway, now)
	}
}

// virtualAddress: by direct routing and tunnels the packets still are for the virtual address. The machine must take them, and must not
// tell anyone that it has it. Dev is that of the real server's own address.
func (p *patient) virtualAddress(s served, dev string) {
	a := s.vs.VIP.Addr
	at, has := p.where(a)
	open, exposed := p.f.Devices[dev].has(a)
	home := "lo"
	if s.forward == lvscf.Tunnel && s.vs.Tunnel.Encapsulation == lvscf.IPIP && a.Is4() {
		home = "tunl0"
		p.tunnel()
	}
	add := "ip address add " + netip.PrefixFrom(a, a.BitLen()).String() + " dev " + home
	if !has {
		p.say(Error, "its packets come here and are thrown away", add, "no device has %s of %s", a, s.vs.Name)
		return
	}
	bits, _ := p.f.Devices[at].has(a)
	switch {
	case exposed:
		move := remove(a, open, dev)
		if _, there := p.f.Devices[home].has(a); !there {
			move += " && " + add
		}
		p.say(Error, "every machine of that link is told that it is here, past the router", move, "%s of %s is on %s, whose link leads to the router", a, s.vs.Name, dev)
	case p.f.Devices[at].Loopback && bits != a.BitLen():
		p.say(Error, "every address of that network counts as this machine's own", remove(a, bits, at)+" && "+add,
			"%s of %s is on %s with the mask of a whole network, /%d", a, s.vs.Name, at, bits)
	}
	if a.Is4() {
		p.silence(dev)
	}
}

// remove is the command that takes an address off a device.
func remove(a netip.Addr, bits int, dev string) string {
	return "ip address del " + netip.PrefixFrom(a, bits).String() + " dev " + word(dev)
}

// silence: IPv6 asks for nothing like it. The greater one of the values for all devices and for the one counts (kernel documentation:
// ip-sysctl).
func (p *patient) silence(dev string) {
	if p.highest(dev, "arp_ignore") == 0 {
		p.once(Error, "it answers ARP for the virtual address, and takes clients away from the router", set("net/ipv4/conf/all/arp_ignore", 1),
			"arp_ignore is 0 on "+dev)
	}
	if p.highest(dev, "arp_announce") != 2 {
		p.once(Error, "its own ARP requests tell the neighbours that the virtual address is here", set("net/ipv4/conf/all/arp_announce", 2),
			"arp_announce is not 2 on "+dev)
	}
}

// tunnel: what it unpacks comes from clients, to whom the way is another device.
func (p *patient) tunnel() {
	d, there := p.f.Devices["tunl0"]
	switch {
	case !there:
		p.once(Error, "packets in tunnels are not unpacked", "modprobe ipip && ip link set tunl0 up", "there is no device tunl0")
	case !d.Up:
		p.once(Error, "packets in tunnels are not unpacked", "ip link set tunl0 up", "device tunl0 is down")
	}
	if !there || p.highest("tunl0", "rp_filter") != 1 {
		return
	}
	p.once(Error, "what the tunnel unpacks is dropped: the way back to clients is another device", set("net/ipv4/conf/tunl0/rp_filter", 2), "rp_filter is strict on tunl0")
}

// once is say for what several virtual servers have in common.
func (p *patient) once(s Severity, why, command, what string) {
	for _, f := range p.list {
		if f.What == what {
			return
		}
	}
	p.say(s, why, command, "%s", what)
}

// listener looks for who answers. TCP alone tells.
func (p *patient) listener(s served, addr netip.Addr, port uint16) {
	if s.vs.Protocol != lvscf.TCP || port == 0 {
		return
	}
	if _, listens := p.f.listens(lvscf.TCP, addr, port); !listens {
		p.once(Warning, "connections of "+s.vs.Name+" are refused here", "ss -tln", "no program listens on "+netip.AddrPortFrom(addr, port).String())
	}
}
