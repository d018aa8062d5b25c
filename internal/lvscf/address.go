package lvscf

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"
)

// parseAddr reads an address: IPv4 by the rules of inet_aton(3), as the original had it, or IPv6. An unspecified
// address (0.0.0.0, ::) is valid and returned as such. why says what is wrong with a text that looks like an address.
func parseAddr(s string) (addr netip.Addr, why string, ok bool) {
	if !strings.Contains(s, ":") {
		addr, ok = inetAton(s)
		return addr, "", ok
	}
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, "not an IPv6 address", false
	case addr.Zone() != "":
		return netip.Addr{}, "an address with a zone (%) cannot be used here: the device is written separately", false
	}
	return addr.Unmap(), "", true
}

// inetAton reads an IPv4 address by the rules of inet_aton(3): one to four numbers, decimal, 0x hexadecimal or
// leading-0 octal, the last of which fills the bytes that are left.
func inetAton(s string) (netip.Addr, bool) {
	var sum uint32
	for n := 0; ; n++ {
		part, rest, more := strings.Cut(s, ".")
		number, ok := cUint32(part)
		if !ok || n == 3 && more {
			return netip.Addr{}, false
		}
		if !more {
			if left := 32 - 8*n; left < 32 && number >= 1<<left {
				return netip.Addr{}, false
			}
			sum |= number
			return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, sum))), true
		}
		if number > 255 {
			return netip.Addr{}, false
		}
		sum |= number << (24 - 8*n)
		s = rest
	}
}

// cUint32 reads one part of an IPv4 address.
func cUint32(s string) (uint32, bool) {
	base := uint64(10)
	switch {
	case len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x':
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, s = 8, s[1:]
	}
	var n uint64
	for i := range len(s) {
		digit := uint64(99)
		switch c := s[i] | 0x20; {
		case s[i] >= '0' && s[i] <= '9':
			digit = uint64(s[i] - '0')
		case c >= 'a' && c <= 'f':
			digit = uint64(c-'a') + 10
		}
		if digit >= base {
			return 0, false
		}
		if n = n*base + digit; n > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(n), s != ""
}

// mask is a subnet mask as prefix length. The zero value is no mask.
type mask struct {
	bits   int
	dotted bool // written as an IPv4 mask
}

// parseMask reads a mask: dotted, or a prefix length of 0 to 128.
func parseMask(s string) (m mask, why string, ok bool) {
	if n, ok := prefixLength(s); ok {
		return mask{bits: n}, "", true
	}
	addr, ok := inetAton(s)
	if !ok {
		return mask{}, "bad subnet mask", false
	}
	raw := addr.As4()
	word := binary.BigEndian.Uint32(raw[:])
	ones := bits.LeadingZeros32(^word)
	if word<<ones != 0 {
		return mask{}, "bad subnet mask: its one bits are not in one piece", false
	}
	return mask{bits: ones, dotted: true}, "", true
}

// prefixLength reads a plain decimal number of 0 to 128.
func prefixLength(s string) (int, bool) {
	if s == "" || len(s) > 3 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, n <= 128
}

// fits reports whether the mask can go with the address. No mask and no address fit anything.
func (m mask) fits(addr netip.Addr) bool {
	switch {
	case m.bits == 0 || !addr.IsValid():
		return true
	case addr.Is4():
		return m.bits <= 32
	}
	return !m.dotted
}

// maxDevice is the longest name of a network device or address label: IFNAMSIZ without its final NUL.
const maxDevice = 15

// badDevice says what is wrong with a device name or a label such as eth0:1, "" for a good one.
func badDevice(label string) string {
	dev, _, _ := strings.Cut(label, ":")
	switch {
	case dev == "" || dev == "." || dev == "..":
		return "not a device name"
	case len(label) > maxDevice:
		return "device name longer than 15 characters"
	}
	for i := range len(label) {
		if c := label[i]; c <= ' ' || c == 0x7f || c == '/' {
			return "not a device name"
		}
	}
	return ""
}
