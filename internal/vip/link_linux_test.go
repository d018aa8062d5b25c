package vip

import (
	"context"
	"errors"
	"os"
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

// TestWatchLinks: every change is told, sooner or later.
func TestWatchLinks(t *testing.T) {
	c := open(t, "front")
	handle, err := netlink.NewHandle() // for any goroutine, in this one's namespace
	must(t, err)
	defer handle.Close()
	far, err := handle.LinkByName("front-far")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	steps := []func(netlink.Link) error{handle.LinkSetDown, handle.LinkSetUp, nil}
	wanted := true // at first
	must(t, WatchLinks(ctx, func() {
		up, err := c.Running("front")
		if err != nil || up != wanted || len(steps) == 0 {
			return
		}
		next := steps[0]
		steps, wanted = steps[1:], !wanted
		if next == nil {
			cancel()
			return
		}
		must(t, next(far))
	}))
	if len(steps) > 0 {
		t.Errorf("%d changes were never told", len(steps))
	}
}

func TestForwards(t *testing.T) {
	open(t, "front")
	for value, want := range map[string]bool{"1": true, "0": false} {
		must(t, os.WriteFile("/proc/sys/net/ipv6/conf/front/forwarding", []byte(value), 0))
		if got := Forwards("front"); got != want {
			t.Errorf("Forwards with forwarding = %s: %v", value, got)
		}
	}
	if Forwards("gone") {
		t.Error("a device that is not there forwards")
	}
}
