package arp

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

var testMAC = [6]byte{0x02, 0, 0, 0, 0, 0x0a}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReply(t *testing.T) {
	// The example of the reference, 5.2, taken from the original.
	want := unhex(t, `
		ff ff ff ff ff ff 02 00 00 00 00 0a 08 06 00 01
		08 00 06 04 00 02 02 00 00 00 00 0a 0a 09 00 64
		02 00 00 00 00 0a 0a 09 00 64 00 00 00 00 00 00
		00 00 00 00 00 00 00 00 00 00 00 00`)
	for _, addr := range []string{"10.9.0.100", "::ffff:10.9.0.100"} {
		if got := Reply(testMAC, ip(addr)); !bytes.Equal(got[:], want) {
			t.Errorf("Reply(%s) = % x, want % x", addr, got, want)
		}
	}
}

func TestFrame(t *testing.T) {
	want := unhex(t, `
		02 11 22 33 44 55 02 00 00 00 00 0a 08 06 00 01
		08 00 06 04 00 02 02 00 00 00 00 0a c0 00 02 01
		02 00 00 00 00 0a c0 00 02 01 00 00 00 00 00 00
		00 00 00 00 00 00 00 00 00 00 00 00`)
	if got := Frame([6]byte{2, 0x11, 0x22, 0x33, 0x44, 0x55}, testMAC, ip("192.0.2.1")); !bytes.Equal(got[:], want) {
		t.Errorf("Frame = % x, want % x", got, want)
	}
	none := Frame(broadcast, testMAC, netip.Addr{})
	if got := Frame(broadcast, testMAC, ip("2001:db8::1")); got != none {
		t.Errorf("Frame of an IPv6 address = % x, want % x", got, none)
	}
}

func TestAdvertisement(t *testing.T) {
	// The checksums are the complement of the folded sum of these words, added up elsewhere: source 2001 0db8 0064,
	// destination ff02 0001, length 0020, protocol 003a, message 8800 flags 2001 0db8 0064 0201 0200 0000 000a.
	head := `
		33 33 00 00 00 01 02 00 00 00 00 0a 86 dd 60 00
		00 00 00 20 3a ff 20 01 0d b8 00 00 00 00 00 00
		00 00 00 00 00 64 ff 02 00 00 00 00 00 00 00 00
		00 00 00 00 00 01 88 00 `
	tail := `00 00 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 64 02 01 02 00 00 00 00 0a`
	for _, tt := range []struct {
		router   bool
		checksum string
		flags    string
	}{{false, "f8 5b ", "20"}, {true, "78 5b ", "a0"}} {
		want := unhex(t, head+tt.checksum+tt.flags+tail)
		if got := Advertisement(testMAC, ip("2001:db8::64"), tt.router); !bytes.Equal(got, want) {
			t.Errorf("Advertisement(router %t) = % x, want % x", tt.router, got, want)
		}
	}
	if got, want := len(Advertisement(testMAC, ip("10.9.0.100"), false)), 86; got != want {
		t.Errorf("Advertisement of an IPv4 address: %d bytes, want %d", got, want)
	}
}

// FuzzAdvertisement checks what a receiver checks: the sum over everything, the checksum included, is ffff.
func FuzzAdvertisement(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00\x00\x0a"), []byte("\x20\x01\x0d\xb8aaaabbbbcccc"), true)
	f.Add(bytes.Repeat([]byte{0xff}, 6), bytes.Repeat([]byte{0xff}, 16), false)
	f.Fuzz(func(t *testing.T, mac, addr []byte, router bool) {
		a, ok := netip.AddrFromSlice(addr)
		if len(mac) != 6 || !ok {
			return
		}
		if got := checksum(Advertisement([6]byte(mac), a, router)[ethernetLen:]); got != 0 {
			t.Errorf("checksum over all is %#x, want 0", got)
		}
	})
}
