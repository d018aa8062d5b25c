package topology

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// Node is one machine of the topology: a network namespace with its devices.
type Node struct {
	Name string

	ns     *os.File
	links  *netlink.Handle
	net    *Net
	ports  map[string]string // device -> its port on the switch
	bridge map[string]string // device -> bridge it is plugged into
	routes []netlink.Route   // put back when a device comes up again
}

// newNode makes a namespace and the socket that configures it.
func newNode(n *Net, name string) (*Node, error) {
	ns, err := newNamespace()
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	node := &Node{Name: name, ns: ns, net: n, ports: map[string]string{}, bridge: map[string]string{}}
	err = node.Do(func() error {
		node.links, err = netlink.NewHandle()
		return err
	})
	if err != nil {
		ns.Close()
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	return node, nil
}

func (n *Node) close() {
	n.links.Close()
	n.ns.Close()
}

// Do runs f inside the node: sockets that f opens belong to the node for ever. Goroutines that f starts do not.
func (n *Node) Do(f func() error) error { return inNamespace(n.ns, f) }

// Cmd is an exec.Cmd that starts inside a node.
type Cmd struct {
	*exec.Cmd
	node *Node
}

// Command returns a command to be started inside the node.
func (n *Node) Command(ctx context.Context, argv ...string) *Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = killTime
	return &Cmd{cmd, n}
}

// Start is exec.Cmd.Start inside the node.
func (c *Cmd) Start() error { return c.node.Do(c.Cmd.Start) }

// Run is exec.Cmd.Run inside the node.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output is exec.Cmd.Output inside the node.
func (c *Cmd) Output() ([]byte, error) {
	var out, errOut bytes.Buffer
	c.Stdout = &out
	if c.Stderr == nil {
		c.Stderr = &errOut
	}
	err := c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		exit.Stderr = errOut.Bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput is exec.Cmd.CombinedOutput inside the node.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// Exec runs a command inside the node and returns what it printed; the error holds the command and its output.
func (n *Node) Exec(ctx context.Context, argv ...string) (string, error) {
	out, err := n.Command(ctx, argv...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %s: %w: %s", n.Name, strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// DialContext connects from the node. The address must be numeric: name servers are outside.
func (n *Node) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var conn net.Conn
	err := n.Do(func() error {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		conn = c
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Dial connects from the node within the given time.
func (n *Node) Dial(network, addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return n.DialContext(ctx, network, addr)
}

// Listen listens inside the node.
func (n *Node) Listen(network, addr string) (net.Listener, error) {
	var listener net.Listener
	err := n.Do(func() error {
		l, err := net.Listen(network, addr)
		listener = l
		return err
	})
	if err != nil {
		return nil, err
	}
	return listener, nil
}

// ListenPacket is net.ListenPacket inside the node.
func (n *Node) ListenPacket(network, addr string) (net.PacketConn, error) {
	var conn net.PacketConn
	err := n.Do(func() error {
		c, err := net.ListenPacket(network, addr)
		conn = c
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// HTTPClient returns a client that connects from the node, with a new connection for every request.
func (n *Node) HTTPClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{DialContext: n.DialContext, DisableKeepAlives: true},
	}
}

// Sysctl sets a network setting of the node: net.ipv4.ip_forward or net/ipv4/ip_forward.
func (n *Node) Sysctl(key, value string) error {
	path := sysctlPath(key)
	if err := n.Do(func() error { return os.WriteFile(path, []byte(value), 0) }); err != nil {
		return fmt.Errorf("%s: set %s = %s: %w", n.Name, key, value, err)
	}
	return nil
}

// ReadSysctl returns a network setting of the node.
func (n *Node) ReadSysctl(key string) (string, error) {
	var text []byte
	err := n.Do(func() (err error) {
		text, err = os.ReadFile(sysctlPath(key))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%s: read %s: %w", n.Name, key, err)
	}
	return strings.TrimSpace(string(text)), nil
}

func sysctlPath(key string) string {
	if !strings.Contains(key, "/") {
		key = strings.ReplaceAll(key, ".", "/")
	}
	return filepath.Join("/proc/sys", key)
}

// sysctlEach sets a setting of every device the node has now and will have.
func (n *Node) sysctlEach(family, key, value string) error {
	pattern := filepath.Join("/proc/sys/net", family, "conf", "*", key)
	err := n.Do(func() error {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := os.WriteFile(path, []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: set %s = %s: %w", n.Name, key, value, err)
	}
	return nil
}
