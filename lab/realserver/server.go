// Package realserver is a web server that says who it is, for tests to see where a request went.
//
//	/                      200, the server's name
//	/slow?bytes=N&delay=D  200, N bytes in chunks of 1 KiB with a pause of D after each, until Hurry
//	/load                  200, a number to be set by SetLoad
package realserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Header is the response header that carries the server's name.
const Header = "X-Real-Server"

// Server answers requests. It can be stopped and started again, and keeps its counter.
type Server struct {
	name     string
	requests atomic.Int64
	load     atomic.Int64
	hurry    sync.Once
	hurried  chan struct{} // closed by Hurry

	mu     sync.Mutex
	http   *http.Server
	served chan struct{} // closed when the serving goroutine has ended
	gate   chan struct{} // nil when running; closed by Resume
}

// New returns a server that is not started yet.
func New(name string) *Server { return &Server{name: name, hurried: make(chan struct{})} }

// Name returns the server's name.
func (s *Server) Name() string { return s.name }

// Requests returns how many requests arrived.
func (s *Server) Requests() int64 { return s.requests.Load() }

// SetLoad sets the number that /load answers.
func (s *Server) SetLoad(n int64) { s.load.Store(n) }

// Hurry ends the pauses of /slow, also of what is under way.
func (s *Server) Hurry() { s.hurry.Do(func() { close(s.hurried) }) }

// Start serves on l until Stop.
func (s *Server) Start(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return fmt.Errorf("start real server %s: already running", s.name)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", s.slow)
	mux.HandleFunc("/load", s.wrap(func(w http.ResponseWriter) { fmt.Fprintln(w, s.load.Load()) }))
	mux.HandleFunc("/", s.wrap(func(w http.ResponseWriter) { fmt.Fprintln(w, s.name) }))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 30 * time.Second}
	// A connection for each request: the balancer chooses per connection.
	server.SetKeepAlivesEnabled(false)
	served := make(chan struct{})
	s.http, s.served = server, served
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends by Stop
	}()
	return nil
}

// Stop closes the listener and every connection. Connecting is refused afterwards.
func (s *Server) Stop() error {
	s.Resume()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http == nil {
		return nil
	}
	err := s.http.Close()
	<-s.served
	s.http = nil
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop real server %s: %w", s.name, err)
	}
	return nil
}

// Pause lets connections be made but answers nothing until Resume, as a server that hangs.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate == nil {
		s.gate = make(chan struct{})
	}
}

// Resume undoes Pause.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil {
		close(s.gate)
		s.gate = nil
	}
}

// await counts a request and holds it while the server is paused. It reports whether the client still waits.
func (s *Server) await(ctx context.Context) bool {
	s.requests.Add(1)
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate == nil {
		return true
	}
	select {
	case <-gate:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Server) wrap(answer func(http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.await(r.Context()) {
			return
		}
		w.Header().Set(Header, s.name)
		answer(w)
	}
}

// limits of /slow, so that a mistyped test ends.
const (
	maxBytes = 64 << 20
	maxDelay = 10 * time.Second
	chunk    = 1024
)

func (s *Server) slow(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.FormValue("bytes"))
	if err != nil || n < 0 || n > maxBytes {
		http.Error(w, "bytes: want a number up to "+strconv.Itoa(maxBytes), http.StatusBadRequest)
		return
	}
	delay, err := time.ParseDuration(r.FormValue("delay"))
	if err != nil || delay < 0 || delay > maxDelay {
		http.Error(w, "delay: want a duration up to "+maxDelay.String(), http.StatusBadRequest)
		return
	}
	if !s.await(r.Context()) {
		return
	}
	w.Header().Set(Header, s.name)
	w.Header().Set("Content-Length", strconv.Itoa(n))
	block := make([]byte, chunk)
	for n > 0 {
		size := min(n, chunk)
		if _, err := w.Write(block[:size]); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		n -= size
		select {
		case <-time.After(delay):
		case <-s.hurried:
		case <-r.Context().Done():
			return
		}
	}
}

// Run listens on addr, says so on out, and serves until ctx ends: what lab realserver does.
func Run(ctx context.Context, out io.Writer, name, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s := New(name)
	if err := s.Start(listener); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s listening on %s\n", name, listener.Addr()); err != nil {
		return fmt.Errorf("report address: %w", err)
	}
	<-ctx.Done()
	return s.Stop()
}
