package probe

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// timeout is for attempts that are meant to time out; patience for those that are not, however slow the machine is.
const (
	timeout  = 50 * time.Millisecond
	patience = 10 * time.Second
)

// serve runs a TCP server that handles every connection with handle, which need not close it.
func serve(t *testing.T, network string, handle func(c *net.TCPConn)) Target {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "tcp6" {
		address = "[::1]:0"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skip("no such address here: ", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return Target{Protocol: TCP, Addr: l.Addr().(*net.TCPAddr).AddrPort()}
}

// serveUDP answers every datagram with reply(datagram), unless that is nil.
func serveUDP(t *testing.T, reply func(got []byte) []byte) Target {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if answer := reply(buf[:n]); err == nil && answer != nil {
				_, _ = c.WriteToUDPAddrPort(answer, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return Target{Protocol: UDP, Addr: c.LocalAddr().(*net.UDPAddr).AddrPort()}
}

// nobody returns a target on which nobody listens: the port is taken by a socket that does not.
func nobody(t *testing.T, p Protocol) Target {
	t.Helper()
	// A stream socket for UDP too: a bound datagram socket would receive.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	loopback := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Bind(fd, loopback); err != nil {
		t.Fatal(err)
	}
	return Target{Protocol: p, Addr: localAddr(t, fd)}
}

// full returns a target whose queue of connections is full, so that no attempt is answered.
func full(t *testing.T) Target {
	t.Helper()
	target := nobody(t, TCP)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	target.Addr = localAddr(t, fd)
	for range 4 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		a := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: int(target.Addr.Port())}
		if err := unix.Connect(c, a); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return target
}

// serveRaw is a server that answers the first bytes with reply, without allocating in the process of the test. With an
// empty reply it is silent: it leaves its connections, 128 at most, in the kernel's queue.
func serveRaw(t *testing.T, reply string) Target {
	t.Helper()
	target := nobody(t, TCP)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 128); err != nil {
		t.Fatal(err)
	}
	target.Addr = localAddr(t, fd)
	if reply == "" {
		t.Cleanup(func() { unix.Close(fd) })
		return target
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		text, buf := []byte(reply), make([]byte, 64)
		for {
			c, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, unix.SOCK_CLOEXEC, 0, 0)
			if errno == unix.EINTR || errno == unix.ECONNABORTED {
				continue
			}
			if errno != 0 {
				return
			}
			_, _ = unix.Read(int(c), buf)
			_, _ = unix.Write(int(c), text)
			unix.Close(int(c))
		}
	}()
	t.Cleanup(func() {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		<-done
		unix.Close(fd)
	})
	return target
}

func localAddr(t *testing.T, fd int) netip.AddrPort {
	t.Helper()
	a, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(a.(*unix.SockaddrInet4).Port))
}

// Handlers of a connection.

// says sends text and waits for the other end.
func says(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

// drips sends text byte by byte, and stays.
func drips(text string, every time.Duration) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(every)
		}
		_, _ = io.Copy(io.Discard, c)
	}
}

// saysAndEnds sends text and closes its direction only.
func saysAndEnds(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, _ = io.WriteString(c, text)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}
}

// resets breaks the connection as soon as it has received something.
func resets(c *net.TCPConn) {
	_, _ = c.Read(make([]byte, 1))
	_ = c.SetLinger(0)
}

// stalls keeps the connection and never reads, until the test binary ends.
func stalls(*net.TCPConn) { select {} }

// floods sends text for ever.
func floods(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// answers sends reply once it has received want.
func answers(want, reply string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		buf := make([]byte, len(want))
		if _, err := io.ReadFull(c, buf); err == nil && string(buf) == want {
			says(reply)(c)
		}
	}
}
