package vip

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Running tells whether a device is up and has a link: what monitor_links watches. A device that cannot tell whether
// there is a link (as lo and some virtual ones) has one. That the device does not exist is an error.
//
// The original asked the driver, by ethtool and MII, and took drivers that know neither for up; the kernel has all of
// that in one flag.
func (c *Conn) Running(dev string) (bool, error) {
	link, err := c.handle.LinkByName(dev)
	if err != nil {
		return false, fmt.Errorf("state of %s: %w", dev, err)
	}
	return running(link), nil
}

// running tells whether a device is up and has a link.
func running(link netlink.Link) bool {
	const both = unix.IFF_UP | unix.IFF_RUNNING
	return link.Attrs().RawFlags&both == both
}

// Forwards tells whether the kernel forwards IPv6 packets that come in on a device; false if it does not say.
func Forwards(dev string) bool {
	text, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + dev + "/forwarding")
	return err == nil && len(text) > 0 && text[0] != '0'
}

// relook is the pause after the watch of links failed, as when more changes came at once than there is room for.
const relook = 100 * time.Millisecond

// lookAnyway is how often there is a look without a reason.
const lookAnyway = time.Second

// WatchLinks calls changed whenever something about a device may have changed, and once a second besides, for a look that failed, until ctx is done. It calls it
// from one goroutine; what changes meanwhile is told afterwards, in one call. The error says that links cannot be watched.
func WatchLinks(ctx context.Context, changed func()) error {
	for first := true; ; first = false {
		updates := make(chan netlink.LinkUpdate)
		watch, cancel := context.WithCancel(ctx)
		err := netlink.LinkSubscribeWithOptions(updates, watch.Done(), netlink.LinkSubscribeOptions{ErrorCallback: func(error) {}})
		if err != nil && first {
			cancel()
			return fmt.Errorf("watch links: %w", err)
		}
		if err == nil {
			tellLinks(ctx, updates, changed)
		}
		cancel()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(relook):
		}
	}
}

// tellLinks passes on updates until the watch of them ends.
func tellLinks(ctx context.Context, updates <-chan netlink.LinkUpdate, changed func()) {
	dirty := make(chan struct{}, 1)
	dirty <- struct{}{}
	var telling sync.WaitGroup
	telling.Go(func() {
		for range dirty {
			changed()
		}
	})
	again := time.NewTicker(lookAnyway)
	defer again.Stop()
	for watched := true; watched; {
		select {
		case _, watched = <-updates: // it ends when the socket is closed, or has lost something
		case <-again.C:
		}
		if ctx.Err() != nil {
			continue
		}
		select {
		case dirty <- struct{}{}:
		default:
		}
	}
	close(dirty)
	telling.Wait()
}
