package doctor

import (
	"net/netip"

	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// Facts are what an examination looks at.
type Facts struct {
	Sysctl   map[string]string // by the name below /proc/sys
	Modules  Modules
	Devices  map[string]Device
	Routes   map[netip.Addr]Route // to the real servers; absent: there is none
	Default4 Route                // zero: there is none
	Default6 Route                // likewise
	Sockets  []Socket
	Rules    Rules

	Unsynchronised bool // the clock
	Key            FileFact
	Passwords      Passwords
	Unprivileged   bool // no other account than root may look at everything

	Pulse     *Pulse // nil: it does not answer
	NoPulse   string // why it does not
	PulseGone bool   // it does not run
}

// Modules are those of the running kernel.
type Modules struct {
	Present   map[string]bool // loaded, built in, or there to be loaded
	Available bool            // the list of those that could be loaded is known
}

// Device of the network.
type Device struct {
	Up        bool
	Loopback  bool
	MTU       int // bytes
	Addresses []netip.Prefix
}

// has returns the prefix length with which a device has an address.
func (d Device) has(a netip.Addr) (bits int, has bool) {
	for _, p := range d.Addresses {
		if p.Addr() == a {
			return p.Bits(), true
		}
	}
	return 0, false
}

// Route is where packets go.
type Route struct {
	Dev     string
	Gateway netip.Addr // invalid: the destination is on the link
	Local   bool       // to this machine
}

// Socket is bound to a port: TCP that listens, or UDP.
type Socket struct {
	Protocol lvscf.Protocol
	Addr     netip.AddrPort
}

// Rules of the firewall, as the programs that know print them.
type Rules struct {
	Text string
	From []string // these programs; empty: there is none
}

// Pulse is what pulse says of the two routers.
type Pulse struct {
	State     string // active, inactive, or on the way
	Serial    int64
	LoadError string // why the last reload was refused

	Expected      bool // there is another router
	Heard         bool
	Original      bool // it says no more than its state
	SameConfig    bool
	PartnerSerial int64
}

// FileFact is what is wrong with a file.
type FileFact struct {
	Err     error // nil: nothing
	Missing bool
}

// Passwords of the web panels.
type Passwords struct {
	FileFact
	Readable bool     // by everyone
	Set      bool     // account piranha has one that can be used
	Weak     []string // accounts with a hash of an old kind
}

// float is an address that pulse moves between the routers.
type float struct {
	lvscf.VIP
	prefix int // of lvs.cf
}

// with is the address with the prefix length it has on its device.
func (a float) with() string {
	return netip.PrefixFrom(a.Addr, vip.New(a.Addr, a.Label, a.prefix).Prefix).String()
}
