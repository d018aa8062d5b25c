package ipvs

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// The lines are what `ipvsadm -S -n` prints for the same rows; TestKernelTable in package kernel asks the real one.
func TestLines(t *testing.T) {
	v6 := Service{Key: tcp("[2001:db8::10]:443"), Scheduler: "mh", Prefix: 64, Persistent: 50 * time.Second, Flags: Sched1 | Sched2}
	udp := Service{Key: ServiceKey{Family: IPv4, Protocol: UDP, Addr: netip.MustParseAddrPort("192.0.2.53:53")}, Scheduler: "rr", Prefix: 32, Flags: OnePacket}
	ftp := Service{Key: mark(21), Scheduler: "wrr", Prefix: 24, Persistent: time.Minute}
	ftp6 := Service{Key: ServiceKey{Mark: 21, Family: IPv6}, Scheduler: "wrr", Prefix: 128, Persistent: time.Minute}
	table := Table{
		{v6, []Destination{{Addr: netip.MustParseAddrPort("[2001:db8::21]:443"), Forward: Direct, Weight: 1}}},
		{udp, []Destination{{Addr: netip.MustParseAddrPort("10.0.0.1:53"), Forward: Tunnel, Weight: 0, Upper: 10, Lower: 5}}},
		{ftp, nil},
		{ftp6, nil},
	}
	want := []string{
		"-A -t [2001:db8::10]:443 -s mh -p 50 -M 64 -b mh-fallback,mh-port",
		"-a -t [2001:db8::10]:443 -r [2001:db8::21]:443 -g -w 1",
		"-A -u 192.0.2.53:53 -s rr -o",
		"-a -u 192.0.2.53:53 -r 10.0.0.1:53 -i -w 0 --tun-type ipip",
		"-A -f 21 -s wrr -p 60 -M 255.255.255.0",
		"-A -f 21 -6 -s wrr -p 60",
	}
	if got := table.Lines(); !slices.Equal(got, want) {
		t.Errorf("Lines:\n got %q\nwant %q", got, want)
	}
	change := Op{Kind: SetDestination, Service: udp, Destination: table[1].Destinations[0]}
	if got, want := change.String(), "-e -u 192.0.2.53:53 -r 10.0.0.1:53 -i -w 0 --tun-type ipip -x 10 -y 5"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
