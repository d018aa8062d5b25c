package arp

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Send sends one Ethernet frame through a device, as a Sender does.
func Send(dev string, frame []byte) error {
	s, err := Open()
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Send(dev, frame)
}

// Sender sends frames. It is kept open: the kernel takes milliseconds to close its socket, which would be lost between one
// floating address and the next.
type Sender struct{ socket *os.File }

// Open opens a Sender, in the network namespace of the calling thread. It takes the privilege CAP_NET_RAW.
func Open() (*Sender, error) {
	// Protocol 0: this socket receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	return &Sender{os.NewFile(uintptr(fd), "packet socket")}, nil
}

// Close closes the Sender.
func (s *Sender) Close() error { return s.socket.Close() }

// Send sends one Ethernet frame through a device. The error wraps the kernel's, after the name of the call that failed, as send_arp(8)
// prints it. Several goroutines may call it.
func (s *Sender) Send(dev string, frame []byte) error {
	if len(frame) < ethernetLen {
		return fmt.Errorf("sendto: %w", unix.EINVAL)
	}
	raw, err := s.socket.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = send(int(fd), dev, frame) }); e != nil {
		return e
	}
	return err
}

func send(fd int, dev string, frame []byte) error {
	index, err := index(fd, dev)
	if err != nil {
		return fmt.Errorf("sendto: %w", err)
	}
	// The field is in network byte order, whatever the machine's.
	kind := binary.NativeEndian.Uint16(frame[12:14])
	to := unix.SockaddrLinklayer{Protocol: kind, Ifindex: index, Halen: 6}
	copy(to.Addr[:], frame[:6])
	if err := unix.Sendto(fd, frame, unix.MSG_DONTWAIT, &to); err != nil {
		return fmt.Errorf("sendto: %w", err)
	}
	return nil
}

// index is the number of a device. A name that is longer than the kernel's names is no device's.
func index(fd int, dev string) (int, error) {
	request, err := unix.NewIfreq(dev)
	if err != nil {
		return 0, unix.ENODEV
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, err
	}
	return int(request.Uint32()), nil
}
