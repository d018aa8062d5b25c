package topology

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// link finds a device of the node.
func (n *Node) link(dev string) (netlink.Link, error) {
	link, err := n.links.LinkByName(dev)
	if err != nil {
		return nil, fmt.Errorf("%s: find %s: %w", n.Name, dev, err)
	}
	return link, nil
}

// AddAddr puts an address such as 192.0.2.100/24 on a device. label may be empty; the kernel wants labels to begin with
// the device's name.
func (n *Node) AddAddr(cidr, dev, label string) error {
	link, err := n.link(dev)
	if err != nil {
		return err
	}
	addr, err := address(cidr, label)
	if err != nil {
		return err
	}
	if err := n.links.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("%s: add %s to %s: %w", n.Name, cidr, dev, err)
	}
	return nil
}

// DelAddr takes an address off a device.
func (n *Node) DelAddr(cidr, dev string) error {
	link, err := n.link(dev)
	if err != nil {
		return err
	}
	addr, err := address(cidr, "")
	if err != nil {
		return err
	}
	if err := n.links.AddrDel(link, addr); err != nil {
		return fmt.Errorf("%s: remove %s from %s: %w", n.Name, cidr, dev, err)
	}
	return nil
}

func address(cidr, label string) (*netlink.Addr, error) {
	addr, err := netlink.ParseAddr(cidr)
	if err != nil {
		return nil, fmt.Errorf("parse address: %w", err)
	}
	addr.Label = label
	if addr.IP.To4() == nil {
		// Duplicate address detection would keep the address unusable for more than a second.
		addr.Flags = unix.IFA_F_NODAD
	}
	return addr, nil
}

// Addrs lists the addresses of a device with their prefix lengths, without link-local ones.
func (n *Node) Addrs(dev string) ([]string, error) {
	link, err := n.link(dev)
	if err != nil {
		return nil, err
	}
	addrs, err := n.links.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("%s: list addresses of %s: %w", n.Name, dev, err)
	}
	var list []string
	for _, a := range addrs {
		if !a.IP.IsLinkLocalUnicast() {
			list = append(list, a.IPNet.String())
		}
	}
	return list, nil
}

// LinkDown takes a device of the node down, as an administrator would.
func (n *Node) LinkDown(dev string) error {
	link, err := n.link(dev)
	if err != nil {
		return err
	}
	if err := n.links.LinkSetDown(link); err != nil {
		return fmt.Errorf("%s: take %s down: %w", n.Name, dev, err)
	}
	return nil
}

// LinkUp brings a device up and puts the node's routes back, which the kernel drops when a device goes down.
func (n *Node) LinkUp(dev string) error {
	link, err := n.link(dev)
	if err != nil {
		return err
	}
	if err := n.links.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s: bring %s up: %w", n.Name, dev, err)
	}
	for i := range n.routes {
		if n.routes[i].LinkIndex != link.Attrs().Index {
			continue
		}
		if err := n.links.RouteReplace(&n.routes[i]); err != nil {
			return fmt.Errorf("%s: add route: %w", n.Name, err)
		}
	}
	return nil
}

// addRoute sends traffic to dst (empty: everything) through a neighbour, now and after every LinkUp.
func (n *Node) addRoute(dst, via, dev string) error {
	link, err := n.link(dev)
	if err != nil {
		return err
	}
	route := netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.ParseIP(via)}
	if dst != "" {
		if _, route.Dst, err = net.ParseCIDR(dst); err != nil {
			return fmt.Errorf("parse route: %w", err)
		}
	}
	if err := n.links.RouteReplace(&route); err != nil {
		return fmt.Errorf("%s: add route to %q via %s: %w", n.Name, dst, via, err)
	}
	n.routes = append(n.routes, route)
	return nil
}

// SetDefaultRoute sends everything the node has no other route for to via, which dev reaches.
func (n *Node) SetDefaultRoute(via, dev string) error { return n.addRoute("", via, dev) }

// Unplug pulls the cable of the named devices, of all when none is named: the node sees the carrier go.
func (n *Node) Unplug(devs ...string) error {
	return n.eachPort(devs, func(port netlink.Link, _ string) error { return n.net.wires.links.LinkSetDown(port) })
}

// Plug undoes Unplug.
func (n *Node) Plug(devs ...string) error {
	return n.eachPort(devs, func(port netlink.Link, _ string) error { return n.net.wires.links.LinkSetUp(port) })
}

// Cut loses every packet from and to the named devices, to all when none is named; the node does not see why. To the
// others this is a machine that crashed.
func (n *Node) Cut(devs ...string) error {
	return n.eachPort(devs, func(port netlink.Link, _ string) error { return n.net.wires.links.LinkSetNoMaster(port) })
}

// Heal undoes Cut.
func (n *Node) Heal(devs ...string) error {
	return n.eachPort(devs, func(port netlink.Link, bridge string) error {
		master, err := n.net.wires.link(bridge)
		if err != nil {
			return err
		}
		return n.net.wires.links.LinkSetMaster(port, master)
	})
}

func (n *Node) eachPort(devs []string, f func(port netlink.Link, bridge string) error) error {
	if len(devs) == 0 {
		for dev := range n.ports {
			devs = append(devs, dev)
		}
	}
	for _, dev := range devs {
		name, ok := n.ports[dev]
		if !ok {
			return fmt.Errorf("%s: %s is not plugged in anywhere", n.Name, dev)
		}
		port, err := n.net.wires.link(name)
		if err != nil {
			return err
		}
		if err := f(port, n.bridge[dev]); err != nil {
			return fmt.Errorf("%s: change cable of %s: %w", n.Name, dev, err)
		}
	}
	return nil
}

// FlushNeighbours makes every node forget which hardware address belongs to which address.
func (n *Net) FlushNeighbours() error {
	for _, node := range n.nodes {
		for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
			list, err := node.links.NeighList(0, family)
			if err != nil {
				return fmt.Errorf("%s: list neighbours: %w", node.Name, err)
			}
			for i := range list {
				if list[i].State&unix.NUD_NOARP != 0 {
					continue
				}
				if err := node.links.NeighDel(&list[i]); err != nil && !errors.Is(err, unix.ENOENT) {
					return fmt.Errorf("%s: forget %s: %w", node.Name, list[i].IP, err)
				}
			}
		}
	}
	return nil
}

// Announce tells the segment of dev, with a gratuitous ARP request, that the node has the IPv4 address now.
func (n *Node) Announce(addr, dev string) error {
	ip, err := netip.ParseAddr(addr)
	if err != nil || !ip.Is4() {
		return fmt.Errorf("announce %q: not an IPv4 address", addr)
	}
	link, err := n.link(dev)
	if err != nil {
		return err
	}
	mac, four := link.Attrs().HardwareAddr, ip.As4()
	if len(mac) != 6 {
		return fmt.Errorf("announce %s: %s has no hardware address", addr, dev)
	}
	frame := append([]byte{255, 255, 255, 255, 255, 255}, mac...)
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1) // ARP for IPv4 over Ethernet, request
	frame = append(append(frame, mac...), four[:]...)
	frame = append(append(frame, 0, 0, 0, 0, 0, 0), four[:]...)
	err = n.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index, Halen: 6})
	})
	if err != nil {
		return fmt.Errorf("%s: announce %s on %s: %w", n.Name, addr, dev, err)
	}
	return nil
}
