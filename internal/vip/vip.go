// Package vip keeps the floating addresses of a director: which are wanted, which are present, and what must change.
//
// Addresses come and go over rtnetlink, one at a time. No link is ever taken up or down: the original's
// `ifconfig DEV ADDR up` also took the link up, and its `ifconfig DEV down` took a whole link down when the device of
// lvs.cf had no alias number (reference: piranha-pulse.md 3.4). Links are the business of the system's network setup.
package vip

import (
	"net/netip"
	"strings"
)

// maxLabel is how many bytes of a label the kernel holds: IFNAMSIZ without the final 0.
const maxLabel = 15

// Address is one address on one device. Two are equal when ==.
type Address struct {
	Addr      netip.Addr // never an IPv4-mapped one
	Prefix    int        // bits of the network mask
	Dev       string     // the device itself, as in eth0
	Label     string     // alias name, as in eth0:1, or Dev for none; empty for IPv6, which has no labels
	Broadcast netip.Addr // invalid for none, and for IPv6
}

// New is a floating address as lvs.cf describes it: label is the second word of address or nat_router, prefix the length
// of vip_nmask or nat_nmask, 0 for none. The rules are the original's (reference: piranha-pulse.md 3.2): the broadcast
// address is the last of the network, and without a mask the network is the classful one that ifconfig chose.
//
// IPv6 never had classes. Without a mask it gets 128, the address and nothing else, because any shorter one would claim
// neighbours on the link that may not be there. A label that the kernel cannot hold is dropped for the device's name:
// an address without its alias name serves, no address does not.
func New(addr netip.Addr, label string, prefix int) Address {
	addr = addr.Unmap()
	dev, _, _ := strings.Cut(label, ":")
	a := Address{Addr: addr, Prefix: prefix, Dev: dev, Label: label}
	if prefix <= 0 || prefix > addr.BitLen() {
		a.Prefix = classful(addr)
	}
	switch {
	case !addr.Is4():
		a.Label = ""
		return a
	case len(label) > maxLabel:
		a.Label = dev
	}
	a.Broadcast = last(addr, a.Prefix)
	return a
}

// classful is the mask of an address's class (RFC 791), in bits. Addresses of no such class get a mask for themselves.
func classful(addr netip.Addr) int {
	if !addr.Is4() {
		return addr.BitLen()
	}
	switch first := addr.As4()[0]; {
	case first < 128:
		return 8
	case first < 192:
		return 16
	case first < 224:
		return 24
	}
	return 32
}

// last is the last address of an IPv4 network: addr | ^mask.
func last(addr netip.Addr, prefix int) netip.Addr {
	b := addr.As4()
	for bit := prefix; bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}

// Unique returns the list without later entries of the same address: the first decides about device and mask
// (reference: piranha-pulse.md 3.1).
func Unique(list []Address) []Address {
	var unique []Address
	seen := make(map[netip.Addr]bool, len(list))
	for _, a := range list {
		if !seen[a.Addr] {
			seen[a.Addr] = true
			unique = append(unique, a)
		}
	}
	return unique
}

// Diff returns the changes that turn the present addresses into the wanted ones: first remove, then add, each in the
// order of its list. Only addresses for which ours reports true are ever removed; what is wanted is ours.
//
// An address with another prefix, label or device than wanted goes and comes again. Another broadcast address alone is
// no reason to interrupt a service.
func Diff(present, wanted []Address, ours func(netip.Addr) bool) (add, remove []Address) {
	missing := make(map[Address]bool, len(wanted))
	asked := make(map[netip.Addr]bool, len(wanted))
	for _, a := range Unique(wanted) {
		missing[a.key()] = true
		asked[a.Addr] = true
	}
	for _, a := range present {
		switch _, same := missing[a.key()]; {
		case same:
			missing[a.key()] = false
		case asked[a.Addr] || ours(a.Addr):
			remove = append(remove, a)
		}
	}
	for _, a := range Unique(wanted) {
		if missing[a.key()] {
			add = append(add, a)
		}
	}
	return add, remove
}

// key is what Diff compares.
func (a Address) key() Address {
	a.Broadcast = netip.Addr{}
	return a
}
