package matrix

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// flood is what a server sends that never stops: 100 MB.
const flood = 100 << 20

// server listens on a port of loopback until the test ends.
type server struct {
	port string
	sent atomic.Int64 // bytes that the flooding ones got rid of

	checks atomic.Int64 // connections or datagrams that came
}

// stream is what is spoken over: a connection, or TLS on one.
type stream interface {
	io.ReadWriter
	CloseWrite() error
}

// conn is a connection that a behaviour handles. It is closed afterwards.
type conn struct {
	stream
	tcp    *net.TCPConn
	server *server
	done   <-chan struct{} // closed when the test ends
}

// serve runs a TCP server in which every connection is handled by handle.
func serve(t testing.TB, handle func(c conn)) *server {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.checks.Add(1)
			all.Go(func() {
				defer c.Close()
				stop := make(chan struct{})
				all.Go(func() {
					select {
					case <-done:
						c.Close()
					case <-stop:
					}
				})
				handle(conn{c.(*net.TCPConn), c.(*net.TCPConn), s, done})
				close(stop)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(done)
		all.Wait()
	})
	return s
}

// serveUDP runs a server that handles every datagram with answer; what that sends goes back to where it came from.
func serveUDP(t testing.TB, answer func(got string, send func(string))) *server {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{port: strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port)}
	var all sync.WaitGroup
	all.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			s.checks.Add(1)
			got := string(buf[:n])
			all.Go(func() {
				answer(got, func(text string) { _, _ = c.WriteToUDPAddrPort([]byte(text), from) })
			})
		}
	})
	t.Cleanup(func() { c.Close(); all.Wait() })
	return s
}

// nobody returns a server that is not there: its port is taken by a socket that does not listen, so that nobody else does.
func nobody(t testing.TB) *server {
	t.Helper()
	_, port := bound(t)
	return &server{port: strconv.Itoa(port)}
}

// nobodyUDP returns a server that takes no datagrams: its port is taken by a socket that has another peer.
func nobodyUDP(t testing.TB) *server {
	t.Helper()
	c, err := net.Dial("udp4", net.JoinHostPort("127.0.0.1", nobody(t).port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &server{port: strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port)}
}

// bound returns a socket that has a port of its own, and the port, until the test ends.
func bound(t testing.TB) (fd, port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	address, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, address.(*syscall.SockaddrInet4).Port
}

// full returns a server that is there, but whose queue of connections is full: attempts to connect are not answered.
func full(t testing.TB) *server {
	t.Helper()
	fd, port := bound(t)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(c) })
		err = syscall.Connect(c, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port})
		if err != nil && err != syscall.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return &server{port: strconv.Itoa(port)}
}

// say sends text.
func (c conn) say(text string) { _, _ = io.WriteString(c, text) }

// stay waits until the other end goes.
func (c conn) stay() { _, _ = io.Copy(io.Discard, c) }

// hear reads a request that ends so.
func (c conn) hear(end string) {
	var got []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(got, []byte(end)) {
		if n, err := c.Read(b); n != 1 || err != nil {
			return
		}
		got = append(got, b[0])
	}
}

// reset breaks the connection off.
func (c conn) reset() { _ = c.tcp.SetLinger(0) }

// pause waits, or until the test ends.
func (c conn) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.done:
	}
}

// drip sends text at one byte a second.
func (c conn) drip(text string) {
	for i := range len(text) {
		if i > 0 {
			c.pause(time.Second)
		}
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

// flood sends text again and again, 100 MB in all.
func (c conn) flood(text string) {
	text = strings.Repeat(text, 1+(64<<10)/len(text))
	for sent := 0; sent < flood; {
		n, err := io.WriteString(c, text)
		sent += n
		c.server.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}
