// Package topology builds the network of a small cluster out of namespaces: a client, two routers and some real
// servers, joined by two bridges.
//
//	client eth0 ── public ── eth0 router1, router2 eth1 ── private ── eth0 real1 … realN
//
// Nothing has a name outside the process: when it ends, everything is gone.
package topology

import (
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"
)

// Addresses of the topology. Those called floating are on no device until somebody puts them there.
const (
	VIP        = "192.0.2.100" // floating, public
	VIP6       = "2001:db8:1::100"
	NATRouter  = "10.11.12.254" // floating, private: the real servers' way out in the NAT set-up
	NATRouter6 = "fd00:12::fe"

	PublicPrefix   = 24 // prefix lengths of the networks, for AddAddr
	PrivatePrefix  = 24
	Public6Prefix  = 64
	Private6Prefix = 64

	clientHost   = "10" // 192.0.2.10
	publicNet    = "192.0.2."
	publicNet6   = "2001:db8:1::"
	privateNet   = "10.11.12."
	privateNet6  = "fd00:12::"
	firstReal    = 11 // 10.11.12.11, 192.0.2.11
	maxReals     = 64
	defaultReals = 3
)

// Forward says how the routers are to reach the real servers, which must be set up to match.
type Forward int

// The forwarding methods.
const (
	NAT    Forward = iota + 1 // default route through the floating NATRouter address
	Direct                    // VIP on lo, not answered for by ARP; replies leave through a device of their own
	Tunnel                    // VIP on tunl0; replies as with Direct
)

// Options says what to build.
type Options struct {
	Reals   int     // number of real servers; 0: 3
	Forward Forward // 0: NAT
	Bare    bool    // leave the real servers without VIP and default route
}

// Net is a built topology.
type Net struct {
	Options Options

	wires *Node // holds the bridges and one port for each device
	nodes []*Node
}

// New builds a topology. It needs to be root in the kernel it runs on.
func New(o Options) (*Net, error) {
	if o.Reals == 0 {
		o.Reals = defaultReals
	}
	if o.Forward == 0 {
		o.Forward = NAT
	}
	if o.Reals < 0 || o.Reals > maxReals || o.Forward < NAT || o.Forward > Tunnel {
		return nil, fmt.Errorf("build topology: %d real servers, forwarding method %d: out of range", o.Reals, o.Forward)
	}
	n := &Net{Options: o}
	if err := n.build(); err != nil {
		n.Close()
		return nil, fmt.Errorf("build topology: %w", err)
	}
	return n, nil
}

// Close removes everything. Commands still running in a node keep its namespace until they end.
func (n *Net) Close() {
	for _, node := range n.nodes {
		node.close()
	}
	if n.wires != nil {
		n.wires.close()
	}
	n.nodes, n.wires = nil, nil
}

// Nodes returns all nodes: client, routers, real servers.
func (n *Net) Nodes() []*Node { return n.nodes }

// Node returns a node by name: client, router1, router2, real1 … An unknown name is a mistake in the caller.
func (n *Net) Node(name string) *Node {
	for _, node := range n.nodes {
		if node.Name == name {
			return node
		}
	}
	panic(fmt.Sprintf("topology: no node %q", name))
}

// Client returns the client.
func (n *Net) Client() *Node { return n.Node("client") }

// Router returns router i, counted from 1.
func (n *Net) Router(i int) *Node { return n.Node("router" + strconv.Itoa(i)) }

// Real returns real server i, counted from 1.
func (n *Net) Real(i int) *Node { return n.Node("real" + strconv.Itoa(i)) }

// RealAddr returns the private address of real server i, counted from 1.
func RealAddr(i int) string { return privateNet + strconv.Itoa(firstReal+i-1) }

// RealAddr6 returns the private IPv6 address of real server i.
func RealAddr6(i int) string { return privateNet6 + strconv.FormatInt(int64(firstReal+i-1), 16) }

