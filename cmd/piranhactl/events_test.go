package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/events"
)

// teller is a daemon that tells events.
type teller struct {
	*events.Ring
	end func()
}

// startTeller starts a daemon's socket in dir.
func startTeller(t *testing.T, dir, socket, daemon string, start time.Time) *teller {
	t.Helper()
	path := filepath.Join(dir, socket)
	_ = os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	d := &teller{Ring: events.NewRing(daemon, start)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/events", d.Handler())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { control.Serve(ctx, l, mux); close(ended) }()
	d.end = func() { cancel(); <-ended }
	t.Cleanup(d.end)
	return d
}

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)

// pairOfTellers are pulse and lvsd, which take turns every second.
func pairOfTellers(t *testing.T) (dir string, pulse, lvsd *teller) {
	dir = t.TempDir()
	pulse = startTeller(t, dir, "pulse.sock", "pulse", at)
	lvsd = startTeller(t, dir, "lvs.sock", "lvsd", at)
	for i := range 6 {
		now := at.Add(time.Duration(i) * time.Second)
		text := string(rune('a' + i))
		if i%2 == 0 {
			pulse.Publish(now, "state", text, nil)
		} else {
			lvsd.Publish(now, "server_up", text, map[string]string{"virtual": "web"})
		}
	}
	return dir, pulse, lvsd
}

// ctl runs the program and returns its lines.
func ctl(t *testing.T, dir string, args ...string) (lines []string, err error) {
	t.Helper()
	var b strings.Builder
	err = run(t.Context(), append([]string{"--run-dir=" + dir}, args...), strings.NewReader(""), &b)
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"), err
}

func TestEventsOfThePast(t *testing.T) {
	dir, _, _ := pairOfTellers(t)
	id := func(n string) string { // of lvsd
		lines, err := ctl(t, dir, "events", "--no-wait", "--json")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			var e told
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Daemon == "lvsd" && e.Text == n {
				return e.ID
			}
		}
		t.Fatalf("no %s in %q", n, lines)
		return ""
	}
	pulses := strings.Replace(id("b"), "lvsd", "pulse", 1) // the numbers are the same
	for _, c := range []struct {
		name string
		args []string
		want string // the ends of lines
	}{
		{"all", nil, "pulse a, lvsd b, pulse c, lvsd d, pulse e, lvsd f"},
		{"the last", []string{"--last=3"}, "lvsd d, pulse e, lvsd f"},
		{"none", []string{"--last=0"}, ""},
		{"since one", []string{"--since=" + id("b")}, "lvsd d, lvsd f"},
		{"since two", []string{"--since=" + id("d") + "," + pulses}, "pulse c, pulse e, lvsd f"},
		{"since the last", []string{"--since=" + id("f")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, err := ctl(t, dir, append([]string{"events", "--no-wait"}, c.args...)...)
			for i, line := range lines {
				lines[i] = strings.Join(strings.Fields(line)[min(2, len(strings.Fields(line))):], " ")
			}
			if got := strings.Join(lines, ", "); got != c.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
	lines, _ := ctl(t, dir, "events", "--no-wait", "--last=1")
	if want := "2026-11-21 12:00:05.000 lvsd  f"; lines[0] != want {
		t.Errorf("%q, want %q", lines[0], want)
	}
	lines, _ = ctl(t, dir, "events", "--no-wait", "--last=1", "--json")
	form := regexp.MustCompile(`^{"daemon":"lvsd","id":"lvsd-[0-9a-z]+-3","time":"2026-11-21T12:00:05[^"]*","type":"server_up","text":"f","data":{"virtual":"web"}}$`)
	if !form.MatchString(lines[0]) {
		t.Errorf("as JSON: %s", lines[0])
	}
}

func TestEventsOfOne(t *testing.T) {
	dir, pulse, lvsd := pairOfTellers(t)
	pulse.end()
	lines, err := ctl(t, dir, "events", "--no-wait", "--last=1")
	if err != nil || len(lines) != 2 || !strings.HasSuffix(lines[0], " lvsd  f") || !strings.Contains(lines[1], " pulse pulse does not run here") {
		t.Errorf("%q, %v", lines, err)
	}
	lvsd.end()
	if _, err := ctl(t, dir, "events"); err == nil || strings.Count(err.Error(), "does not run here") != 2 {
		t.Errorf("nobody tells: %v", err)
	}
}

func TestEventsMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"events --since=x-1-2":        `bad argument --since: an ID such as lvsd-h2xk7q4v1c-17 expected, not "x-1-2"`,
		"events --since=a --last=1":   "--since and --last exclude each other",
		"events --last=-1":            "bad argument --last: 0 or more expected",
		"status --last=1":             "--since and --last are for events",
		"events --no-wait unexpected": "unexpected arguments",
	} {
		if _, err := ctl(t, t.TempDir(), strings.Fields(args)...); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

// TestEventsFollow: what comes is shown as it comes, also from a daemon that is started anew.
func TestEventsFollow(t *testing.T) {
	dir, pulse, lvsd := pairOfTellers(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--run-dir=" + dir, "events", "--last=1"}, strings.NewReader(""), out)
		out.Close()
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		text := make([]byte, 1<<10)
		for {
			n, err := in.Read(text) // one write, one line
			if err != nil {
				return
			}
			lines <- string(text[30 : n-1])
		}
	}()
	expect := func(want ...string) {
		t.Helper()
		for _, w := range want {
			select {
			case got := <-lines:
				if got != w {
					t.Fatalf("%q, want %q", got, w)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("no %q", w)
			}
		}
	}
	expect("f")
	pulse.Publish(at, "state", "g", nil)
	expect("g")
	lvsd.Publish(at, "server_up", "h\x1b", nil)
	expect("h?")
	lvsd.end()
	expect("lvsd has ended")
	lvsd = startTeller(t, dir, "lvs.sock", "lvsd", at.Add(time.Hour))
	lvsd.Publish(at, "start", "lvsd has started", nil)
	expect("lvsd answers again", "the daemon has been started since: of what it told before nothing is known", "lvsd has started")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, more := <-lines; more {
		t.Error("something was shown after the end")
	}
}
