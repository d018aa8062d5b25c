package vip

import (
	"fmt"

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
