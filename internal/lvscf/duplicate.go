package lvscf

import "net/netip"

// duplicates finds what occurs twice, by hash: a file may have a million blocks.
type duplicates struct {
	services map[serviceName]int // line of the first of that name
	rows     map[row]int         // line of the first enabled service with that row
	servers  map[string]int      // of the open service
	targets  map[netip.AddrPort]int
}

type serviceName struct {
	scope Scope
	name  string
}

// row is what the kernel knows a virtual service by: a firewall mark and family, or protocol, address and port.
type row struct {
	mark     uint32
	ipv6     bool
	protocol Protocol
	addr     netip.AddrPort
}

func newDuplicates() duplicates {
	return duplicates{
		services: make(map[serviceName]int),
		rows:     make(map[row]int),
		servers:  make(map[string]int),
		targets:  make(map[netip.AddrPort]int),
	}
}

// smallMap is the size up to which clearing a map is cheaper than making one. A map that was large once stays so, and
// clearing it for each of many small services would take quadratic time.
const smallMap = 256

func (d *duplicates) newService(b *builder, line int) {
	if len(d.servers) > smallMap || len(d.targets) > smallMap {
		d.servers, d.targets = make(map[string]int), make(map[netip.AddrPort]int)
	}
	clear(d.servers)
	clear(d.targets)
	name := serviceName{b.serviceScope, b.vs.Name}
	if name.name == "" {
		return
	}
	if first, ok := d.services[name]; ok {
		b.report(Warning, at{line: line}, 0, "", "this name is used before on line %d", first)
		return
	}
	d.services[name] = line
}

func (d *duplicates) newServer(b *builder, line int) {
	if b.rs.Name == "" {
		return
	}
	if first, ok := d.servers[b.rs.Name]; ok {
		b.report(Warning, at{line: line}, 0, "", "this name is used before on line %d", first)
		return
	}
	d.servers[b.rs.Name] = line
}

// serverAddress looks at the address and port of a complete real server; line is that of the address.
func (d *duplicates) serverAddress(b *builder, line int) {
	target := netip.AddrPortFrom(b.rs.Addr, b.rs.Port)
	if first, ok := d.targets[target]; ok {
		b.report(Warning, at{line: line, key: "address", value: b.rs.Addr.String()}, 0, "",
			"the server of line %d has the same address and port", first)
		return
	}
	d.targets[target] = b.rs.Line
}

// serviceRow looks at an enabled, complete virtual server.
func (d *duplicates) serviceRow(b *builder) {
	vs := &b.vs.VirtualServer
	r := row{mark: vs.Mark, ipv6: vs.VIP.Addr.Is6()}
	if vs.Mark == 0 {
		if !vs.VIP.Addr.IsValid() {
			return
		}
		r.protocol, r.addr = vs.Protocol, netip.AddrPortFrom(vs.VIP.Addr, vs.Port)
	}
	if first, ok := d.rows[r]; ok {
		what := "protocol, address and port"
		if vs.Mark != 0 {
			what = "firewall mark"
		}
		b.report(Warning, at{line: vs.Line}, 0, "", "not served: the virtual server of line %d has the same %s", first, what)
		return
	}
	d.rows[r] = vs.Line
}
