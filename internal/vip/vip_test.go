package vip

import (
	"net/netip"
	"slices"
	"testing"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestNew(t *testing.T) {
	tests := []struct {
		addr, label string
		prefix      int
		want        Address
	}{
		// The example of the reference, 3.2.
		{"10.9.0.100", "eth0:1", 24, Address{ip("10.9.0.100"), 24, "eth0", "eth0:1", ip("10.9.0.255")}},
		{"10.9.0.100", "eth0:1", 32, Address{ip("10.9.0.100"), 32, "eth0", "eth0:1", ip("10.9.0.100")}},
		{"10.9.0.100", "eth0:1", 31, Address{ip("10.9.0.100"), 31, "eth0", "eth0:1", ip("10.9.0.101")}},
		{"10.9.3.100", "eth0", 22, Address{ip("10.9.3.100"), 22, "eth0", "eth0", ip("10.9.3.255")}},
		{"10.9.3.100", "bond0.7:web", 9, Address{ip("10.9.3.100"), 9, "bond0.7", "bond0.7:web", ip("10.127.255.255")}},
		// No mask.
		{"10.9.0.100", "eth0:1", 0, Address{ip("10.9.0.100"), 8, "eth0", "eth0:1", ip("10.255.255.255")}},
		{"127.0.0.9", "lo:1", 0, Address{ip("127.0.0.9"), 8, "lo", "lo:1", ip("127.255.255.255")}},
		{"128.1.2.3", "eth0:1", 0, Address{ip("128.1.2.3"), 16, "eth0", "eth0:1", ip("128.1.255.255")}},
		{"191.255.0.1", "eth0:1", 0, Address{ip("191.255.0.1"), 16, "eth0", "eth0:1", ip("191.255.255.255")}},
		{"192.0.2.7", "eth0:1", 0, Address{ip("192.0.2.7"), 24, "eth0", "eth0:1", ip("192.0.2.255")}},
		{"223.0.2.7", "eth0:1", -1, Address{ip("223.0.2.7"), 24, "eth0", "eth0:1", ip("223.0.2.255")}},
		{"240.0.2.7", "eth0:1", 33, Address{ip("240.0.2.7"), 32, "eth0", "eth0:1", ip("240.0.2.7")}},
		// A label is at most 15 bytes.
		{"192.0.2.7", "verylongname:12", 24, Address{ip("192.0.2.7"), 24, "verylongname", "verylongname:12", ip("192.0.2.255")}},
		{"192.0.2.7", "verylongname:123", 24, Address{ip("192.0.2.7"), 24, "verylongname", "verylongname", ip("192.0.2.255")}},
		// IPv6.
		{"2001:db8::1", "eth0:1", 0, Address{Addr: ip("2001:db8::1"), Prefix: 128, Dev: "eth0"}},
		{"2001:db8::1", "eth0:1", 64, Address{Addr: ip("2001:db8::1"), Prefix: 64, Dev: "eth0"}},
		{"2001:db8::1", "eth0", 129, Address{Addr: ip("2001:db8::1"), Prefix: 128, Dev: "eth0"}},
		{"::ffff:192.0.2.7", "eth0", 24, Address{ip("192.0.2.7"), 24, "eth0", "eth0", ip("192.0.2.255")}},
	}
	for _, tt := range tests {
		if got := New(ip(tt.addr), tt.label, tt.prefix); got != tt.want {
			t.Errorf("New(%s, %s, %d) = %v, want %v", tt.addr, tt.label, tt.prefix, got, tt.want)
		}
	}
}

func TestUnique(t *testing.T) {
	a, b := New(ip("192.0.2.1"), "eth0:1", 24), New(ip("192.0.2.2"), "eth0:2", 24)
	again := New(ip("192.0.2.1"), "eth1:9", 32)
	if got, want := Unique([]Address{a, b, again, b}), []Address{a, b}; !slices.Equal(got, want) {
		t.Errorf("Unique = %v, want %v", got, want)
	}
	if got := Unique(nil); len(got) != 0 {
		t.Errorf("Unique(nil) = %v, want none", got)
	}
}

func TestDiff(t *testing.T) {
	var (
		base    = Address{ip("192.0.2.1"), 24, "eth0", "eth0", ip("192.0.2.255")}
		one     = New(ip("192.0.2.11"), "eth0:1", 24)
		two     = New(ip("192.0.2.12"), "eth0:2", 24)
		six     = New(ip("2001:db8::11"), "eth0:6", 64)
		mask    = New(ip("192.0.2.11"), "eth0:1", 32)
		label   = New(ip("192.0.2.11"), "eth0:9", 24)
		device  = New(ip("192.0.2.11"), "eth1:1", 24)
		plain   = Address{Addr: one.Addr, Prefix: 24, Dev: "eth0", Label: "eth0:1"} // without a broadcast address
		managed = []netip.Addr{one.Addr, two.Addr, six.Addr}
	)
	list := func(a ...Address) []Address { return a }
	tests := []struct {
		name                         string
		present, wanted, add, remove []Address
	}{
		{"nothing", nil, nil, nil, nil},
		{"up", list(base), list(one, two, six), list(one, two, six), nil},
		{"there already", list(base, one, two, six), list(six, two, one), nil, nil},
		{"down", list(base, one, two, six), nil, nil, list(one, two, six)},
		{"one less", list(base, one, two), list(two), nil, list(one)},
		{"another mask", list(base, mask), list(one), list(one), list(mask)},
		{"another label", list(base, label), list(one), list(one), list(label)},
		{"another device", list(base, device), list(one), list(one), list(device)},
		{"twice, once as wanted", list(base, device, one), list(one), nil, list(device)},
		{"another broadcast address", list(base, plain), list(one), nil, nil},
		{"wanted twice", nil, list(one, mask), list(one), nil},
		{"not ours", list(base), nil, nil, nil},
	}
	for _, tt := range tests {
		add, remove := Diff(tt.present, tt.wanted, func(a netip.Addr) bool { return slices.Contains(managed, a) })
		if !slices.Equal(add, tt.add) || !slices.Equal(remove, tt.remove) {
			t.Errorf("%s: Diff = add %v remove %v, want add %v remove %v", tt.name, add, remove, tt.add, tt.remove)
		}
	}
	// Wanted is ours, whatever ours says.
	add, remove := Diff(list(base, mask), list(one), func(netip.Addr) bool { return false })
	if !slices.Equal(add, list(one)) || !slices.Equal(remove, list(mask)) {
		t.Errorf("Diff = add %v remove %v, want add %v remove %v", add, remove, one, mask)
	}
}
