package arp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Send sends one Ethernet frame through a device. It needs CAP_NET_RAW, and works in the network namespace of the
// calling thread. The error wraps the kernel's, after the name of the call that failed, as send_arp(8) prints it.
func Send(dev string, frame []byte) error {
	if len(frame) < ethernetLen {
		return fmt.Errorf("sendto: %w", unix.EINVAL)
	}
	// Protocol 0: this socket receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
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
