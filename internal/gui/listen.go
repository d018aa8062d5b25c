package gui

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits of connections: idle ones that an attacker opens must not keep others out, or use up memory.
const (
	maxConnections = 1000
	maxPerAddress  = 100
)

// limited is a listener with at most max connections, and at most each of one address. What is too much of one address is closed
// at once. When all places are taken, a newcomer gets the oldest one of the address that has most, unless that has no more than
// the newcomer would: few who hold many do not keep others out.
type limited struct {
	net.Listener
	max, each int

	mu    sync.Mutex
	total int
	from  map[string][]*counted // in the order in which they came
}

func limitConnections(l net.Listener, max, each int) net.Listener {
	return &limited{Listener: l, max: max, each: each, from: map[string][]*counted{}}
}

// Accept waits for a connection that may stay.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &counted{Conn: conn, limit: l, key: remoteKey(conn)}
		stays, instead := l.take(c)
		if instead != nil {
			instead.Close()
		}
		if stays {
			return c, nil
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

// take tells whether a connection may stay, and which one has to go for it.
func (l *limited) take(c *counted) (stays bool, instead *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := len(l.from[c.key])
	if own >= l.each {
		return false, nil
	}
	if l.total >= l.max {
		most := l.most()
		if len(most) <= own+1 {
			return false, nil
		}
		instead = most[0]
		l.remove(instead)
	}
	l.total++
	l.from[c.key] = append(l.from[c.key], c)
	return true, instead
}

// most are the connections of the address that has most.
func (l *limited) most() (most []*counted) {
	for _, list := range l.from {
		if len(list) > len(most) {
			most = list
		}
	}
	return most
}

// remove forgets a connection, if that has not been done.
func (l *limited) remove(c *counted) {
	i := slices.Index(l.from[c.key], c)
	if i < 0 {
		return
	}
	l.total--
	l.from[c.key] = slices.Delete(l.from[c.key], i, i+1)
	if len(l.from[c.key]) == 0 {
		delete(l.from, c.key)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	limit *limited
	key   string // whose it is
}

// Close closes the connection.
func (c *counted) Close() error {
	c.limit.mu.Lock()
	c.limit.remove(c)
	c.limit.mu.Unlock()
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
