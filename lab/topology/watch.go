package topology

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Event is what the kernel said when an IPv4 address of a node, or what a node knows of a neighbour, changed.
type Event struct {
	At        time.Time
	Node      string
	Addr      netip.Addr
	Neighbour bool   // Addr is a neighbour's, otherwise the node's own
	MAC       string // of the neighbour
	Gone      bool   // the node has not got the address any more, or does not know where the neighbour is
}

// Watch collects the events of all nodes. They come through one socket, hence in the order in which they happened: no
// sampling could tell whether one node gave an address up before another one took it.
type Watch struct {
	marked *Node // whose loopback device is used for Sync
	socket *os.File
	names  map[int32]string // of the nodes by the kernel's number of their namespaces
	done   chan struct{}

	mu     sync.Mutex
	events []Event
	err    error
}

// Watch begins to collect events. Close the Watch before the Net.
func (n *Net) Watch() (*Watch, error) {
	w := &Watch{marked: n.Client(), names: map[int32]string{}, done: make(chan struct{})}
	for _, node := range n.nodes {
		id, err := n.wires.number(node)
		if err != nil {
			return nil, err
		}
		w.names[id] = node.Name
	}
	if err := n.wires.Do(w.open); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	go w.collect()
	return w, nil
}

// number returns the number by which n knows the namespace of another node.
func (n *Node) number(other *Node) (int32, error) {
	fd := int(other.ns.Fd())
	id, err := n.links.GetNetNsIdByFd(fd)
	if err == nil && id < 0 {
		if err = n.links.SetNetNsIdByFd(fd, -1); err == nil { // the kernel chooses
			id, err = n.links.GetNetNsIdByFd(fd)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("number namespace of %s: %w", other.Name, err)
	}
	return int32(id), nil
}

// syncTime is how long Sync may take.
const syncTime = 10 * time.Second

// watchBuffer is for what happens while the watcher does not get the processor.
const watchBuffer = 4 << 20

func (w *Watch) open() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	groups := uint32(1<<(unix.RTNLGRP_NEIGH-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1))
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, watchBuffer),
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}),
	)
	if err != nil {
		unix.Close(fd)
		return err
	}
	w.socket = os.NewFile(uintptr(fd), "watch")
	return nil
}

// collect reads until the socket is closed or an event is lost.
func (w *Watch) collect() {
	defer close(w.done)
	raw, err := w.socket.SyscallConn()
	buf, oob := make([]byte, 64<<10), make([]byte, 256)
	for err == nil {
		var n, oobn int
		var failed error
		err = raw.Read(func(fd uintptr) bool {
			n, oobn, _, _, failed = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(failed, unix.EAGAIN)
		})
		if err == nil {
			err = failed
		}
		if err == nil {
			w.take(buf[:n], oob[:oobn], time.Now())
		}
	}
	if !errors.Is(err, os.ErrClosed) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = fmt.Errorf("watch: %w", err)
	}
}

// take decodes one datagram.
func (w *Watch) take(datagram, oob []byte, now time.Time) {
	node, ok := w.names[namespace(oob)]
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if !ok || err != nil {
		return // the switch's own, or of a namespace that is no node
	}
	for _, m := range messages {
		if e, ok := event(m); ok {
			e.At, e.Node = now, node
			w.mu.Lock()
			w.events = append(w.events, e)
			w.mu.Unlock()
		}
	}
}

// namespace is the number of the namespace that a datagram comes from, -1 if it is the socket's own.
func namespace(oob []byte) int32 {
	control, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	for _, c := range control {
		if c.Header.Level == unix.SOL_NETLINK && c.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(c.Data) >= 4 {
			return int32(binary.NativeEndian.Uint32(c.Data))
		}
	}
	return -1
}

// event decodes a message about an IPv4 address.
func event(m syscall.NetlinkMessage) (Event, bool) {
	e := Event{Gone: m.Header.Type == unix.RTM_DELADDR || m.Header.Type == unix.RTM_DELNEIGH}
	var ip net.IP
	switch m.Header.Type {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return Event{}, false
		}
		for _, a := range attrs {
			if a.Attr.Type == unix.IFA_LOCAL {
				ip = a.Value
			}
		}
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		neigh, err := netlink.NeighDeserialize(m.Data)
		if err != nil {
			return Event{}, false
		}
		ip, e.Neighbour, e.MAC = neigh.IP, true, neigh.HardwareAddr.String()
		e.Gone = e.Gone || neigh.State&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) != 0
	}
	e.Addr, _ = netip.AddrFromSlice(ip.To4())
	return e, e.Addr.IsValid()
}

// Events returns what has happened so far. An error says that something may be missing.
func (w *Watch) Events() ([]Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events), w.err
}

// Sync waits until everything that has happened by now has been collected. At is when an event was read, which on a busy
// machine may be later than when its consequences are seen.
func (w *Watch) Sync() error {
	mark := netip.AddrFrom4([4]byte{127, 127, 127, 127})
	err := w.marked.AddAddr(mark.String()+"/32", "lo", "")
	if err == nil {
		err = w.marked.DelAddr(mark.String()+"/32", "lo")
	}
	for end := time.Now().Add(syncTime); err == nil; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		err = w.err
		seen := slices.ContainsFunc(w.events, func(e Event) bool { return e.Addr == mark && e.Gone })
		if seen {
			w.events = slices.DeleteFunc(w.events, func(e Event) bool { return e.Addr == mark })
		}
		w.mu.Unlock()
		if seen {
			return nil
		}
		if time.Now().After(end) {
			err = errors.New("watch: it does not see what happens")
		}
	}
	return err
}

// Close ends the watch.
func (w *Watch) Close() {
	w.socket.Close()
	<-w.done
}
