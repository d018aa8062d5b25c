package gui

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits of connections: idle ones that an attacker opens must not keep others out, or use up memory.
const (
	maxConnections = 1000
	maxPerAddress  = 100
)

// limited is a listener with at most max connections, and at most each of one address. What is too much is closed at once.
type limited struct {
	net.Listener
	max, each int

	mu    sync.Mutex
	total int
	from  map[string]int
}

func limitConnections(l net.Listener, max, each int) net.Listener {
	return &limited{Listener: l, max: max, each: each, from: map[string]int{}}
}

// Accept waits for a connection that may stay.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		key := remoteKey(conn)
		if l.take(key) {
			return &counted{Conn: conn, done: sync.OnceFunc(func() { l.give(key) })}, nil
		}
		conn.Close()
	}
}

func remoteKey(conn net.Conn) string {
	ap, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return addressKey(ap.Addr().Unmap())
}

func (l *limited) take(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= l.max || l.from[key] >= l.each {
		return false
	}
	l.total++
	l.from[key]++
	return true
}

func (l *limited) give(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.from[key]--; l.from[key] == 0 {
		delete(l.from, key)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	done func()
}

// Close closes the connection.
func (c *counted) Close() error {
	defer c.done()
	return c.Conn.Close()
}

// splitPlain returns a listener for those who speak TLS. Whoever speaks plain HTTP is told where to go instead.
func (s *Server) splitPlain(ctx context.Context, l net.Listener, config *tls.Config) net.Listener {
	plain := newHandover(l.Addr())
	secure := newHandover(l.Addr())
	server := s.httpServer(http.HandlerFunc(toHTTPS))
	server.SetKeepAlivesEnabled(false)
	go func() { _ = server.Serve(plain) }()
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				secure.fail(err)
				plain.fail(err)
				return
			}
			go sort(conn, s.patience.header, plain, secure)
		}
	}()
	secure.closes = l
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(secure, config)
}

// recordHandshake is the first byte of TLS.
const recordHandshake = 22

// sort looks at the first byte of a connection, which must come within wait.
func sort(conn net.Conn, wait time.Duration, plain, secure *handover) {
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	in := bufio.NewReaderSize(conn, 16)
	first, err := in.Peek(1)
	if err != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	to := plain
	if first[0] == recordHandshake {
		to = secure
	}
	to.give(&peeked{Conn: conn, in: in})
}

// peeked is a connection of which something has been read.
type peeked struct {
	net.Conn
	in *bufio.Reader
}

// Read reads what was peeked at first.
func (p *peeked) Read(b []byte) (int, error) { return p.in.Read(b) }

// toHTTPS sends a browser to the same place by TLS.
func toHTTPS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	if r.Host == "" {
		http.Error(w, "This is an https server.", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusPermanentRedirect)
}

// handover is a listener of connections that somebody else has accepted.
type handover struct {
	addr   net.Addr
	conns  chan net.Conn
	failed chan struct{}
	err    error
	closes net.Listener // closed with this one; may be nil
	once   sync.Once
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan net.Conn), failed: make(chan struct{})}
}

func (h *handover) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.failed:
		conn.Close()
	}
}

func (h *handover) fail(err error) {
	h.once.Do(func() {
		h.err = err
		close(h.failed)
	})
}

// Accept returns the next connection.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.failed:
		return nil, h.err
	}
}

// Addr is where the connections were accepted.
func (h *handover) Addr() net.Addr { return h.addr }

// Close ends Accept.
func (h *handover) Close() error {
	h.fail(net.ErrClosed)
	if h.closes != nil {
		return h.closes.Close()
	}
	return nil
}
