package realserver

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return "error: " + err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "error: " + err.Error()
	}
	return resp.Header.Get(Header) + "|" + string(body)
}

func TestServerStopsAndStartsAgain(t *testing.T) {
	s := New("real1")
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	if err := s.Start(l); err != nil {
		t.Fatal(err)
	}
	if got := get(t, "http://"+addr+"/"); got != "real1|real1\n" {
		t.Errorf("GET = %q", got)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, "http://"+addr+"/"); !strings.Contains(got, "refused") {
		t.Errorf("GET after Stop = %q, want refused", got)
	}
	if err := s.Start(listen(t, addr)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	if got := get(t, "http://"+addr+"/slow?bytes=3000&delay=1ms"); len(got) != len("real1|")+3000 {
		t.Errorf("GET /slow = %d bytes, want %d", len(got), len("real1|")+3000)
	}
	s.SetLoad(42)
	if got := get(t, "http://"+addr+"/load"); got != "real1|42\n" {
		t.Errorf("GET /load = %q", got)
	}
	if got := s.Requests(); got != 3 {
		t.Errorf("Requests = %d, want 3", got)
	}
}

func TestPauseHoldsRequests(t *testing.T) {
	s := New("real1")
	l := listen(t, "127.0.0.1:0")
	if err := s.Start(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	s.Pause()
	answer := make(chan string, 1)
	go func() { answer <- get(t, "http://"+l.Addr().String()+"/") }()
	for s.Requests() == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case got := <-answer:
		t.Errorf("paused server answered %q", got)
	default:
	}
	s.Resume()
	if got := <-answer; got != "real1|real1\n" {
		t.Errorf("GET after Resume = %q", got)
	}
}

// TestHurryEndsPauses: of what is under way, and of what comes later.
func TestHurryEndsPauses(t *testing.T) {
	s := New("real1")
	l := listen(t, "127.0.0.1:0")
	if err := s.Start(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	slow := "http://" + l.Addr().String() + "/slow?bytes=3000&delay=10s"
	answer := make(chan string, 1)
	go func() { answer <- get(t, slow) }()
	for s.Requests() == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Hurry()
	for _, got := range []string{<-answer, get(t, slow)} {
		if len(got) != len("real1|")+3000 {
			t.Errorf("GET /slow = %.60q, %d bytes, want %d", got, len(got), len("real1|")+3000)
		}
	}
}

func TestRunEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, in, "real9", "127.0.0.1:0") }()
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "real9 listening on 127.0.0.1:") {
		t.Errorf("first line = %q, %v", line[:n], err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}
