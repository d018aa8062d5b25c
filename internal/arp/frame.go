// Package arp tells the neighbours on a link who has a floating address now: gratuitous ARP for IPv4, unsolicited
// neighbour advertisements for IPv6. Frames are made by pure functions and sent through a packet socket.
package arp

import (
	"encoding/binary"
	"net/netip"
)

// Size is the length of an ARP frame in bytes: the shortest of Ethernet, without the check sequence that the card adds.
const Size = 60

// EtherTypes.
const (
	typeARP  = 0x0806
	typeIPv6 = 0x86dd
)

// broadcast is every station of the link.
var broadcast = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Reply is the gratuitous ARP reply of the original pulse for a floating address: to everyone, from mac.
func Reply(mac [6]byte, ip netip.Addr) [Size]byte { return Frame(broadcast, mac, ip) }

// Frame is the frame of send_arp(8), byte for byte (reference: piranha-pulse.md 5.2): an ARP reply in which sender and
// target are both src at ip, sent to dst. Anything but an IPv4 address is taken for 0.0.0.0.
func Frame(dst, src [6]byte, ip netip.Addr) [Size]byte {
	var addr [4]byte
	if ip = ip.Unmap(); ip.Is4() {
		addr = ip.As4()
	}
	b := ethernet(dst, src, typeARP, Size)
	b = append(b, 0, 1, 8, 0, 6, 4, 0, 2) // Ethernet, IPv4, their lengths, reply
	b = append(append(b, src[:]...), addr[:]...)
	b = append(append(b, src[:]...), addr[:]...)
	return [Size]byte(b[:Size]) // zeros to the end
}

// ethernet starts a frame, with room for size bytes that are zero.
func ethernet(dst, src [6]byte, kind uint16, size int) []byte {
	b := append(make([]byte, 0, size), dst[:]...)
	b = append(b, src[:]...)
	return binary.BigEndian.AppendUint16(b, kind)
}

// The parts of an advertisement, in bytes.
const (
	ethernetLen = 14
	ipv6Len     = 40
	icmpLen     = 24 + 8 // the advertisement with one option
)

// Advertisement is the unsolicited neighbour advertisement (RFC 4861, 7.2.6) for a floating IPv6 address: an Ethernet
// frame to all nodes of the link, from mac and the address itself, that says that the address is now at mac whatever
// was known before. router is the router flag: whether the sender forwards packets.
//
// The source is the address itself, so neighbours that check it find it plausible, and none of the device's other
// addresses is needed. Anything but an IPv6 address is taken for ::.
func Advertisement(mac [6]byte, vip netip.Addr, router bool) []byte {
	var addr [16]byte
	if vip.Is6() {
		addr = vip.As16()
	}
	allNodes := netip.IPv6LinkLocalAllNodes().As16()
	b := ethernet([6]byte{0x33, 0x33, 0, 0, 0, 1}, mac, typeIPv6, ethernetLen+ipv6Len+icmpLen) // RFC 2464, 7

	b = append(b, 0x60, 0, 0, 0, 0, icmpLen, 58, 255) // version 6, ICMPv6, the hop limit that proves a neighbour
	b = append(append(b, addr[:]...), allNodes[:]...)

	flags := byte(0x20) // override
	if router {
		flags |= 0x80
	}
	b = append(b, 136, 0, 0, 0, flags, 0, 0, 0)
	b = append(b, addr[:]...)
	b = append(append(b, 2, 1), mac[:]...) // target link-layer address, in units of 8 bytes

	binary.BigEndian.PutUint16(b[ethernetLen+ipv6Len+2:], checksum(b[ethernetLen:]))
	return b
}

// checksum is the ICMPv6 checksum (RFC 4443, 2.3) of a whole IPv6 packet whose checksum field is 0.
func checksum(packet []byte) uint16 {
	payload := packet[ipv6Len:]
	sum := uint32(len(payload)) + 58
	for _, part := range [][]byte{packet[8:ipv6Len], payload} { // the addresses, and the message
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
