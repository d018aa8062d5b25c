package lvs

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

func TestFloating(t *testing.T) {
	const text = `
primary = 192.0.2.2
network = direct
nat_router = 10.0.0.254 eth1:1
virtual web {
	active = 1
	address = 192.0.2.10 eth0:1
	vip_nmask = 255.255.255.0
}
virtual six {
	active = 1
	address = 2001:db8::10 eth0:2
}
virtual own {
	active = 1
	address = 192.0.2.2 eth0
}
virtual looped {
	active = 1
	address = 192.0.2.12 lo:1
}
virtual off {
	address = 192.0.2.13 eth0:3
}
`
	at := func(addr, dev, label string, prefix int) vip.Address {
		return vip.Address{Addr: netip.MustParseAddr(addr), Dev: dev, Label: label, Prefix: prefix}
	}
	present := []vip.Address{
		at("192.0.2.10", "lo", "lo", 32), // as a real server has it
		at("192.0.2.10", "lo", "lo:0", 32),
		at("192.0.2.2", "eth0", "eth0", 24),
		at("192.0.2.10", "eth0", "eth0:1", 24),
		at("192.0.2.10", "eth0", "eth0:1", 16), // the mask was another one before a reload
		at("192.0.2.10", "eth0", "eth0", 24),   // somebody else's
		at("192.0.2.10", "eth1", "eth1:1", 24),
		at("192.0.2.12", "lo", "lo:1", 32),
		at("192.0.2.13", "eth0", "eth0:3", 24),
		at("10.0.0.254", "eth1", "eth1:1", 24), // direct routing has no NAT router
		at("2001:db8::10", "lo", "", 128),
		at("2001:db8::10", "eth0", "", 64),
	}
	cfg := config(t, text)
	want := []vip.Address{present[3], present[4], present[11]}
	if got := floating(cfg, present); !slices.Equal(got, want) {
		t.Errorf("direct: floating addresses\n%v, want\n%v", got, want)
	}
	cfg.Network = lvscf.Masq
	if got := floating(cfg, present); !slices.Contains(got, present[9]) {
		t.Errorf("NAT: floating addresses %v, want the NAT router's among them", got)
	}
}
