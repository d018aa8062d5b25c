package ipvs

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Commands and attributes of the kernel's generic netlink family IPVS (include/uapi/linux/ip_vs.h).
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7

	attrService = 1
	attrDest    = 2

	svcFamily   = 1
	svcProtocol = 2
	svcAddr     = 3
	svcPort     = 4
	svcMark     = 5
	svcSched    = 6
	svcFlags    = 7
	svcTimeout  = 8
	svcNetmask  = 9

	dstAddr    = 1
	dstPort    = 2
	dstForward = 3
	dstWeight  = 4
	dstUpper   = 5
	dstLower   = 6
	dstFamily  = 11

	// Since Linux 5.2 (gue) and 5.3 (gre). An older kernel takes no notice of them.
	dstTunType  = 13
	dstTunPort  = 14
	dstTunFlags = 15

	tunnelChecksum = 0x0001

	flagPersistent = 0x0001
	// settableFlags are the service flags a caller may choose; the kernel keeps the others, as "hashed", to itself.
	settableFlags = flagPersistent | uint32(OnePacket|Sched1|Sched2|Sched3)
)

// appendOp appends the generic netlink payload (header and attributes) of o to b.
func appendOp(b []byte, o Op) []byte {
	command := byte(0)
	switch o.Kind {
	case AddService:
		command = cmdNewService
	case SetService:
		command = cmdSetService
	case RemoveService:
		command = cmdDelService
	case AddDestination:
		command = cmdNewDest
	case SetDestination:
		command = cmdSetDest
	case RemoveDestination:
		command = cmdDelDest
	}
	b = append(b, command, 1 /* version */, 0, 0)
	b, nest := openNest(b, attrService)
	b = appendKey(b, o.Service.Key)
	if o.Kind == AddService || o.Kind == SetService {
		b = appendServiceOptions(b, o.Service)
	}
	closeNest(b, nest)
	if o.Kind < AddDestination {
		return b
	}
	b, nest = openNest(b, attrDest)
	b = appendDestination(b, o.Destination, o.Kind != RemoveDestination)
	closeNest(b, nest)
	return b
}

func appendKey(b []byte, k ServiceKey) []byte {
	b = appendU16(b, svcFamily, uint16(k.Family))
	if k.Mark != 0 {
		return appendU32(b, svcMark, k.Mark)
	}
	b = appendU16(b, svcProtocol, uint16(k.Protocol))
	b = appendAddr(b, svcAddr, k.Addr.Addr())
	return appendPort(b, svcPort, k.Addr.Port())
}

func appendServiceOptions(b []byte, s Service) []byte {
	flags := uint32(s.Flags) & settableFlags
	if s.Persistent > 0 {
		flags |= flagPersistent
	}
	b = appendString(b, svcSched, s.Scheduler)
	b = binary.NativeEndian.AppendUint16(b, 4+8)
	b = binary.NativeEndian.AppendUint16(b, svcFlags)
	b = binary.NativeEndian.AppendUint32(b, flags)
	b = binary.NativeEndian.AppendUint32(b, settableFlags) // the bits that flags decides
	b = appendU32(b, svcTimeout, uint32(s.Persistent/time.Second))
	if s.Key.Family == IPv6 { // the kernel wants a length for IPv6 and a mask, in network order, for IPv4
		return appendU32(b, svcNetmask, uint32(s.Prefix))
	}
	b = appendHeader(b, 4, svcNetmask)
	return binary.BigEndian.AppendUint32(b, ^uint32(0)<<(32-s.Prefix))
}

func appendDestination(b []byte, d Destination, whole bool) []byte {
	family := IPv4
	if d.Addr.Addr().Is6() {
		family = IPv6
	}
	b = appendU16(b, dstFamily, uint16(family))
	b = appendAddr(b, dstAddr, d.Addr.Addr())
	b = appendPort(b, dstPort, d.Addr.Port())
	if !whole {
		return b
	}
	b = appendU32(b, dstForward, kernelForward(d.Forward))
	b = appendU32(b, dstWeight, uint32(d.Weight))
	b = appendU32(b, dstUpper, d.Upper)
	b = appendU32(b, dstLower, d.Lower)
	if d.Tunnel == (TunnelOptions{}) {
		return b // as for a kernel that knows only this
	}
	return appendTunnel(b, d.Tunnel)
}

func appendTunnel(b []byte, t TunnelOptions) []byte {
	b = append(appendHeader(b, 1, dstTunType), byte(t.Encapsulation), 0, 0, 0)
	b = appendPort(b, dstTunPort, t.Port)
	flags := uint16(0)
	if t.Checksum {
		flags = tunnelChecksum
	}
	return appendU16(b, dstTunFlags, flags)
}

// kernelForward translates to IP_VS_CONN_F_*.
func kernelForward(f Forward) uint32 {
	switch f {
	case Masq:
		return 0
	case Local:
		return 1
	case Tunnel:
		return 2
	case Direct:
		return 3
	case Bypass:
		return 4
	}
	return 0
}

func openNest(b []byte, attr uint16) ([]byte, int) {
	start := len(b)
	b = binary.NativeEndian.AppendUint16(b, 0)
	return binary.NativeEndian.AppendUint16(b, attr|unix.NLA_F_NESTED), start
}

func closeNest(b []byte, start int) {
	binary.NativeEndian.PutUint16(b[start:], uint16(len(b)-start))
}

func appendHeader(b []byte, length int, attr uint16) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+length))
	return binary.NativeEndian.AppendUint16(b, attr)
}

func appendU16(b []byte, attr, v uint16) []byte {
	b = binary.NativeEndian.AppendUint16(appendHeader(b, 2, attr), v)
	return append(b, 0, 0)
}

func appendU32(b []byte, attr uint16, v uint32) []byte {
	return binary.NativeEndian.AppendUint32(appendHeader(b, 4, attr), v)
}

// appendPort writes a port in network order, as the kernel's tables have it.
func appendPort(b []byte, attr, port uint16) []byte {
	b = binary.BigEndian.AppendUint16(appendHeader(b, 2, attr), port)
	return append(b, 0, 0)
}

// appendAddr writes the 16 bytes of a union nf_inet_addr: an IPv4 address fills the first four.
func appendAddr(b []byte, attr uint16, a netip.Addr) []byte {
	b = appendHeader(b, 16, attr)
	if a.Is4() {
		v4 := a.As4()
		b = append(b, v4[:]...)
		return append(b, make([]byte, 12)...)
	}
	v6 := a.As16()
	return append(b, v6[:]...)
}

func appendString(b []byte, attr uint16, s string) []byte {
	b = append(appendHeader(b, len(s)+1, attr), s...)
	for n := 1 + (4-(len(s)+1)%4)%4; n > 0; n-- { // the terminator, and padding to four bytes
		b = append(b, 0)
	}
	return b
}
