package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// receiveBuffer is doubled by the kernel and holds some 5,400 small datagrams, as it counts them. A longer queue would make a genuine one
	// wait longer behind forged ones: this many take a few milliseconds to read.
	receiveBuffer = 2 << 20
	// classCS6 is DSCP CS6, network control (RFC 4594), in the byte that IP_TOS and IPV6_TCLASS set.
	classCS6 = 0xc0
	// priorityControl is TC_PRIO_CONTROL; without CAP_NET_ADMIN, 6 is the highest.
	priorityControl, priorityHighest = 7, 6
)

// BindError says that an address for heartbeats cannot be used (yet).
type BindError struct {
	Channel Channel
	Addr    netip.AddrPort
	Err     error
}

// Error is the original's line; it had no address.
func (e *BindError) Error() string {
	return fmt.Sprintf("failed to bind to heartbeat address: %v (%v %v)", e.Err, e.Channel, e.Addr)
}

// Unwrap returns the kernel's reason.
func (e *BindError) Unwrap() error { return e.Err }

// socket is one channel.
type socket struct {
	channel Channel
	local   netip.AddrPort
	conn    *net.UDPConn
	raw     syscall.RawConn
	batch   batch
	failing bool // the last read was an error
}

// open binds a socket. Children do not inherit it: package net opens everything close-on-exec.
func open(c Channel, local netip.AddrPort, f []unix.SockFilter) (*socket, error) {
	network := "udp4"
	if local.Addr().Is6() {
		network = "udp6"
	}
	setup := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) { err = prepare(int(fd), local.Addr().Is6(), f) }); e != nil {
			return e
		}
		return err
	}}
	conn, err := setup.ListenPacket(context.Background(), network, local.String())
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the address is in ours
		}
		var call interface{ Unwrap() error }
		if errors.As(err, &call) && call.Unwrap() != nil {
			err = call.Unwrap() // "bind: " says no more than our text
		}
		return nil, &BindError{c, local, err}
	}
	udp := conn.(*net.UDPConn)
	raw, err := udp.SyscallConn()
	if err != nil {
		udp.Close()
		return nil, err
	}
	return &socket{channel: c, local: local, conn: udp, raw: raw}, nil
}

// prepare sets what must hold from the first datagram on. What only makes things better may fail.
func prepare(fd int, v6 bool, f []unix.SockFilter) error {
	if err := setFilter(fd, f); err != nil {
		return fmt.Errorf("attach filter: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, classCS6)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, classCS6)
	}
	// After IP_TOS, which sets a priority of its own.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, priorityControl) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, priorityHighest)
	}
	return nil
}

// control calls f with the descriptor, which stays open meanwhile. It does not wait for a reader.
func (s *socket) control(f func(fd uintptr) error) error {
	var err error
	if e := s.raw.Control(func(fd uintptr) { err = f(fd) }); e != nil {
		return e
	}
	return err
}

// send sends b to the same port of another router, or says at once why it cannot.
func (s *socket) send(b []byte, to netip.Addr) error {
	return s.control(func(fd uintptr) error {
		return unix.Sendto(int(fd), b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, sockaddr(netip.AddrPortFrom(to, s.local.Port())))
	})
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zone(a.Addr().Zone())}
}

// zone is the number of the interface in a link-local address, 0 if there is none of that name.
func zone(name string) uint32 {
	if name == "" {
		return 0
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n)
	}
	link, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return uint32(link.Index)
}
