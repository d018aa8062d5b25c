package lvs

import (
	"iter"
	"net/netip"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// rowKey identifies a row of the kernel's table: a destination, or the service itself where addr is zero.
type rowKey struct {
	service ipvs.ServiceKey
	addr    netip.AddrPort
}

// plan is what lvs.cf asks for, in the kernel's terms: the virtual servers that are active, with the real servers that
// are. A row that the file names twice is planned once, for the block that comes first.
type plan []service

// service is an active virtual server.
type service struct {
	name    string
	port    uint16
	row     ipvs.Service
	quiesce bool
	sorry   *ipvs.Destination // nil: none
	servers []server
}

// server is an active real server.
type server struct {
	virtual, name string
	key           rowKey
	row           ipvs.Destination // with the weight of lvs.cf
	slowStart     time.Duration    // 0: none
	monitor       monitorArgs
}

// maxPersistent is the longest persistence every kernel keeps: it counts in ticks, of which there may be 1000 a second, in
// 32 bits. Beyond, what is read back is not what was written.
const maxPersistent = 4294967 * time.Second

// newPlan translates a configuration.
func newPlan(cfg *lvscf.Config, o monitorOptions) plan {
	var p plan
	seen := map[ipvs.ServiceKey]bool{}
	for i := range cfg.Virtual {
		vs := &cfg.Virtual[i]
		key := serviceKey(vs)
		if !vs.Enabled || seen[key] {
			continue
		}
		seen[key] = true
		p = append(p, newService(cfg, vs, key, o))
	}
	return p
}

func newService(cfg *lvscf.Config, vs *lvscf.VirtualServer, key ipvs.ServiceKey, o monitorOptions) service {
	s := service{
		name:    vs.Name,
		port:    vs.Port,
		quiesce: vs.Quiesce,
		row: ipvs.Service{
			Key:        key,
			Scheduler:  vs.Scheduler,
			Flags:      flags(vs),
			Persistent: min(vs.Persistent, maxPersistent),
			Prefix:     persistPrefix(vs, key.Family),
		},
	}
	s.servers = make([]server, 0, len(vs.Servers))
	seen := make(map[netip.AddrPort]bool, len(vs.Servers))
	for i := range vs.Servers {
		rs := &vs.Servers[i]
		addr := destinationAddr(cfg.ForwardTo(rs), key, rs.Addr, rs.Port)
		if !rs.Enabled || seen[addr] {
			continue
		}
		seen[addr] = true
		s.servers = append(s.servers, server{
			virtual:   vs.Name,
			name:      rs.Name,
			key:       rowKey{key, addr},
			row:       destination(cfg, vs, rs, addr),
			slowStart: vs.SlowStart,
			monitor:   newMonitorArgs(cfg, vs, rs, o),
		})
	}
	sorry := destinationAddr(cfg.Network, key, vs.SorryServer, vs.Port)
	if vs.SorryServer.IsValid() && !seen[sorry] {
		row := destination(cfg, vs, &lvscf.RealServer{Weight: 1}, sorry)
		s.sorry = &row
	}
	return s
}

// destination is the row of a real server.
func destination(cfg *lvscf.Config, vs *lvscf.VirtualServer, rs *lvscf.RealServer, addr netip.AddrPort) ipvs.Destination {
	d := ipvs.Destination{Addr: addr, Forward: forward(cfg.ForwardTo(rs)), Weight: rs.Weight, Upper: rs.Upper, Lower: rs.Lower}
	if d.Forward != ipvs.Tunnel {
		return d
	}
	d.Tunnel.Checksum = vs.Tunnel.Checksum && vs.Tunnel.Encapsulation != lvscf.IPIP
	switch vs.Tunnel.Encapsulation {
	case lvscf.IPIP: // the zero value
	case lvscf.GUE:
		d.Tunnel.Encapsulation, d.Tunnel.Port = ipvs.GUE, vs.Tunnel.Port
	case lvscf.GRE:
		d.Tunnel.Encapsulation = ipvs.GRE
	}
	return d
}

// flags are the options of a service and its scheduler.
func flags(vs *lvscf.VirtualServer) (f ipvs.Flags) {
	if vs.OnePacket {
		f |= ipvs.OnePacket
	}
	if vs.Scheduler != "sh" && vs.Scheduler != "mh" {
		return f
	}
	if vs.HashFallback {
		f |= ipvs.Sched1
	}
	if vs.HashPort {
		f |= ipvs.Sched2
	}
	return f
}

// serviceKey is the kernel's name for a virtual server. With a firewall mark the address decides only the family.
func serviceKey(vs *lvscf.VirtualServer) ipvs.ServiceKey {
	family := ipvs.IPv4
	if vs.VIP.Addr.Is6() {
		family = ipvs.IPv6
	}
	if vs.Mark != 0 {
		return ipvs.ServiceKey{Mark: vs.Mark, Family: family}
	}
	protocol := map[lvscf.Protocol]ipvs.Protocol{lvscf.TCP: ipvs.TCP, lvscf.UDP: ipvs.UDP, lvscf.SCTP: ipvs.SCTP}[vs.Protocol]
	return ipvs.ServiceKey{Family: family, Protocol: protocol, Addr: netip.AddrPortFrom(vs.VIP.Addr, vs.Port)}
}

// destinationAddr is a real server's address in the table. Direct routing and tunnelling leave the packet's port
// alone, so the destination's port is the service's whatever lvs.cf says, as ipvsadm(8) has it.
func destinationAddr(network lvscf.Forward, key ipvs.ServiceKey, addr netip.Addr, port uint16) netip.AddrPort {
	if key.Mark == 0 && network != lvscf.Masq {
		port = key.Addr.Port()
	}
	return netip.AddrPortFrom(addr, port)
}

func forward(network lvscf.Forward) ipvs.Forward {
	switch network {
	case lvscf.Masq:
		return ipvs.Masq
	case lvscf.Tunnel:
		return ipvs.Tunnel
	case lvscf.Direct:
		return ipvs.Direct
	}
	return 0
}

func persistPrefix(vs *lvscf.VirtualServer, f ipvs.Family) int {
	switch {
	case vs.Persistent > 0 && vs.PersistPrefix > 0:
		return vs.PersistPrefix
	case f == ipvs.IPv6:
		return 128
	}
	return 32
}

// byKey finds the services.
func (p plan) byKey() map[ipvs.ServiceKey]*service {
	m := make(map[ipvs.ServiceKey]*service, len(p))
	for i := range p {
		m[p[i].row.Key] = &p[i]
	}
	return m
}

// rows lists every row the plan may put into the kernel's table.
func (p plan) rows() iter.Seq[rowKey] {
	return func(yield func(rowKey) bool) {
		for _, s := range p {
			if !yield(rowKey{service: s.row.Key}) || s.sorry != nil && !yield(rowKey{s.row.Key, s.sorry.Addr}) {
				return
			}
			for i := range s.servers {
				if !yield(s.servers[i].key) {
					return
				}
			}
		}
	}
}

// size is about how many rows there are.
func (p plan) size() int {
	n := 2 * len(p) // services and sorry servers
	for _, s := range p {
		n += len(s.servers)
	}
	return n
}

// Table is the table that the configuration asks for when every active real server is up.
func Table(cfg *lvscf.Config) ipvs.Table {
	p := newPlan(cfg, monitorOptions{})
	return p.desired(func(rowKey) placement { return placement{state: up} }, func(ipvs.ServiceKey) []ipvs.Destination { return nil })
}
