// Package relay carries connections over a single line between two kernels, such as a serial line. It speaks HTTP/2 on it, for its
// streams: each connection is a request whose body is what is sent, and whose answer is what comes back.
package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Forward accepts connections and carries them over the line, until the listener is closed.
func Forward(l net.Listener, line io.ReadWriteCloser) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	once := make(chan io.ReadWriteCloser, 1)
	once <- line
	transport := &http.Transport{Protocols: &protocols, MaxConnsPerHost: 1, DialContext: func(context.Context, string, string) (net.Conn, error) {
		select {
		case line := <-once:
			return lineConn{line}, nil
		default:
			return nil, errors.New("the line is broken")
		}
	}}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go carry(transport, conn)
	}
}

// carry carries one connection, until either side ends it.
func carry(over http.RoundTripper, conn net.Conn) {
	defer conn.Close()
	r, err := http.NewRequest(http.MethodPost, "http://line/", conn)
	if err != nil {
		return
	}
	resp, err := over.RoundTrip(r)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		_, _ = io.Copy(conn, resp.Body) // its end is the connection's
	}
}

// Serve dials for each connection that comes over the line, until the line ends.
func Serve(line io.ReadWriteCloser, dial func() (net.Conn, error)) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := dial()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer conn.Close()
		go func() {
			_, _ = io.Copy(conn, r.Body) // ends with this request
			if half, ok := conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		}()
		_, _ = io.Copy(flushed{w, http.NewResponseController(w)}, conn)
	})}
	l := &single{ended: make(chan struct{})}
	l.conn = ending{lineConn{line}, l}
	return server.Serve(l)
}

// flushed sends at once what is written.
type flushed struct {
	w       io.Writer
	control *http.ResponseController
}

func (f flushed) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	return n, errors.Join(err, f.control.Flush())
}

// single is a listener with one connection, and then none until that has ended.
type single struct {
	conn  net.Conn
	taken bool
	ended chan struct{}
	once  sync.Once
}

// Accept returns the connection.
func (s *single) Accept() (net.Conn, error) {
	if !s.taken {
		s.taken = true
		return s.conn, nil
	}
	<-s.ended
	return nil, io.EOF
}

// Close ends Accept.
func (s *single) Close() error {
	s.once.Do(func() { close(s.ended) })
	return nil
}

// Addr is of no use.
func (s *single) Addr() net.Addr { return lineAddr{} }

// ending ends its listener when it is closed.
type ending struct {
	net.Conn
	l *single
}

// Close closes both.
func (e ending) Close() error { return errors.Join(e.Conn.Close(), e.l.Close()) }

// lineConn is a line as a connection. It knows no deadlines.
type lineConn struct{ io.ReadWriteCloser }

type lineAddr struct{}

// Network and String are of no use.
func (lineAddr) Network() string { return "line" }
func (lineAddr) String() string  { return "line" }

// What a net.Conn has beside reading and writing.
func (lineConn) LocalAddr() net.Addr              { return lineAddr{} }
func (lineConn) RemoteAddr() net.Addr             { return lineAddr{} }
func (lineConn) SetDeadline(time.Time) error      { return nil }
func (lineConn) SetReadDeadline(time.Time) error  { return nil }
func (lineConn) SetWriteDeadline(time.Time) error { return nil }
