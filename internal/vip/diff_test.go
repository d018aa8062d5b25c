package vip

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// world makes random addresses of few hosts, devices, labels and prefixes, so that they collide in every way.
type world struct{ *rand.Rand }

func (w world) address() Address {
	addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(w.IntN(4))})
	if w.IntN(4) == 0 {
		addr = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(w.IntN(2))})
	}
	label := [...]string{"eth0", "eth0:1", "eth1:1"}[w.IntN(3)]
	return New(addr, label, [...]int{0, 24, 32}[w.IntN(3)])
}

// some lists up to n addresses, as a kernel has them: each address and prefix once on each device.
func (w world) some(n int) (list []Address) {
	for range w.IntN(n + 1) {
		a := w.address()
		same := func(b Address) bool { return a.Addr == b.Addr && a.Prefix == b.Prefix && a.Dev == b.Dev }
		if !slices.ContainsFunc(list, same) {
			list = append(list, a)
		}
	}
	return list
}

// From any state to any other, whatever is ours: what is wanted is there, exactly once; nothing of others is touched; what
// was there as wanted is not touched either; and a second Diff has nothing to do.
func TestDiffFromAnyStateToAny(t *testing.T) {
	w := world{rand.New(rand.NewPCG(3, 4))}
	for range 20000 {
		present, wanted := w.some(6), w.some(4)
		managed := w.some(3)
		ours := func(a netip.Addr) bool {
			return slices.ContainsFunc(managed, func(m Address) bool { return m.Addr == a })
		}
		add, remove := Diff(present, wanted, ours)
		now := slices.DeleteFunc(slices.Clone(present), func(a Address) bool { return slices.Contains(remove, a) })
		for _, a := range add {
			if slices.ContainsFunc(now, func(b Address) bool { return a.Addr == b.Addr }) {
				t.Fatalf("%v to %v: adds %v where it is already: %v", present, wanted, a, now)
			}
			now = append(now, a)
		}
		unique := Unique(wanted)
		for _, a := range unique {
			if !slices.Contains(now, a) {
				t.Fatalf("%v to %v: %v is missing", present, wanted, a)
			}
			if slices.Contains(present, a) && (slices.Contains(add, a) || slices.Contains(remove, a)) {
				t.Fatalf("%v to %v: %v is touched", present, wanted, a)
			}
		}
		isWanted := func(a netip.Addr) bool {
			return slices.ContainsFunc(unique, func(b Address) bool { return a == b.Addr })
		}
		for _, a := range present {
			mine := ours(a.Addr) || isWanted(a.Addr)
			if kept := slices.Contains(now, a); kept != (!mine || slices.Contains(unique, a)) {
				t.Fatalf("%v to %v, managed %v: %v kept: %t", present, wanted, managed, a, kept)
			}
		}
		if add, remove := Diff(now, wanted, ours); len(add)+len(remove) != 0 {
			t.Fatalf("%v to %v: again add %v, remove %v", present, wanted, add, remove)
		}
	}
}
