package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

// lookupTime bounds the search for a host name.
const lookupTime = 5 * time.Second

// lookup finds the address that is meant by an address or a name. A name means its IPv4 address, as ever, and its IPv6
// address only when it has no other or v6 asks for it.
func lookup(host string, v6 bool) (netip.Addr, error) {
	unknown := errors.New("unknown host " + host)
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap().WithZone("")
		if v6 && addr.Is4() {
			return netip.Addr{}, unknown
		}
		return addr, nil
	}
	if strings.Trim(host, "0123456789.") == "" {
		return netip.Addr{}, unknown // a mistyped address; no name is one, so nobody need be asked
	}
	networks := []string{"ip4", "ip6"}
	if v6 {
		networks = networks[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	for _, network := range networks {
		if found, err := net.DefaultResolver.LookupNetIP(ctx, network, host); err == nil && len(found) > 0 {
			return found[0].Unmap().WithZone(""), nil
		}
	}
	return netip.Addr{}, unknown
}

// parseMAC reads 12 hex digits, with or without a colon after each pair. What follows them is ignored, as ever.
func parseMAC(s string) (mac [6]byte, ok bool) {
	for i := range mac {
		if len(s) < 2 {
			return mac, false
		}
		high, low := digit(s[0]), digit(s[1])
		if high < 0 || low < 0 {
			return mac, false
		}
		mac[i] = byte(high<<4 | low)
		s = s[2:]
		if s != "" && s[0] == ':' {
			s = s[1:]
		}
	}
	return mac, true
}

// digit is a hex digit's value, or -1.
func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
