package vip

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func TestRunning(t *testing.T) {
	c := open(t, "front")
	near, err := netlink.LinkByName("front")
	must(t, err)
	far, err := netlink.LinkByName("front-far")
	must(t, err)
	expect := func(what, dev string, want bool) {
		t.Helper()
		var got bool
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // the kernel takes a moment
			got, err = c.Running(dev)
			must(t, err)
			if got == want || time.Now().After(deadline) {
				break
			}
		}
		if got != want {
			t.Errorf("%s: Running(%s) = %t, want %t", what, dev, got, want)
		}
	}
	expect("both ends up", "front", true)
	expect("no link to speak of", "lo", true)
	must(t, netlink.LinkSetDown(far))
	expect("far end down", "front", false)
	must(t, netlink.LinkSetUp(far))
	expect("far end up again", "front", true)
	must(t, netlink.LinkSetDown(near))
	expect("down", "front", false)
	if _, err := c.Running("gone"); !gone(errors.Unwrap(err)) {
		t.Errorf("Running of a device that is not there: %v", err)
	}
}
