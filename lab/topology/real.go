package topology

import (
	"fmt"
	"strconv"
	"strings"
)

// addReal adds real server i and sets it up for the forwarding method.
func (n *Net) addReal(i int) error {
	node, err := n.addNode("real" + strconv.Itoa(i))
	if err != nil {
		return err
	}
	if err := n.plug(node, "eth0", "private", RealAddr(i)+"/24", RealAddr6(i)+"/64"); err != nil {
		return err
	}
	if n.Options.Forward != NAT {
		// Replies carry the virtual address as their source and must not pass the router, which would drop them:
		// the address is its own.
		host := firstReal + i - 1
		err := n.plug(node, "eth1", "public", publicNet+strconv.Itoa(host)+"/24", publicNet6+strconv.FormatInt(int64(host), 16)+"/64")
		if err != nil {
			return err
		}
	}
	if n.Options.Bare {
		return nil
	}
	switch n.Options.Forward {
	case Direct:
		return node.AcceptVIP(VIP, VIP6)
	case Tunnel:
		return node.acceptTunnel()
	default:
		if err := node.SetDefaultRoute(NATRouter, "eth0"); err != nil {
			return err
		}
		return node.SetDefaultRoute(NATRouter6, "eth0")
	}
}

// silence keeps a node from answering ARP for addresses that are not on the asked device. IPv6 needs no such setting.
func (n *Node) silence() error {
	if err := n.sysctlEach("ipv4", "arp_ignore", "1"); err != nil {
		return err
	}
	return n.sysctlEach("ipv4", "arp_announce", "2")
}

// AcceptVIP makes a real server take packets for the addresses, as direct routing needs it.
func (n *Node) AcceptVIP(addrs ...string) error {
	if err := n.silence(); err != nil {
		return err
	}
	for _, addr := range addrs {
		if err := n.AddAddr(hostPrefix(addr), "lo", ""); err != nil {
			return err
		}
	}
	return nil
}

// acceptTunnel puts the virtual addresses on the tunnel devices every namespace has when the modules are loaded.
func (n *Node) acceptTunnel() error {
	if err := n.silence(); err != nil {
		return err
	}
	for dev, addr := range map[string]string{"tunl0": VIP, "ip6tnl0": VIP6} {
		if err := n.LinkUp(dev); err != nil {
			return fmt.Errorf("%w (are the modules ipip and ip6_tunnel loaded?)", err)
		}
		if err := n.AddAddr(hostPrefix(addr), dev, ""); err != nil {
			return err
		}
	}
	return nil
}

func hostPrefix(addr string) string {
	if strings.Contains(addr, ":") {
		return addr + "/128"
	}
	return addr + "/32"
}
