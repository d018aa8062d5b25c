package events

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
)

// pipes is a listener in memory: real servers and clients meet in a bubble, on its clock.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.ended) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// serve runs a daemon's server with a Ring for the rest of a test in a bubble.
func serve(t *testing.T, r *Ring) *pipes {
	p := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { control.Serve(ctx, p, r.Handler()); close(served) }()
	t.Cleanup(func() { cancel(); p.Close(); <-served })
	return p
}

// ask opens a stream; nothing of the answer has been read.
func (p *pipes) ask(t *testing.T, query, lastID string) net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	t.Cleanup(func() { here.Close() })
	fmt.Fprintf(here, "GET /v1/events%s HTTP/1.0\r\n", query)
	if lastID != "" {
		fmt.Fprintf(here, "Last-Event-ID: %s\r\n", lastID)
	}
	io.WriteString(here, "\r\n")
	return here
}

// reader collects what a stream says.
type reader struct {
	mu    sync.Mutex
	said  []string
	beats int
	err   error
	ended bool
}

func (p *pipes) read(t *testing.T, query, lastID string) *reader {
	conn := p.ask(t, query, lastID)
	r := &reader{}
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		if err == nil {
			err = Read(io.TeeReader(resp.Body, r), func(e Event) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.said = append(r.said, e.Text)
				return nil
			})
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err, r.ended = err, true
	}()
	synctest.Wait()
	return r
}

// Write counts comments, which Read skips.
func (r *reader) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beats += strings.Count(string(b), Comment)
	return len(b), nil
}

func (r *reader) want(t *testing.T, said ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.said, said) {
		t.Errorf("read %q, want %q (%v)", r.said, said, r.err)
	}
}

const anew = "the daemon has been started since: of what it told before nothing is known"

func TestHandler(t *testing.T) {
	prefix := filled(0).prefix
	for _, c := range []struct {
		name, query, lastID string
		want                []string // then "4" is published
	}{
		{"new ones only", "", "", []string{"4"}},
		{"the last", "?last=2", "", []string{"2", "3", "4"}},
		{"all", "?last=99", "", []string{"1", "2", "3", "4"}},
		{"since", "?since=" + prefix + "2", "", []string{"3", "4"}},
		{"resumed", "", prefix + "2", []string{"3", "4"}},
		{"resumed with what an address began with", "?since=" + prefix + "1", prefix + "3", []string{"4"}},
		{"of an earlier start", "", "lvsd-abc-7", []string{anew, "1", "2", "3", "4"}},
		{"not followed", "?last=2&follow=0", "", []string{"2", "3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ring := filled(3)
				r := serve(t, ring).read(t, c.query, c.lastID)
				ring.Publish(start, "test", "4", nil)
				r.want(t, c.want...)
			})
		})
	}
}

// TestPatientReader: nothing happens for an hour, and the stream is still there.
func TestPatientReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := filled(0)
		r := serve(t, ring).read(t, "", "")
		time.Sleep(time.Hour + time.Second)
		ring.Publish(start, "test", "1", nil)
		r.want(t, "1")
		if want := 1 + int(time.Hour/heartbeat); r.beats != want {
			t.Errorf("%d comments in an hour, want %d", r.beats, want)
		}
	})
}

// TestSlowReader: what a reader has missed is counted; one that reads nothing is dropped, and nobody has waited for it.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := filled(0)
		p := serve(t, ring)
		slow, dead := p.ask(t, "?last=0", ""), p.ask(t, "?last=0", "")
		synctest.Wait()
		before := time.Now()
		for i := range 2 * size {
			ring.Publish(start, "test", fmt.Sprint(i+1), nil)
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("publishing waited %v", d)
		}
		time.Sleep(patience / 2)
		var said []string
		go func() {
			resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
			if err == nil {
				_ = Read(resp.Body, func(e Event) error { said = append(said, e.Text); return nil })
			}
		}()
		synctest.Wait()
		if len(said) != size+1 || said[0] != "1000 events are no longer known" || said[size] != "2000" {
			t.Errorf("%d events, from %q", len(said), said[:min(2, len(said))])
		}
		time.Sleep(patience)
		synctest.Wait()
		text, err := io.ReadAll(dead)
		if err != nil || strings.Contains(string(text), "data:") {
			t.Errorf("a reader that did not read gets %.60q, %v", text, err)
		}
		slow.Close()
	})
}

func TestTooManyReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serve(t, filled(0))
		var last net.Conn
		for range maxReaders {
			last = p.ask(t, "", "")
			go io.Copy(io.Discard, last)
		}
		synctest.Wait()
		if r := p.read(t, "", ""); r.err == nil || r.err.Error() != "503 Service Unavailable" {
			t.Errorf("one too many: %v", r.err)
		}
		last.Close()
		synctest.Wait()
		if r := p.read(t, "", ""); r.ended {
			t.Errorf("after another one has gone: %v", r.err)
		}
	})
}

func TestBadRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serve(t, filled(0))
		for _, query := range []string{"?last=x", "?last=-1"} {
			if r := p.read(t, query, ""); r.err == nil || r.err.Error() != "400 Bad Request" {
				t.Errorf("%s: %v", query, r.err)
			}
		}
	})
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
		err          string
	}{
		{"nothing", "", nil, ""},
		{"one", "id: a-b-1\nevent: x\ndata: {\"text\":\"one\"}\n\n", []string{"one"}, ""},
		{"no blank", "data:{\"text\":\"one\"}\n\n", []string{"one"}, ""},
		{"comments", ":\n\n: beat\n\ndata: {\"text\":\"one\"}\n\n:\n\n", []string{"one"}, ""},
		{"two lines", "data: {\"text\":\ndata: \"one\"}\n\n", []string{"one"}, ""},
		{"cut short", "data: {\"text\":\"one\"}\n\ndata: {\"text\":\"two\"}\n", []string{"one"}, ""},
		{"no JSON", "data: {\"text\":\"one\"}\n\ndata: {\n\n", []string{"one"}, "event not understood: unexpected end of JSON input"},
		{"too long", "data: " + strings.Repeat("x", maxLine), nil, "bufio.Scanner: token too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			err := Read(strings.NewReader(c.stream), func(e Event) error { got = append(got, e.Text); return nil })
			if !slices.Equal(got, c.want) || fmt.Sprint(err) != c.err && (err != nil || c.err != "") {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}

// FuzzRead: whatever a text may be, it comes out as it went in.
func FuzzRead(f *testing.F) {
	f.Add("server_down", "a text\nwith \"everything\"", []byte("x: y\n\n"))
	f.Fuzz(func(t *testing.T, kind, text string, stream []byte) {
		_ = Read(strings.NewReader(string(stream)), func(Event) error { return nil })
		sent := Event{ID: "a-b-1", Time: start, Type: strings.ToValidUTF8(kind, "?"), Text: strings.ToValidUTF8(text, "?")}
		if strings.ContainsAny(kind, "\r\n") { // types are ours
			return
		}
		var got []Event
		err := Read(strings.NewReader(frame(sent)), func(e Event) error { got = append(got, e); return nil })
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], sent) {
			t.Errorf("%+v, %v; want %+v", got, err, sent)
		}
	})
}
