package client

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/realserver"
)

func serve(t *testing.T, name string) (*realserver.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := realserver.New(name)
	if err := s.Start(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s, "http://" + l.Addr().String() + "/"
}

func TestRunCounts(t *testing.T) {
	s, addr := serve(t, "real1")
	for _, l := range []Loop{{Count: 20}, {Count: 20, Workers: 4}, {Count: 20, Rate: 500}} {
		l.URL = addr
		before := s.Requests()
		report, err := l.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := report.PerServer()["real1"]; got != 20 || s.Requests()-before != 20 || len(report.Errors()) != 0 {
			t.Errorf("%+v: %v; server saw %d, want 20", l, report, s.Requests()-before)
		}
	}
}

func TestRunRecordsErrors(t *testing.T) {
	s, addr := serve(t, "real1")
	s.Pause()
	const timeout = 2 * time.Second // enough to connect and to send, on any machine
	report, err := Loop{URL: addr, Count: 2, Workers: 2, Timeout: timeout}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	failed := report.Errors()
	if len(failed) != 2 || !strings.Contains(failed[0].Err.Error(), "receive: ") || failed[0].Took < timeout {
		t.Errorf("errors of a paused server = %v, want 2 timeouts", failed)
	}
	s.Stop()
	report, err = Loop{URL: addr, Rate: 200, Duration: 500 * time.Millisecond}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(report.Errors()); n == 0 || n != len(report.Results) || !strings.Contains(report.Errors()[0].Err.Error(), "refused") {
		t.Errorf("report of a stopped server = %v, want only refused connections", report)
	}
}

func TestOutage(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(ms int, err error) Result {
		return Result{At: began.Add(time.Duration(ms) * time.Millisecond), Err: err}
	}
	down := errors.New("down")
	for _, tt := range []struct {
		name    string
		results []Result
		want    time.Duration
	}{
		{"none", []Result{at(0, nil), at(900, nil)}, 0},
		{"middle", []Result{at(0, nil), at(100, down), at(200, down), at(300, nil)}, 300 * time.Millisecond},
		{"start", []Result{at(100, down), at(200, nil)}, 200 * time.Millisecond},
		{"end", []Result{at(100, nil), at(200, down)}, 900 * time.Millisecond},
	} {
		r := Report{Results: tt.results, Began: began, Took: time.Second}
		if got := r.Outage(); got != tt.want {
			t.Errorf("%s: Outage = %v, want %v", tt.name, got, tt.want)
		}
	}
}