// RouterAddr returns the public and the private address of router i.
func RouterAddr(i int) (public, private string) {
	return publicNet + strconv.Itoa(i), privateNet + strconv.Itoa(i)
}

// RouterAddr6 returns the public and the private IPv6 address of router i.
func RouterAddr6(i int) (public, private string) {
	return publicNet6 + strconv.Itoa(i), privateNet6 + strconv.Itoa(i)
}

// ClientAddr and ClientAddr6 are the client's addresses.
const (
	ClientAddr  = publicNet + clientHost
	ClientAddr6 = publicNet6 + clientHost
)

func (n *Net) build() error {
	var err error
	if n.wires, err = newNode(n, "switch"); err != nil {
		return err
	}
	for _, bridge := range []string{"public", "private"} {
		if err := n.addBridge(bridge); err != nil {
			return err
		}
	}
	if err := n.addClient(); err != nil {
		return err
	}
	for i := 1; i <= 2; i++ {
		if err := n.addRouter(i); err != nil {
			return err
		}
	}
	for i := 1; i <= n.Options.Reals; i++ {
		if err := n.addReal(i); err != nil {
			return err
		}
	}
	return nil
}

func (n *Net) addBridge(name string) error {
	snooping := false // a bridge that learns multicast groups loses the first neighbour solicitations
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}, MulticastSnooping: &snooping}
	if err := n.wires.links.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge %s: %w", name, err)
	}
	return n.wires.LinkUp(name)
}

// addNode adds a node with the settings all of them share.
func (n *Net) addNode(name string) (*Node, error) {
	node, err := newNode(n, name)
	if err != nil {
		return nil, err
	}
	n.nodes = append(n.nodes, node)
	for _, s := range []struct{ family, key, value string }{
		{"ipv4", "rp_filter", "0"}, // addresses move between devices and packets come in by one and leave by another
		{"ipv4", "send_redirects", "0"},
		{"ipv4", "accept_redirects", "0"},
		{"ipv6", "accept_dad", "0"}, // an address is to be usable at once
		{"ipv6", "accept_ra", "0"},
		{"ipv6", "router_solicitations", "0"},
		{"ipv6", "keep_addr_on_down", "1"},
	} {
		if err := node.sysctlEach(s.family, s.key, s.value); err != nil {
			return nil, err
		}
	}
	return node, node.LinkUp("lo")
}

// plug gives the node a device on a bridge.
func (n *Net) plug(node *Node, dev, bridge string, cidrs ...string) error {
	master, err := n.wires.link(bridge)
	if err != nil {
		return err
	}
	port := node.Name + "-" + dev
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: port, MasterIndex: master.Attrs().Index},
		PeerName:      dev,
		PeerNamespace: netlink.NsFd(node.ns.Fd()),
	}
	if err := n.wires.links.LinkAdd(veth); err != nil {
		return fmt.Errorf("plug %s of %s into %s: %w", dev, node.Name, bridge, err)
	}
	node.ports[dev], node.bridge[dev] = port, bridge
	if err := n.wires.LinkUp(port); err != nil {
		return err
	}
	if err := node.LinkUp(dev); err != nil {
		return err
	}
	for _, cidr := range cidrs {
		if err := node.AddAddr(cidr, dev, ""); err != nil {
			return err
		}
	}
	return nil
}

func (n *Net) addClient() error {
	node, err := n.addNode("client")
	if err != nil {
		return err
	}
	return n.plug(node, "eth0", "public", ClientAddr+"/24", ClientAddr6+"/64")
}

func (n *Net) addRouter(i int) error {
	node, err := n.addNode("router" + strconv.Itoa(i))
	if err != nil {
		return err
	}
	for _, key := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
		if err := node.Sysctl(key, "1"); err != nil {
			return err
		}
	}
	public, private := RouterAddr(i)
	public6, private6 := RouterAddr6(i)
	if err := n.plug(node, "eth0", "public", public+"/24", public6+"/64"); err != nil {
		return err
	}
	return n.plug(node, "eth1", "private", private+"/24", private6+"/64")
}
