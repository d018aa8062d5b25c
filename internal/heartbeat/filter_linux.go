package heartbeat

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// networkHeader is what offsets into the IP header are relative to (SKF_NET_OFF): the filter of a UDP socket begins at
// the UDP header.
const networkHeader = 0xfff00000

// filter is a program for the kernel that keeps datagrams away which cannot be heartbeats of the partner: from other
// addresses, of another family or too long. They then cost neither a place in the queue nor a wake-up. Short ones
// pass, for the log. Without sources, all addresses pass.
func filter(v6 bool, sources []netip.Addr, anybody bool) []unix.SockFilter {
	const udpHeader = 8
	const reject, accept = 0, 0xffffffff
	f := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, Jf: 1, K: udpHeader + MaxSize},
		{Code: unix.BPF_RET | unix.BPF_K, K: reject},
	}
	if anybody {
		return append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: accept})
	}
	offset, size := uint32(12), 4 // of the source address in the IPv4 header
	if v6 {
		offset, size = 8, 16
	}
	for _, a := range sources {
		if !a.IsValid() || a.Is6() != v6 {
			continue
		}
		b := a.AsSlice()
		for i := 0; i < size; i += 4 {
			// A difference skips the words left, two instructions each, and the acceptance.
			skip := uint8(2*(size-4-i)/4 + 1)
			f = append(f,
				unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: networkHeader + offset + uint32(i)},
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: binary.BigEndian.Uint32(b[i:])})
		}
		f = append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: accept})
	}
	return append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: reject})
}

// setFilter puts the filter in place of the one before, without a gap.
func setFilter(fd int, f []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]})
}
