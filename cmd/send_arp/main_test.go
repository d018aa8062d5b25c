package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"send_arp": main})
}

// raceOptions keep a race detector in send_arp from its second of sleep at every end.
const raceOptions = "atexit_sleep_ms=0"

// TestScripts runs send_arp as its users do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", raceOptions)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, errors.New("unknown condition")
			}
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
			if err == nil {
				unix.Close(fd)
			}
			return err == nil, nil
		},
	})
}

func TestParseMAC(t *testing.T) {
	want := [6]byte{0x02, 0xab, 0xcd, 0xef, 0x10, 0x0a}
	for s, ok := range map[string]bool{
		"02abcdef100a": true, "02ABCDEF100A": true, "02:ab:cd:ef:10:0a": true, "02ab:cdef:100a": true, "02abcdef100a:": true,
		"02abcdef100a00": true, "02abcdef100a garbage": true,
		"": false, "0": false, "02abcdef100": false, "2:ab:cd:ef:10:a": false, "02-ab-cd-ef-10-0a": false, ":02abcdef100a": false,
	} {
		got, gotOK := parseMAC(s)
		if gotOK != ok || ok && got != want {
			t.Errorf("parseMAC(%q) = %x, %t, want %x, %t", s, got, gotOK, want, ok)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cable gives the test a network namespace of its own with a cable, and returns a socket that receives at its far end.
// The near end's name is as long as a name can be, which is too long for the original. The namespace goes with the test's
// thread.
func cable(t *testing.T) (near string, socket int) {
	t.Helper()
	runtime.LockOSThread() // never unlocked
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace of our own: %v", err)
	}
	near = "near-end-15-byt"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: near}, PeerName: "far"}); err != nil {
		t.Skipf("no veth device: %v", err)
	}
	// No IPv6 messages of the kernel's own among those that are received.
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/"+near+"/disable_ipv6", []byte("1"), 0))
	far, err := netlink.LinkByName("far")
	must(t, err)
	must(t, netlink.LinkSetUp(far))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		link, err := netlink.LinkByName(near)
		must(t, err)
		must(t, netlink.LinkSetUp(link))
		if link.Attrs().OperState == netlink.OperUp { // until then the kernel drops what is sent
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the cable does not come up")
		}
	}
	socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(socket) })
	return near, socket
}

// receive has the socket receive one kind of frame.
func receive(t *testing.T, socket int, kind uint16) {
	t.Helper()
	far, err := netlink.LinkByName("far")
	must(t, err)
	arrive := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, kind))
	must(t, unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: arrive, Ifindex: far.Attrs().Index}))
	must(t, unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
}

// TestFrames compares what arrives at the other end of a cable with the original's 60 bytes.
func TestFrames(t *testing.T) {
	near, socket := cable(t)
	t.Setenv("GORACE", raceOptions)
	for _, tt := range []struct {
		args string
		kind uint16
		want string
	}{
		// The example of the reference, piranha-pulse.md 5.2.
		{"10.9.0.100 02000000000A 10.9.0.255 ffffffffffff", unix.ETH_P_ARP, `
			ff ff ff ff ff ff 02 00 00 00 00 0a 08 06 00 01
			08 00 06 04 00 02 02 00 00 00 00 0a 0a 09 00 64
			02 00 00 00 00 0a 0a 09 00 64 00 00 00 00 00 00
			00 00 00 00 00 00 00 00 00 00 00 00`},
		{"10.9.0.100 02:00:00:00:00:0a garbage 02:11:22:33:44:55", unix.ETH_P_ARP, `
			02 11 22 33 44 55 02 00 00 00 00 0a 08 06 00 01
			08 00 06 04 00 02 02 00 00 00 00 0a 0a 09 00 64
			02 00 00 00 00 0a 0a 09 00 64 00 00 00 00 00 00
			00 00 00 00 00 00 00 00 00 00 00 00`},
		{"-r 2001:db8::64 02000000000A - ffffffffffff", unix.ETH_P_IPV6, `
			33 33 00 00 00 01 02 00 00 00 00 0a 86 dd 60 00
			00 00 00 20 3a ff 20 01 0d b8 00 00 00 00 00 00
			00 00 00 00 00 64 ff 02 00 00 00 00 00 00 00 00
			00 00 00 00 00 01 88 00 78 5b a0 00 00 00 20 01
			0d b8 00 00 00 00 00 00 00 00 00 00 00 64 02 01
			02 00 00 00 00 0a`},
	} {
		receive(t, socket, tt.kind)
		cmd := exec.Command("send_arp", append([]string{"-i", near}, strings.Fields(tt.args)...)...)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
			t.Fatalf("send_arp %s: %v, output %q", tt.args, err, out)
		}
		want, err := hex.DecodeString(strings.Join(strings.Fields(tt.want), ""))
		must(t, err)
		b := make([]byte, 1500)
		n, _, err := unix.Recvfrom(socket, b, 0)
		must(t, err)
		if !bytes.Equal(b[:n], want) {
			t.Errorf("send_arp %s: received % x, want % x", tt.args, b[:n], want)
		}
	}
}
