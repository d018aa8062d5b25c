// Package probe makes one attempt to use a service of a real server: connect, perhaps send a text, perhaps compare the
// beginning of the reply. It judges a single attempt; what follows from several is package health's business.
//
// One nanny runs for every real server and does little but this, so the sockets are used directly: no allocation per
// attempt and no package net, whose cost is measured in doc/architecture.md.
package probe

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Protocol is how the server is spoken to. The zero value is invalid.
type Protocol uint8

// The protocols.
const (
	TCP Protocol = iota + 1
	UDP
)

// Target is the service to try.
type Target struct {
	Protocol Protocol
	Addr     netip.AddrPort // without zone; port 1 to 65535
}

// Check says what makes an attempt a success. Over TCP without Send and Expect a connection is enough. Over UDP a reply
// is always needed, for without one nothing tells a healthy server from a dead one; if Send is empty, an empty datagram
// asks for it.
//
// As in nanny(8), Expect is compared with the beginning of the reply. "*" takes any reply, but there must be one: the
// original also took a connection that was closed without a byte. "" takes a reply or an orderly end.
type Check struct {
	Send      string
	Expect    string // at most 64 KiB, compared in full; the original looked at 254 bytes
	HasExpect bool
	// Match, if not nil, judges the reply instead, whatever has come of it so far, up to 64 KiB: Expect only names it in a
	// Result's reason, and HasExpect is set.
	Match   func(reply []byte) bool
	Timeout time.Duration // more than 0; connect, write and read may each take so long
}

// Sizes of the read buffer in bytes. A reply of ordinary length is fetched with one call, and in whole: closing a
// connection with unread data would reset it, and servers log that.
const (
	minBuffer = 4 << 10
	maxBuffer = 64 << 10
)

// Errors of New.
var (
	errAddress  = errors.New("no address to check")
	errPort     = errors.New("no port to check")
	errProtocol = errors.New("unknown protocol")
	errTimeout  = errors.New("timeout must be more than 0")
	errExpect   = errors.New("expected text is longer than 65536 bytes")
)

// Prober makes attempts at one target. It holds what they need, so that an attempt allocates nothing. Not for use by
// several goroutines at once.
type Prober struct {
	protocol  Protocol
	family    int
	addr      unix.Sockaddr
	port      uint16
	send      []byte
	expect    string
	hasExpect bool
	match     func([]byte) bool
	timeout   time.Duration

	buf    []byte
	polls  []unix.PollFd // the socket, then the wake descriptors
	left   unix.Timespec
	linger unix.Linger
	self   localAddress
}

// New returns a Prober for the check. An attempt is broken off as soon as one of the wake descriptors has one of its
// events, an error, or lost its other end.
func New(t Target, c Check, wake ...unix.PollFd) (*Prober, error) {
	addr := t.Addr.Addr().Unmap()
	switch {
	case !addr.IsValid() || addr.Zone() != "":
		return nil, errAddress
	case t.Addr.Port() == 0:
		return nil, errPort
	case t.Protocol != TCP && t.Protocol != UDP:
		return nil, errProtocol
	case c.Timeout <= 0:
		return nil, errTimeout
	case len(c.Expect) > maxBuffer:
		return nil, errExpect
	}
	p := &Prober{
		protocol:  t.Protocol,
		port:      t.Addr.Port(),
		send:      []byte(c.Send),
		expect:    c.Expect,
		hasExpect: c.HasExpect,
		timeout:   c.Timeout,
		buf:       make([]byte, bufferSize(c)),
		match:     c.Match,
		polls:     make([]unix.PollFd, 1+len(wake)),
		linger:    unix.Linger{Onoff: 1, Linger: 0},
	}
	if addr.Is4() {
		p.family, p.addr = unix.AF_INET, &unix.SockaddrInet4{Port: int(p.port), Addr: addr.As4()}
	} else {
		p.family, p.addr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(p.port), Addr: addr.As16()}
	}
	copy(p.polls[1:], wake)
	return p, nil
}

func bufferSize(c Check) int {
	if c.Match != nil {
		return maxBuffer
	}
	return max(minBuffer, len(c.Expect))
}
