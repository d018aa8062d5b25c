package vip

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// open gives the test a connection in a network namespace of its own, with the Ethernet devices named, which goes with
// the test's thread. Each is the end of a cable: every kernel with namespaces has those, but not every one has dummies.
func open(t *testing.T, devices ...string) *Conn {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test's goroutine, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace of our own: %v", err)
	}
	for _, name := range append([]string{"lo"}, devices...) {
		if name != "lo" {
			cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-far"}
			if err := netlink.LinkAdd(cable); err != nil {
				t.Skipf("no veth device: %v", err)
			}
		}
		link, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		must(t, netlink.LinkSetUp(link))
		if far, err := netlink.LinkByName(name + "-far"); err == nil {
			must(t, netlink.LinkSetUp(far))
			carrier(t, name)
		}
	}
	c, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// carrier waits until a device's cable has come up: the kernel loses packets at that moment.
func carrier(t *testing.T, dev string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		link, err := netlink.LinkByName(dev)
		must(t, err)
		if link.Attrs().OperState == netlink.OperUp {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cable of %s does not come up", dev)
		}
	}
}

// must fails the test if an operation did.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// present is List without what the kernel has put there itself.
func present(t *testing.T, c *Conn) []Address {
	t.Helper()
	list, err := c.List()
	must(t, err)
	return slices.DeleteFunc(list, func(a Address) bool { return a.Addr.IsLoopback() || a.Addr.IsLinkLocalUnicast() })
}

func expect(t *testing.T, c *Conn, want ...Address) {
	t.Helper()
	if got := present(t, c); !slices.Equal(got, want) {
		t.Errorf("present: %v, want %v", got, want)
	}
}

func TestAddAndRemove(t *testing.T) {
	c := open(t, "front", "back")
	for _, a := range []Address{
		New(ip("192.0.2.1"), "front", 24),
		New(ip("10.1.2.3"), "back:nat", 0),
		New(ip("192.0.2.80"), "front:1", 32),
		New(ip("2001:db8::80"), "front:1", 0),
		New(ip("2001:db8:1::80"), "front:1", 64),
	} {
		must(t, c.Add(a))
		expect(t, c, a)
		must(t, c.Add(a)) // again
		expect(t, c, a)
		must(t, c.Remove(a))
		expect(t, c)
		must(t, c.Remove(a)) // again
	}
	if err := c.Add(New(ip("192.0.2.1"), "gone:1", 24)); err == nil || !strings.HasPrefix(err.Error(), "add 192.0.2.1 to gone: ") {
		t.Errorf("Add on a device that is not there: %v", err)
	}
	must(t, c.Remove(New(ip("192.0.2.1"), "gone:1", 24)))
}

// An address must be usable at once, not after a second of tentative state, which is the failure this looks for.
func TestUsableAtOnce(t *testing.T) {
	c := open(t, "front")
	for _, a := range []Address{
		New(ip("192.0.2.80"), "front:1", 32), // the broadcast address is the address itself
		New(ip("192.0.2.81"), "front:2", 24),
		New(ip("2001:db8::80"), "front", 64),
	} {
		must(t, c.Add(a))
		l, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.Addr, 0)))
		must(t, err)
		defer l.Close()
		must(t, l.SetDeadline(time.Now().Add(500*time.Millisecond)))
		d, err := net.DialUDP("udp", nil, l.LocalAddr().(*net.UDPAddr))
		must(t, err)
		defer d.Close()
		_, err = d.Write([]byte("hello")) // once: a route that came later would be too late for it
		must(t, err)
		b := make([]byte, 10)
		if n, err := l.Read(b); err != nil || string(b[:n]) != "hello" {
			t.Errorf("%s: read %q, %v", a.Addr, b[:n], err)
		}
	}
}

// The director's own connections come from its own addresses, not from floating ones.
func TestNeverTheSource(t *testing.T) {
	c := open(t, "front")
	link, err := netlink.LinkByName("front")
	must(t, err)
	for _, own := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
		a, err := netlink.ParseAddr(own)
		must(t, err)
		a.Flags = unix.IFA_F_NODAD
		must(t, netlink.AddrAdd(link, a))
	}
	must(t, c.Add(New(ip("192.0.2.80"), "front:1", 24)))
	must(t, c.Add(New(ip("2001:db8::80"), "front:1", 64)))
	for to, want := range map[string]string{"192.0.2.81": "192.0.2.1", "2001:db8::81": "2001:db8::1"} {
		d, err := net.Dial("udp", net.JoinHostPort(to, "9"))
		must(t, err)
		if got := d.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(); got != ip(want) {
			t.Errorf("source towards %s: %s, want %s", to, got, want)
		}
		d.Close()
	}
}

