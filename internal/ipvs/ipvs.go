// Package ipvs describes the kernel's IPVS table: services, their destinations, the difference between two tables,
// ipvsadm's notation, and a netlink socket that writes changes.
//
// It depends on nothing but x/sys/unix, so a nanny can carry it. Reading the table, which needs a netlink library,
// is package internal/ipvs/kernel.
package ipvs

import (
	"net/netip"
	"time"
)

// Protocol is a transport protocol, with the numbers of IPPROTO_*. Zero is right for a firewall-mark service only.
type Protocol uint16

// The protocols IPVS balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// Family is an address family, with the numbers of AF_*.
type Family uint16

// The families IPVS balances.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// Forward is how packets reach a destination. The zero value is invalid.
type Forward uint8

// Forwarding methods: network = nat, tunnel and direct in lvs.cf; -m, -i and -g of ipvsadm and nanny.
const (
	Masq Forward = iota + 1
	Tunnel
	Direct
	// Local and Bypass are never written; the kernel may report them for rows of others.
	Local
	Bypass
)

// ServiceKey identifies one service row: a firewall mark and its family, or protocol, address and port.
// It is comparable and serves as a map key.
type ServiceKey struct {
	Mark     uint32 // 0: the address decides
	Family   Family
	Protocol Protocol       // 0 if Mark is set
	Addr     netip.AddrPort // zero if Mark is set
}

// Flags are the options of a service and its scheduler. Bits the kernel sets for itself are masked when read.
type Flags uint32

// Service flags, numbered as in the kernel.
const (
	OnePacket Flags = 0x0004
	Sched1    Flags = 0x0008 // sh-fallback, mh-fallback
	Sched2    Flags = 0x0010 // sh-port, mh-port
	Sched3    Flags = 0x0020
)

// Service is one service row. It is comparable.
type Service struct {
	Key        ServiceKey
	Scheduler  string
	Flags      Flags
	Persistent time.Duration // 0: not persistent; the kernel counts whole seconds
	Prefix     int           // length of the persistence netmask: 32 or 128 for one client each
}

// Encapsulation is how a packet is packed on its way through a tunnel, with the numbers of IP_VS_CONN_F_TUNNEL_TYPE_*.
type Encapsulation uint8

// The encapsulations: --tun-type of ipvsadm.
const (
	IPIP Encapsulation = iota
	GUE
	GRE
)

// TunnelOptions are the options of a destination behind a tunnel. The zero value is plain IP in IP.
type TunnelOptions struct {
	Encapsulation Encapsulation
	Port          uint16 // UDP port of GUE; 0 for the others
	Checksum      bool   // of GUE's UDP header, or GRE's own
}

// Destination is one destination row: what the kernel knows of a real server. It is comparable.
type Destination struct {
	Addr    netip.AddrPort
	Forward Forward
	Tunnel  TunnelOptions // with Forward Tunnel only
	Weight  int           // 0 (no new connections) to 65535
	// Upper is the number of connections above which the destination gets no new ones until there are fewer than Lower;
	// without a Lower than three quarters of Upper. 0: no limit.
	Upper, Lower uint32
}

// Entry is a service with its destinations.
type Entry struct {
	Service      Service
	Destinations []Destination
}

// Table is a set of services, in the order of lvs.cf or as the kernel lists them.
type Table []Entry

// OpKind says what an Op does. The zero value is invalid.
type OpKind uint8

// The changes a table can undergo.
const (
	AddService OpKind = iota + 1
	SetService
	RemoveService
	AddDestination
	SetDestination
	RemoveDestination
)

// Op is one change of one row. Service is the row itself, or, for changes of a destination, the service it belongs
// to (only the Key counts). Destination is set for changes of a destination.
type Op struct {
	Kind        OpKind
	Service     Service
	Destination Destination
}
