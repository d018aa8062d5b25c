package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// open gives the test a connection in a network namespace of its own, which goes with the test's thread. It skips
// where the kernel has no IPVS; `make e2e` runs these tests in the lab, whose kernel has it.
func open(t testing.TB) *Conn {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test's goroutine, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace of our own: %v", err)
	}
	// A namespace without any address has no routing table for local ones yet, and IPVS then refuses every IPv4
	// destination.
	if err := loopbackUp(); err != nil {
		t.Fatal(err)
	}
	c, err := Open(10 * time.Second)
	if errors.Is(err, ipvs.ErrNoIPVS) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// loopbackUp brings the namespace's lo up.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifreq, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifreq.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifreq)
}

// ipvsadm runs the real ipvsadm in the test's namespace: the judge of what the kernel holds.
func ipvsadm(t testing.TB, args ...string) []string {
	t.Helper()
	out, err := exec.Command("ipvsadm", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ipvsadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}

func key4(addr string, p ipvs.Protocol) ipvs.ServiceKey {
	return ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: p, Addr: netip.MustParseAddrPort(addr)}
}

func to(addr string, f ipvs.Forward, weight int) ipvs.Destination {
	return ipvs.Destination{Addr: netip.MustParseAddrPort(addr), Forward: f, Weight: weight}
}

func through(addr string, o ipvs.TunnelOptions) ipvs.Destination {
	d := to(addr, ipvs.Tunnel, 1)
	d.Tunnel = o
	return d
}

// everything has each kind of row that lvs.cf can ask for.
func everything() ipvs.Table {
	v6 := ipvs.ServiceKey{Family: ipvs.IPv6, Protocol: ipvs.TCP, Addr: netip.MustParseAddrPort("[2001:db8::10]:443")}
	table := ipvs.Table{
		{
			Service: ipvs.Service{Key: key4("192.0.2.1:80", ipvs.TCP), Scheduler: "rr", Prefix: 32},
			Destinations: []ipvs.Destination{
				to("10.0.0.1:8080", ipvs.Masq, 1), to("10.0.0.2:80", ipvs.Masq, 65535), to("10.0.0.3:80", ipvs.Masq, 0),
			},
		},
		{
			Service:      ipvs.Service{Key: key4("192.0.2.1:53", ipvs.UDP), Scheduler: "wlc", Prefix: 24, Persistent: time.Minute, Flags: ipvs.OnePacket},
			Destinations: []ipvs.Destination{{Addr: netip.MustParseAddrPort("10.0.0.1:53"), Forward: ipvs.Direct, Weight: 2, Upper: 9, Lower: 4}},
		},
		{
			Service:      ipvs.Service{Key: ipvs.ServiceKey{Mark: 21, Family: ipvs.IPv4}, Scheduler: "wrr", Prefix: 24, Persistent: 5 * time.Minute},
			Destinations: []ipvs.Destination{to("10.0.0.9:21", ipvs.Tunnel, 1)},
		},
		{
			Service:      ipvs.Service{Key: v6, Scheduler: "mh", Prefix: 64, Persistent: time.Minute, Flags: ipvs.Sched1 | ipvs.Sched2},
			Destinations: []ipvs.Destination{to("[2001:db8::21]:443", ipvs.Direct, 1)},
		},
		{
			Service: ipvs.Service{Key: key4("192.0.2.1:2905", ipvs.SCTP), Scheduler: "rr", Prefix: 32},
			Destinations: []ipvs.Destination{
				through("10.0.0.1:2905", ipvs.TunnelOptions{Encapsulation: ipvs.GUE, Port: 6080}),
				through("10.0.0.2:2905", ipvs.TunnelOptions{Encapsulation: ipvs.GUE, Port: 6080, Checksum: true}),
				through("10.0.0.3:2905", ipvs.TunnelOptions{Encapsulation: ipvs.GRE}),
				through("10.0.0.4:2905", ipvs.TunnelOptions{Encapsulation: ipvs.GRE, Checksum: true}),
				through("[2001:db8::22]:2905", ipvs.TunnelOptions{}),
			},
		},
		{Service: ipvs.Service{Key: ipvs.ServiceKey{Mark: 0xffffffff, Family: ipvs.IPv6}, Scheduler: "sed", Prefix: 128}},
	}
	for i, scheduler := range []string{"lc", "lblc", "lblcr", "dh", "sh", "nq", "fo", "ovf"} {
		k := ipvs.ServiceKey{Mark: uint32(100 + i), Family: ipvs.IPv4}
		table = append(table, ipvs.Entry{Service: ipvs.Service{Key: k, Scheduler: scheduler, Prefix: 32}})
	}
	return table
}

func apply(t testing.TB, c *Conn, want ipvs.Table) int {
	t.Helper()
	have, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	ops := ipvs.Diff(have, want)
	if err := c.Apply(ops); err != nil {
		t.Fatal(err)
	}
	return len(ops)
}

