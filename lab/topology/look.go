package topology

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// MAC returns the hardware address of a device.
func (n *Node) MAC(dev string) (string, error) {
	link, err := n.link(dev)
	if err != nil {
		return "", err
	}
	return link.Attrs().HardwareAddr.String(), nil
}

// Neighbour returns the hardware address to which the node sends what is for an IPv4 address of a network of its own,
// "" while it knows none.
func (n *Node) Neighbour(addr string) (string, error) {
	want, err := netip.ParseAddr(addr)
	if err != nil {
		return "", fmt.Errorf("parse address: %w", err)
	}
	list, err := n.links.NeighList(0, netlink.FAMILY_V4)
	if err != nil {
		return "", fmt.Errorf("%s: list neighbours: %w", n.Name, err)
	}
	for _, neigh := range list {
		have, ok := netip.AddrFromSlice(neigh.IP)
		unusable := neigh.State&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) != 0
		if ok && have.Unmap() == want && !unusable {
			return neigh.HardwareAddr.String(), nil
		}
	}
	return "", nil
}

// killTime is how long the node's processes may take to vanish after SIGKILL.
const killTime = 10 * time.Second

// KillAll kills every process in the node, as a loss of power would, and returns when none is left.
func (n *Node) KillAll() error {
	for end := time.Now().Add(killTime); ; {
		pids, err := n.processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: processes %v survive SIGKILL", n.Name, pids)
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("%s: kill %d: %w", n.Name, pid, err)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// processes returns the ids of the processes in the node. The caller is none of them, although threads of it visit the
// node.
func (n *Node) processes() ([]int, error) {
	var own string
	err := n.Do(func() (err error) {
		own, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: find own namespace: %w", n.Name, err)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, dir := range dirs {
		ns, err := os.Readlink(filepath.Join(dir, "ns", "net"))
		if err != nil || ns != own { // a process that has just ended has no namespace
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
