package syncd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// open gives the test a connection in a network namespace of its own, with a cable that is up and has an address, which
// goes with the test's thread. It skips where the kernel has no IPVS; in the lab's kernel it has.
func open(t *testing.T) *Conn {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test's goroutine, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace of our own: %v", err)
	}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "sync0"}, PeerName: "sync1"}); err != nil {
		t.Skipf("no veth device: %v", err)
	}
	for i, name := range []string{"lo", "sync0", "sync1"} {
		link, err := netlink.LinkByName(name)
		must(t, err)
		must(t, netlink.LinkSetUp(link))
		if name != "lo" {
			must(t, netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 81, byte(i), 1), Mask: net.CIDRMask(24, 32)}}))
		}
	}
	c, err := Open(10 * time.Second)
	if errors.Is(err, ipvs.ErrNoIPVS) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() {
		if err := c.Set(); err != nil { // a daemon keeps its namespace alive
			t.Error(err)
		}
		c.Close()
	})
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect compares with ipvsadm's list as well as with ours.
func expect(t *testing.T, c *Conn, want ...Daemon) {
	t.Helper()
	got, err := c.List()
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("List = %v, want %v", got, want)
	}
	out, err := exec.Command("ipvsadm", "-l", "--daemon").Output()
	must(t, err)
	var lines string
	for _, d := range want {
		lines += fmt.Sprintf("%s sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%s, port=%d, ttl=%d)\n", d.Role, d.Dev, d.ID, d.MaxLen, d.Group, d.Port, d.TTL)
	}
	if string(out) != lines {
		t.Errorf("ipvsadm -l --daemon:\n%swant:\n%s", out, lines)
	}
}

func TestKernelRoles(t *testing.T) {
	c := open(t)
	expect(t, c)
	master, backup := Daemon{Role: Master, Dev: "sync0", ID: 255}, Daemon{Role: Backup, Dev: "sync0", ID: 255}
	for _, step := range []struct{ want, runs []Daemon }{
		{[]Daemon{backup}, []Daemon{asRun(Backup, "sync0", 255)}},
		{[]Daemon{master}, []Daemon{asRun(Master, "sync0", 255)}},
		{[]Daemon{backup}, []Daemon{asRun(Backup, "sync0", 255)}},
		{[]Daemon{backup, master}, []Daemon{asRun(Master, "sync0", 255), asRun(Backup, "sync0", 255)}},
		{[]Daemon{{Role: Backup, Dev: "sync1"}}, []Daemon{asRun(Backup, "sync1", 0)}},
		{[]Daemon{{Role: Master, Dev: "sync1", MaxLen: 500, Group: ip("239.1.2.3"), Port: 9000, TTL: 3}},
			[]Daemon{{Master, "sync1", 0, 500, ip("239.1.2.3"), 9000, 3}}},
		{[]Daemon{{Role: Backup, Dev: "sync0", Group: ip("ff02::81")}}, []Daemon{{Backup, "sync0", 0, 1452, ip("ff02::81"), 8848, 1}}},
		{nil, nil},
	} {
		must(t, c.Set(step.want...))
		expect(t, c, step.runs...)
		before, err := c.List()
		must(t, err)
		if again := Diff(before, step.want); len(again) != 0 {
			t.Errorf("after %v: %v", step.want, again)
		}
		must(t, c.Set(step.want...))
		expect(t, c, step.runs...)
	}
}

// A stop right after a start is never acknowledged. That must cost nothing, let alone for ever.
func TestKernelStopRightAfterStart(t *testing.T) {
	c := open(t)
	began, silent := time.Now(), 0
	for i := range 20 {
		role := Master
		if i%2 == 0 {
			role = Backup
		}
		d := Daemon{Role: role, Dev: "sync0"}
		must(t, c.apply(Change{Start: true, Daemon: d}))
		answers, err := c.exchange(ipvs.Request{Payload: Change{Daemon: d}.payload()}, list())
		must(t, err)
		if !answers[0].Done {
			silent++
		}
		expect(t, c)
		must(t, c.Set(d))
		must(t, c.Set())
		expect(t, c)
	}
	t.Logf("%d of 20 stops were not acknowledged", silent)
	if took := time.Since(began); took > c.timeout/2 {
		t.Errorf("it took %v: something waits for an acknowledgement", took)
	}
}

func TestKernelRefuses(t *testing.T) {
	c := open(t)
	link, err := netlink.LinkByName("sync1")
	must(t, err)
	for _, tt := range []struct {
		want Daemon
		err  error
	}{
		{Daemon{Role: Master, Dev: "gone"}, unix.ENODEV},
		{Daemon{Role: Backup, Dev: ""}, unix.ENODEV},
		{Daemon{Role: Backup, Dev: "longer-than-any-device"}, unix.EINVAL},
		{Daemon{Role: Backup, Dev: "sync0", Group: ip("10.0.0.1")}, unix.EINVAL},
		{Daemon{Role: 3, Dev: "sync0"}, unix.EINVAL},
	} {
		if err := c.Set(tt.want); !errors.Is(err, tt.err) {
			t.Errorf("Set(%v) = %v, want %v", tt.want, err, tt.err)
		}
	}
	// What worked before ends all the same, and comes back with the device.
	must(t, c.Set(Daemon{Role: Backup, Dev: "sync1"}))
	must(t, netlink.LinkSetDown(link))
	if err := c.Set(Daemon{Role: Master, Dev: "sync1"}); !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("Set on a device that is down: %v, want %v", err, unix.ENETUNREACH)
	}
	expect(t, c)
	must(t, netlink.LinkSetUp(link))
	must(t, c.Set(Daemon{Role: Master, Dev: "sync1"}))
	expect(t, c, asRun(Master, "sync1", 0))
}

// The kernel has no sync beside services of mixed families, whichever comes first.
func TestKernelMixedFamilies(t *testing.T) {
	c := open(t)
	w, err := ipvs.Dial(10 * time.Second)
	must(t, err)
	defer w.Close()
	key := ipvs.ServiceKey{Family: ipvs.IPv6, Mark: 1}
	service := ipvs.Service{Key: key, Scheduler: "rr", Prefix: 128}
	mixed := ipvs.Op{Kind: ipvs.AddDestination, Service: service, Destination: ipvs.Destination{
		Addr: netip.MustParseAddrPort("10.81.1.9:0"), Forward: ipvs.Tunnel, Weight: 1,
	}}
	must(t, w.Apply([]ipvs.Op{{Kind: ipvs.AddService, Service: service}, mixed}))
	if err := c.Set(Daemon{Role: Backup, Dev: "sync0"}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Set beside a destination of another family = %v, want %v", err, unix.EINVAL)
	}
	must(t, w.Apply([]ipvs.Op{{Kind: ipvs.RemoveService, Service: service}}))
	must(t, c.Set(Daemon{Role: Backup, Dev: "sync0"}))
	if err := w.Apply([]ipvs.Op{{Kind: ipvs.AddService, Service: service}, mixed}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("destination of another family beside a sync daemon: %v, want %v", err, unix.EINVAL)
	}
}
