package bench

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// awaitBeats waits until the node has received a number of heartbeats, of either product, from an address, on eth0.
func awaitBeats(node *topology.Node, from netip.Addr, number int) error {
	var socket *os.File
	err := node.Do(func() error {
		fd, err := openBeats(from)
		if err == nil {
			socket = os.NewFile(uintptr(fd), "heartbeats")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: listen for heartbeats: %w", node.Name, err)
	}
	defer socket.Close()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("%s: listen for heartbeats: %w", node.Name, err)
	}
	buf := make([]byte, 64)
	for range number {
		if _, err := socket.Read(buf); err != nil {
			return fmt.Errorf("%s: no heartbeat from %v: %w", node.Name, from, err)
		}
	}
	return nil
}

// openBeats opens a socket that gets nothing but heartbeats: the client's requests must not wake the bench. Nor may it
// wait in a system call: with one processor the runtime would let the client wait as well, for up to 10 ms.
func openBeats(from netip.Addr) (int, error) {
	dev, err := net.InterfaceByName("eth0")
	if err != nil {
		return 0, err
	}
	// Protocol 0: nothing arrives before the filter is in place and bind names the protocol.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	filter := beatFilter(from)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err == nil {
		const ipv4 = unix.ETH_P_IP>>8 | unix.ETH_P_IP&0xff<<8 // in network order
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: dev.Index})
	}
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// beatFilter passes frames from an IPv4 address that are VRRP, or UDP to pulse's port.
func beatFilter(from netip.Addr) []unix.SockFilter {
	const (
		source, protocol = 26, 23 // offsets in the frame
		ipHeader, toPort = 14, 16 // the latter with the length of the IP header in X
		vrrp, pulsePort  = 112, 539
	)
	a := from.As4()
	addr := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: source},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: addr, Jf: 7},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: protocol},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: vrrp, Jt: 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_UDP, Jf: 4},
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: ipHeader},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: toPort},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: pulsePort, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
		{Code: unix.BPF_RET | unix.BPF_K},
	}
}
