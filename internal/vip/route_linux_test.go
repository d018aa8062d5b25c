package vip

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// When Add returns the kernel takes packets to the address in, every time.
func TestRoutedAtOnce(t *testing.T) {
	c := open(t, "front")
	a := New(ip("2001:db8::80"), "front", 64)
	for range 200 {
		must(t, c.Add(a))
		routes, err := c.handle.RouteGet(a.Addr.AsSlice())
		must(t, err)
		if len(routes) != 1 || routes[0].Type != unix.RTN_LOCAL {
			t.Fatalf("routes to an address that has been added: %v", routes)
		}
		must(t, c.Remove(a))
	}
}

// There is no route to wait for while there is no link, and a takeover must not wait for each address.
func TestNoLinkNoWait(t *testing.T) {
	c := open(t, "front")
	link, err := netlink.LinkByName("front-far")
	must(t, err)
	must(t, netlink.LinkSetDown(link))
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if running, err := c.Running("front"); err != nil || !running {
			break
		}
	}
	const many = 50
	began := time.Now()
	a := ip("2001:db8::1")
	for range many {
		must(t, c.Add(New(a, "front", 64)))
		a = a.Next()
	}
	if took := time.Since(began); took > many*routeTime/2 {
		t.Errorf("%d addresses took %v", many, took)
	}
}
