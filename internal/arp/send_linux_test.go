package arp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cable gives the test a network namespace of its own with the two ends of a cable, both up: near, as long as a name can
// be, and far. The namespace goes with the test's thread.
func cable(t *testing.T) (near, far netlink.Link) {
	t.Helper()
	runtime.LockOSThread() // never unlocked
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace of our own: %v", err)
	}
	const nearName, farName = "near-end-15-byt", "far"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: nearName}, PeerName: farName}); err != nil {
		t.Skipf("no veth device: %v", err)
	}
	ends := make([]netlink.Link, 2)
	for i, name := range []string{nearName, farName} {
		link, err := netlink.LinkByName(name)
		must(t, err)
		must(t, netlink.LinkSetUp(link))
		ends[i] = link
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		link, err := netlink.LinkByName(nearName)
		must(t, err)
		if link.Attrs().OperState == netlink.OperUp { // until then the kernel drops what is sent
			return ends[0], ends[1]
		}
		if time.Now().After(deadline) {
			t.Fatal("the cable does not come up")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSend(t *testing.T) {
	near, far := cable(t)
	arrive := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ARP))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: arrive, Ifindex: far.Attrs().Index}))
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))

	want := Reply(testMAC, ip("10.9.0.100"))
	must(t, Send(near.Attrs().Name, want[:]))
	b := make([]byte, 1500)
	n, _, err := unix.Recvfrom(fd, b, 0)
	must(t, err)
	if !bytes.Equal(b[:n], want[:]) {
		t.Errorf("received % x, want % x", b[:n], want)
	}

	for _, tt := range []struct {
		dev   string
		frame []byte
		want  error
		text  string
	}{
		{"gone", want[:], unix.ENODEV, "sendto: no such device"},
		{"longer-than-any-name", want[:], unix.ENODEV, "sendto: no such device"},
		{"far", want[:13], unix.EINVAL, "sendto: invalid argument"},
	} {
		if err := Send(tt.dev, tt.frame); !errors.Is(err, tt.want) || err.Error() != tt.text {
			t.Errorf("Send(%s) = %v, want %s", tt.dev, err, tt.text)
		}
	}
	must(t, netlink.LinkSetDown(near))
	if err := Send(near.Attrs().Name, want[:]); !errors.Is(err, unix.ENETDOWN) || !strings.HasPrefix(err.Error(), "sendto: ") {
		t.Errorf("Send on a device that is down: %v", err)
	}
}

// A neighbour that knew the address at another place learns the new one, from either kind of frame.
func TestNeighbour(t *testing.T) {
	near, far := cable(t)
	own, err := netlink.ParseAddr("192.0.2.1/24") // a host without addresses takes every IPv4 address for a broadcast one
	must(t, err)
	must(t, netlink.AddrAdd(far, own))
	old := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for _, tt := range []struct {
		addr   netip.Addr
		frame  []byte
		router int // the flag of the entry afterwards
	}{
		{ip("192.0.2.80"), frameOf(Reply(testMAC, ip("192.0.2.80"))), 0},
		{ip("2001:db8::80"), Advertisement(testMAC, ip("2001:db8::80"), false), 0},
		{ip("2001:db8::81"), Advertisement(testMAC, ip("2001:db8::81"), true), unix.NTF_ROUTER},
	} {
		must(t, netlink.NeighSet(&netlink.Neigh{LinkIndex: far.Attrs().Index, State: netlink.NUD_STALE, IP: tt.addr.AsSlice(), HardwareAddr: old}))
		must(t, Send(near.Attrs().Name, tt.frame))
		var got netlink.Neigh
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			got = neighbour(t, far, tt.addr)
			if bytes.Equal(got.HardwareAddr, testMAC[:]) {
				break
			}
		}
		if !bytes.Equal(got.HardwareAddr, testMAC[:]) || got.Flags&unix.NTF_ROUTER != tt.router {
			t.Errorf("%s is at %s, flags %#x, want %x, %#x", tt.addr, got.HardwareAddr, got.Flags, testMAC, tt.router)
		}
	}
}

func frameOf(f [Size]byte) []byte { return f[:] }

func neighbour(t *testing.T, link netlink.Link, addr netip.Addr) netlink.Neigh {
	t.Helper()
	list, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_ALL)
	must(t, err)
	for _, n := range list {
		if found, _ := netip.AddrFromSlice(n.IP); found.Unmap() == addr {
			return n
		}
	}
	return netlink.Neigh{}
}
