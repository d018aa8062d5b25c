package heartbeat

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams one system call reads at most. It bounds how long the lock of a Conn is held: some
// 100 µs when all of them need an authentication code.
const batchSize = 64

// batch reads datagrams without allocating: at 100,000 a second garbage would be work, too.
type batch struct {
	headers [batchSize]message
	iovecs  [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6 // larger than its IPv4 brother
	control [batchSize][controlSize]byte
	buffers [batchSize][MaxSize + 1]byte // one more shows that a datagram is too long
	drops   uint32                       // as the kernel reported last
}

// message is the kernel's struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
}

// controlSize holds one control message with a 32-bit number.
const controlSize = 32

// read fills the batch with what is queued, and does not wait. n is 0 with an error, as EAGAIN if there was nothing.
func (b *batch) read(fd uintptr) (n int, err error) {
	for i := range b.headers {
		b.iovecs[i].Base = &b.buffers[i][0]
		b.iovecs[i].SetLen(len(b.buffers[i]))
		h := &b.headers[i].header
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.names[i])), uint32(unsafe.Sizeof(b.names[i]))
		h.Iov = &b.iovecs[i]
		h.SetIovlen(1)
		h.Control = &b.control[i][0]
		h.SetControllen(controlSize)
	}
	for {
		got, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers)), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(got), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// datagram returns the ith datagram read and where it came from; the slice is valid until the next read.
func (b *batch) datagram(i int) ([]byte, netip.Addr) {
	b.count(i)
	return b.buffers[i][:min(int(b.headers[i].length), len(b.buffers[i]))], b.from(i)
}

func (b *batch) from(i int) netip.Addr {
	switch name := &b.names[i]; name.Family {
	case unix.AF_INET:
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	case unix.AF_INET6:
		return netip.AddrFrom16(name.Addr)
	}
	return netip.Addr{}
}

// count notes the number of datagrams dropped, which comes along once there are any (SO_RXQ_OVFL).
func (b *batch) count(i int) {
	const header = unix.SizeofCmsghdr
	c := &b.control[i]
	if b.headers[i].header.Controllen < header+4 {
		return
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(c))
	if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL {
		b.drops = binary.NativeEndian.Uint32(c[header:])
	}
}
