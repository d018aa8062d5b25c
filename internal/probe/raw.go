package probe

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below never wait: their sockets are non-blocking. So the Go scheduler need not hear of them, as it would from
// package unix; to have its monitor look each time whether they take long costs a pool of checks a fifth of its time.

// address is a socket address as the kernel takes it.
type address struct {
	raw unix.RawSockaddrInet6 // or a RawSockaddrInet4 in its place
	len uint32
}

func newAddress(a netip.AddrPort) address {
	port := [2]byte{byte(a.Port() >> 8), byte(a.Port())}
	if a.Addr().Is4() {
		in := address{len: unix.SizeofSockaddrInet4}
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(&in.raw))
		raw.Family, raw.Addr = unix.AF_INET, a.Addr().As4()
		*(*[2]byte)(unsafe.Pointer(&raw.Port)) = port
		return in
	}
	in := address{len: unix.SizeofSockaddrInet6}
	in.raw.Family, in.raw.Addr = unix.AF_INET6, a.Addr().As16()
	*(*[2]byte)(unsafe.Pointer(&in.raw.Port)) = port
	return in
}

// family is that of the address.
func (a *address) family() int { return int(a.raw.Family) }

func (a *address) addrPort() netip.AddrPort {
	if a.raw.Family == unix.AF_INET {
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(raw.Addr), networkOrder(raw.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(a.raw.Addr), networkOrder(a.raw.Port))
}

// networkOrder reads a port as it lies in memory.
func networkOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}

func connect(fd int, to *address) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to.raw)), uintptr(to.len))
	return errno
}

// localAddress reads the address of the socket's own end.
func localAddress(fd int, local *address) unix.Errno {
	local.len = uint32(unsafe.Sizeof(local.raw))
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&local.raw)), uintptr(unsafe.Pointer(&local.len)))
	return errno
}

func send(fd int, text []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(text))), uintptr(len(text)))
	return int(n), errno
}

// receive reads into room, which is not empty.
func receive(fd int, room []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(room))), uintptr(len(room)))
	return int(n), errno
}

func hangUp(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }
