package checks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// attempt is one attempt.
type attempt struct {
	*Check
	ctx      context.Context
	deadline time.Time
	step     func(string)

	echo     echo // Ping
	conn     *conn
	peer     net.Conn            // what is spoken over: conn, or TLS on it
	farewell func(*attempt)      // nil: a healthy server needs none
	release  func() (still bool) // ends the watch on ctx
}

// conn is the connection to a server. Its deadline is that of the attempt: the setters do nothing, for crypto/tls has its own
// ideas of how long a farewell may take.
type conn struct {
	net.Conn
	got int64 // bytes from the server
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got += int64(n)
	return n, err
}

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// bounded reads no more than left from a server, and remembers how reading ended: what parses the bytes may make its own of it.
type bounded struct {
	r    io.Reader
	left int
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil {
		b.err = err
	}
	return n, err
}

// say tells of a step.
func (a *attempt) say(format string, args ...any) {
	if a.step != nil {
		a.step(printable(fmt.Sprintf(format, args...)))
	}
}

// connect makes the connection that the kinds but Ping need.
func (a *attempt) connect() error {
	network := "tcp"
	if a.spec.Kind == DNS && a.spec.UDP {
		network = "udp"
	}
	start := time.Now()
	c, err := a.dial(a.ctx, network, a.address)
	if err != nil {
		return a.unconnected(err)
	}
	a.use(c)
	// On a director that is a real server too, the kernel may have chosen the port nobody listens on as the local one, and
	// joined the socket with itself.
	if c.LocalAddr().String() == a.address {
		if network == "udp" {
			return &outcome{probe.Result{Outcome: probe.ReadFailed, Errno: unix.ECONNREFUSED}}
		}
		return &outcome{probe.Result{Outcome: probe.ConnectFailed, Errno: unix.ECONNREFUSED}}
	}
	if network == "tcp" {
		a.say("connected to %s from %s in %v", a.address, c.LocalAddr(), short(time.Since(start)))
	}
	return nil
}

// use takes a connection, with the bounds of the attempt.
func (a *attempt) use(c net.Conn) {
	a.conn = &conn{Conn: c}
	a.peer = a.conn
	_ = c.SetDeadline(a.deadline)
	a.release = context.AfterFunc(a.ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
}

// unconnected says why there is no connection.
func (a *attempt) unconnected(err error) error {
	var errno syscall.Errno
	known := errors.As(err, &errno)
	var call *os.SyscallError
	switch {
	case known && (errno == unix.EADDRNOTAVAIL || errors.As(err, &call) && call.Syscall != "connect" && call.Syscall != "getsockopt"):
		return &outcome{probe.Result{Outcome: probe.NoSocket, Errno: errno}} // no descriptor, not our address, no port left
	case known:
		return &outcome{probe.Result{Outcome: probe.ConnectFailed, Errno: errno}}
	case isTimeout(err):
		return &outcome{probe.Result{Outcome: probe.ConnectTimeout, Timeout: a.spec.Timeout}}
	}
	return fail(kindBroken, "connect: %v", err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// farewellTime is how long a healthy server that is bidden farewell may take over it.
const farewellTime = 500 * time.Millisecond

// part ends the connection. A healthy server sees an orderly end: many log anything else as an error. One that is not would
// leave half-closed connections behind on both sides, attempt by attempt: it sees a reset.
func (a *attempt) part(up bool) {
	if a.conn == nil {
		return
	}
	if up && a.farewell != nil {
		_ = a.conn.Conn.SetDeadline(earlier(a.deadline, time.Now().Add(farewellTime)))
		if a.ctx.Err() == nil {
			a.farewell(a)
		}
	}
	a.release()
	if t, ok := a.conn.Conn.(*net.TCPConn); ok && !up {
		_ = t.SetLinger(0)
	}
	_ = a.conn.Close()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