// Two floating addresses in a network where the director has none of its own: the second is the first one's secondary.
func TestOthersSurvive(t *testing.T) {
	c := open(t, "front")
	one, two, three := New(ip("192.0.2.11"), "front:1", 24), New(ip("192.0.2.12"), "front:2", 24), New(ip("192.0.2.13"), "front", 24)
	for _, a := range []Address{one, two, three} {
		must(t, c.Add(a))
	}
	must(t, c.Remove(one))
	expect(t, c, two, three)
	must(t, c.Remove(three))
	expect(t, c, two)
}

// Where promote_secondaries cannot be set, what went along comes back.
func TestRestore(t *testing.T) {
	c := open(t, "front")
	one, two := New(ip("192.0.2.11"), "front:1", 24), New(ip("192.0.2.12"), "front:2", 24)
	must(t, c.Add(one))
	must(t, c.Add(two))
	link, err := netlink.LinkByName("front")
	must(t, err)
	must(t, os.WriteFile("/proc/sys/net/ipv4/conf/front/promote_secondaries", []byte("0"), 0))
	must(t, c.remove(link, one, false))
	expect(t, c, two)
	must(t, c.remove(link, one, false)) // it is not there any more
	expect(t, c, two)
}

// A takeover of many addresses must not take long: each costs a few messages, not a list of all.
func TestMany(t *testing.T) {
	c := open(t, "front")
	var wanted []Address
	for a := ip("10.0.0.1"); len(wanted) < 500; a = a.Next() {
		wanted = append(wanted, New(a, "front:1", 16))
	}
	began := time.Now()
	for _, a := range wanted {
		must(t, c.Add(a))
	}
	t.Logf("%d added in %v", len(wanted), time.Since(began))
	expect(t, c, wanted...)
	began = time.Now()
	for _, a := range wanted {
		must(t, c.Remove(a))
	}
	t.Logf("%d removed in %v", len(wanted), time.Since(began))
	expect(t, c)
}

// The original's `ifconfig DEV down` on a device without an alias number took everything down.
func TestLinksStay(t *testing.T) {
	c := open(t, "front")
	link, err := netlink.LinkByName("front")
	must(t, err)
	for _, up := range []bool{true, false} {
		if !up {
			must(t, netlink.LinkSetDown(link))
		}
		a := New(ip("192.0.2.11"), "front", 24)
		must(t, c.Add(a))
		must(t, c.Remove(a))
		after, err := netlink.LinkByName("front")
		must(t, err)
		if got := after.Attrs().Flags&net.FlagUp != 0; got != up {
			t.Errorf("link up: %t, want %t", got, up)
		}
	}
}

// One Diff, applied, brings any state to the wanted one, and a second has nothing to do.
func TestDiffApplied(t *testing.T) {
	c := open(t, "front", "back")
	own := New(ip("192.0.2.1"), "front", 24)
	wanted := []Address{New(ip("192.0.2.80"), "front:1", 24), New(ip("192.0.2.81"), "front:2", 32), New(ip("2001:db8::80"), "front:1", 64)}
	for _, a := range []Address{own, New(wanted[0].Addr, "back:1", 24), New(wanted[1].Addr, "front:2", 24), New(wanted[2].Addr, "front:1", 0)} {
		must(t, c.Add(a))
	}
	ours := func(a netip.Addr) bool {
		return slices.ContainsFunc(wanted, func(w Address) bool { return w.Addr == a })
	}
	settle := func(wanted []Address) (changes int) {
		add, remove := Diff(present(t, c), wanted, ours)
		for _, a := range remove {
			must(t, c.Remove(a))
		}
		for _, a := range add {
			must(t, c.Add(a))
		}
		return len(add) + len(remove)
	}
	if got := settle(wanted); got != 6 {
		t.Errorf("%d changes, want 6", got)
	}
	if got := settle(wanted); got != 0 {
		t.Errorf("%d changes after that, want none", got)
	}
	if got := settle(nil); got != 3 {
		t.Errorf("%d changes to take all down, want 3", got)
	}
	expect(t, c, own)
}

// Point-to-point addresses count by their own end.
func TestPeer(t *testing.T) {
	c := open(t, "front")
	link, err := netlink.LinkByName("front")
	must(t, err)
	a, err := netlink.ParseAddr("192.0.2.80/32")
	must(t, err)
	a.Peer = &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(32, 32)}
	must(t, netlink.AddrAdd(link, a))
	list := present(t, c)
	if len(list) != 1 || list[0].Addr != ip("192.0.2.80") {
		t.Fatalf("present: %v, want 192.0.2.80", list)
	}
	must(t, c.Remove(list[0]))
	expect(t, c)
}

func TestMAC(t *testing.T) {
	c := open(t, "front")
	link, err := netlink.LinkByName("front")
	must(t, err)
	want := [6]byte{2, 0, 0, 0, 0, 10}
	must(t, netlink.LinkSetHardwareAddr(link, want[:]))
	if got, err := c.MAC("front"); err != nil || got != want {
		t.Errorf("MAC = %x, %v, want %x", got, err, want)
	}
	if _, err := c.MAC("gone"); !gone(errors.Unwrap(err)) {
		t.Errorf("MAC of a device that is not there: %v", err)
	}
}