func TestKernelTable(t *testing.T) {
	c := open(t)
	if table, err := c.Read(); err != nil || len(table) != 0 {
		t.Fatalf("Read of an empty kernel = %v, %v", table, err)
	}
	want := everything()
	apply(t, c, want)
	lines := want.Lines()
	slices.Sort(lines)
	if got := ipvsadm(t, "-S", "-n"); !slices.Equal(got, lines) {
		t.Errorf("ipvsadm -S -n:\n got %q\nwant %q", got, lines)
	}
	if n := apply(t, c, want); n != 0 {
		t.Errorf("applied again: %d writes, want 0", n)
	}
}

// TestChangeInPlace edits every option of a row and expects the kernel to follow.
func TestChangeInPlace(t *testing.T) {
	c := open(t)
	want := everything()
	apply(t, c, want)
	want[0].Service.Scheduler = "wlc"
	want[0].Destinations[0].Weight = 7
	want[0].Destinations[2].Forward = ipvs.Direct
	want[4].Destinations[0].Tunnel.Port = 6081
	want[4].Destinations[1].Tunnel = ipvs.TunnelOptions{}
	want[1].Service.Persistent, want[1].Service.Prefix, want[1].Service.Flags = 0, 32, 0
	want[1].Destinations[0].Lower = 0
	want[3].Service.Flags, want[3].Service.Prefix = 0, 128
	want = append(want[:2], want[3:]...)
	if n := apply(t, c, want); n != 9 {
		t.Errorf("%d writes, want 9", n)
	}
	lines := want.Lines()
	slices.Sort(lines)
	if got := ipvsadm(t, "-S", "-n"); !slices.Equal(got, lines) {
		t.Errorf("ipvsadm -S -n:\n got %q\nwant %q", got, lines)
	}
}

// TestRefusedChangesAreNamed: a refused change in the middle of a batch is reported, and the rest is done.
func TestRefusedChangesAreNamed(t *testing.T) {
	c := open(t)
	web := ipvs.Service{Key: key4("192.0.2.1:80", ipvs.TCP), Scheduler: "rr", Prefix: 32}
	none := ipvs.Service{Key: key4("192.0.2.1:81", ipvs.TCP), Scheduler: "rr", Prefix: 32}
	err := c.Apply([]ipvs.Op{
		{Kind: ipvs.AddService, Service: web},
		{Kind: ipvs.AddDestination, Service: none, Destination: to("10.0.0.1:80", ipvs.Masq, 1)},
		{Kind: ipvs.AddService, Service: web},
		{Kind: ipvs.AddDestination, Service: web, Destination: to("10.0.0.2:80", ipvs.Masq, 1)},
	})
	want := "ipvs -a -t 192.0.2.1:81 -r 10.0.0.1:80 -m -w 1: no such service\n" +
		"ipvs -A -t 192.0.2.1:80 -s rr: exists already"
	if err == nil || err.Error() != want {
		t.Errorf("Apply = %v\nwant %s", err, want)
	}
	if got := ipvsadm(t, "-S", "-n"); len(got) != 2 {
		t.Errorf("table %q, want the service and its one destination", got)
	}
}

// TestManyRows needs several batches, and errors for every row of one of them.
func TestManyRows(t *testing.T) {
	c := open(t)
	e := ipvs.Entry{Service: ipvs.Service{Key: ipvs.ServiceKey{Mark: 1, Family: ipvs.IPv4}, Scheduler: "rr", Prefix: 32}}
	for i := range 1000 {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		e.Destinations = append(e.Destinations, ipvs.Destination{Addr: netip.AddrPortFrom(addr, 80), Forward: ipvs.Direct, Weight: 1})
	}
	want := ipvs.Table{e}
	if n := apply(t, c, want); n != 1001 {
		t.Errorf("%d writes, want 1001", n)
	}
	if n := apply(t, c, want); n != 0 {
		t.Errorf("applied again: %d writes, want 0", n)
	}
	err := c.Apply(ipvs.Diff(nil, want))
	if n := strings.Count(fmt.Sprint(err), "exists already"); n != 1001 {
		t.Errorf("%d refusals, want 1001", n)
	}
}

func TestSetTimeouts(t *testing.T) {
	c := open(t)
	if err := c.SetTimeouts(Timeouts{TCP: 901 * time.Second, UDP: 301 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ipvsadm(t, "-L", "--timeout"), ""); got != "Timeout (tcp tcpfin udp): 901 120 301" {
		t.Errorf("ipvsadm -L --timeout = %q", got)
	}
}

// TestWithoutIPVS runs where the others cannot.
func TestWithoutIPVS(t *testing.T) {
	if _, err := os.Stat("/proc/net/ip_vs"); err == nil {
		t.Skip("this kernel has IPVS")
	}
	if _, err := Open(time.Second); !errors.Is(err, ipvs.ErrNoIPVS) {
		t.Errorf("Open = %v, want ErrNoIPVS", err)
	}
}
