package checks

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// Types of ICMP (RFC 792) and ICMPv6 (RFC 4443).
const (
	echoRequest4, echoReply4 = 8, 0
	echoRequest6, echoReply6 = 128, 129
)

// Sizes of an echo in bytes. What it carries is random, and tells its reply from those to others.
const (
	echoHeader  = 8
	echoPayload = 16
)

// echo is how an echo is asked for.
type echo struct {
	v6, raw bool
	id      uint16 // with raw; otherwise the kernel's
	sent    []byte
}

// openPing opens a socket for echoes: one the kernel gives to the groups of net.ipv4.ping_group_range, or one it gives to root.
// It is connected, so that it hears of errors on the way.
func (a *attempt) openPing() error {
	a.echo.v6 = a.spec.Addr.Addr().Is6()
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if a.echo.v6 {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|flags, protocol)
	if err != nil {
		a.echo.raw = true
		fd, err = unix.Socket(family, unix.SOCK_RAW|flags, protocol)
	}
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		return fail(kindHost, "cannot check: ping needs the group %d in net.ipv4.ping_group_range, or CAP_NET_RAW", os.Getegid())
	case err != nil:
		return &outcome{hostTrouble(err)}
	}
	if err := a.joinPing(fd); err != nil {
		unix.Close(fd)
		return err
	}
	f := os.NewFile(uintptr(fd), "ping")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return &outcome{hostTrouble(err)}
	}
	a.use(c)
	return nil
}

func hostTrouble(err error) probe.Result {
	r := probe.Result{Outcome: probe.NoSocket}
	errors.As(err, &r.Errno)
	return r
}

// joinPing sets up a socket for the address.
func (a *attempt) joinPing(fd int) error {
	if a.spec.Source.IsValid() {
		if err := unix.Bind(fd, sockaddr(a.spec.Source)); err != nil {
			return &outcome{hostTrouble(err)}
		}
	}
	if a.echo.v6 {
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
	} else {
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1)
	}
	if a.echo.raw {
		onlyReplies(fd, a.echo.v6)
	}
	if err := unix.Connect(fd, sockaddr(a.spec.Addr.Addr())); err != nil {
		r := hostTrouble(err)
		if r.Errno != unix.EADDRNOTAVAIL { // no address of that family
			r.Outcome = probe.ConnectFailed
		}
		return &outcome{r}
	}
	return nil
}

// onlyReplies keeps what else a raw socket would get from waking the process: the filters of icmp(7) and RFC 3542, in which a
// set bit keeps a type out.
func onlyReplies(fd int, v6 bool) {
	if !v6 {
		_ = unix.SetsockoptInt(fd, unix.SOL_RAW, unix.ICMP_FILTER, int(^uint32(1<<echoReply4)))
		return
	}
	var f unix.ICMPv6Filter
	for i := range f.Data {
		f.Data[i] = ^uint32(0)
	}
	f.Data[echoReply6/32] &^= 1 << (echoReply6 % 32)
	_ = unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &f)
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Addr: a.As16()}
}

// ping sends an echo and waits for the reply to it.
func (a *attempt) ping() error {
	start := time.Now()
	a.echo.request()
	if _, err := a.peer.Write(a.echo.sent); err != nil {
		return a.unanswered(err)
	}
	buf := make([]byte, 256) // the rest of what is longer is dropped, and it is no reply
	for {
		n, err := a.peer.Read(buf)
		if err != nil {
			return a.unanswered(err)
		}
		if a.echo.answeredBy(buf[:n]) {
			a.say("echo of %s in %v", a.spec.Addr.Addr(), short(time.Since(start)))
			return nil
		}
	}
}

// unanswered says why there was no reply.
func (a *attempt) unanswered(err error) error {
	r := hostTrouble(err)
	switch {
	case r.Errno == 0 && isTimeout(err):
		return fail(kindTimeout, "timed out after %v: no echo", a.spec.Timeout)
	case r.Errno == 0:
		return fail(kindBroken, "echo: %v", err)
	}
	r.Outcome = probe.ConnectFailed
	if r.Errno == unix.ECONNREFUSED {
		r.Outcome = probe.ReadFailed // a firewall's way to refuse: port unreachable
	}
	return &outcome{r}
}

// request writes the echo to send.
func (e *echo) request() {
	var random [2 + echoPayload]byte
	_, _ = rand.Read(random[:]) // never fails
	e.id = binary.BigEndian.Uint16(random[:])
	e.sent = make([]byte, echoHeader, echoHeader+echoPayload)
	e.sent[0] = echoRequest4
	if e.v6 {
		e.sent[0] = echoRequest6
	}
	binary.BigEndian.PutUint16(e.sent[4:], e.id)
	binary.BigEndian.PutUint16(e.sent[6:], 1)
	e.sent = append(e.sent, random[2:]...)
	if !e.v6 { // for version 6 the kernel does it
		binary.BigEndian.PutUint16(e.sent[2:], checksum(e.sent))
	}
}

// answeredBy tells whether a packet is the reply. A raw socket gets the header of IP too, version 4, and the replies to everybody
// who asks that server; on others the kernel has its own id.
func (e *echo) answeredBy(packet []byte) bool {
	if e.raw && !e.v6 {
		const version4, words = 4 << 4, 0x0f
		if len(packet) < 20 || packet[0]&^words != version4 || len(packet) < int(packet[0]&words)*4 {
			return false
		}
		packet = packet[int(packet[0]&words)*4:]
	}
	want := byte(echoReply4)
	if e.v6 {
		want = echoReply6
	}
	return len(packet) == len(e.sent) && packet[0] == want && packet[1] == 0 &&
		(!e.raw || binary.BigEndian.Uint16(packet[4:]) == e.id) && bytes.Equal(packet[6:], e.sent[6:])
}

// checksum is that of RFC 1071.
func checksum(p []byte) uint16 {
	var sum uint32
	for ; len(p) > 1; p = p[2:] {
		sum += uint32(binary.BigEndian.Uint16(p))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
