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
	Source   netip.Addr     // of the attempts, of the same family; zero: the kernel chooses
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
	errSource   = errors.New("address to check from is of another family")
	errTimeout  = errors.New("timeout must be more than 0")
	errExpect   = errors.New("expected text is longer than 65536 bytes")
)

// Test is a Check of a Target, ready to be made again and again.
type Test struct {
	protocol  Protocol
	addr      address
	source    unix.Sockaddr // nil: the kernel chooses
	send      []byte
	expect    string
	hasExpect bool
	match     func([]byte) bool
	timeout   time.Duration
}

// NewTest returns a Test of the target.
func NewTest(t Target, c Check) (*Test, error) {
	addr, source := t.Addr.Addr().Unmap(), t.Source.Unmap()
	switch {
	case !addr.IsValid() || addr.Zone() != "":
		return nil, errAddress
	case t.Addr.Port() == 0:
		return nil, errPort
	case t.Protocol != TCP && t.Protocol != UDP:
		return nil, errProtocol
	case source.IsValid() && (source.Is4() != addr.Is4() || source.Zone() != ""):
		return nil, errSource
	case c.Timeout <= 0:
		return nil, errTimeout
	case len(c.Expect) > maxBuffer:
		return nil, errExpect
	}
	test := &Test{
		protocol:  t.Protocol,
		addr:      newAddress(netip.AddrPortFrom(addr, t.Addr.Port())),
		send:      []byte(c.Send),
		expect:    c.Expect,
		hasExpect: c.HasExpect,
		match:     c.Match,
		timeout:   c.Timeout,
	}
	if source.IsValid() {
		test.source = sockaddr(source)
	}
	return test, nil
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Addr: a.As16()}
}

// HasMatch tells whether a Match judges the reply, and every piece of it again from the beginning.
func (t *Test) HasMatch() bool { return t.match != nil }

// size is how much of a reply is looked at, in bytes.
func (t *Test) size() int {
	if t.match != nil {
		return maxBuffer
	}
	return max(minBuffer, len(t.expect))
}

// Prober makes attempts at one target. It holds what they need, so that an attempt allocates nothing. Not for use by
// several goroutines at once.
type Prober struct {
	test    *Test
	attempt Attempt
	scratch *Scratch
	polls   []unix.PollFd // the socket, then the wake descriptors
	left    unix.Timespec
}

// New returns a Prober for the check. An attempt is broken off as soon as one of the wake descriptors has one of its
// events, an error, or lost its other end.
func New(t Target, c Check, wake ...unix.PollFd) (*Prober, error) {
	test, err := NewTest(t, c)
	if err != nil {
		return nil, err
	}
	p := &Prober{test: test, scratch: newScratch(test.size()), polls: make([]unix.PollFd, 1+len(wake))}
	copy(p.polls[1:], wake)
	return p, nil
}

// Run makes one attempt.
func (p *Prober) Run() Result {
	start := time.Now()
	a := &p.attempt
	r := a.Begin(p.test, p.scratch)
	for !r.Decided() {
		if r = p.wait(); !r.Decided() {
			r = a.Go(p.scratch)
		}
	}
	a.End(r, p.scratch)
	r.Duration = time.Since(start)
	return r
}

// wait waits until the socket is ready, in which case nothing is decided, or the time is over.
func (p *Prober) wait() Result {
	p.polls[0] = unix.PollFd{Fd: int32(p.attempt.FD()), Events: p.attempt.Events()}
	for {
		// Also after the deadline the socket is looked at once: the process may have been stopped, not the server.
		p.left = unix.NsecToTimespec(int64(max(0, time.Until(p.attempt.Deadline()))))
		n, err := unix.Ppoll(p.polls, &p.left, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return failed(NoSocket, err)
		case n == 0:
			return p.attempt.Late()
		}
		for i := range p.polls[1:] {
			if p.polls[1+i].Revents != 0 {
				return Result{Outcome: Interrupted}
			}
		}
		return Result{}
	}
}
