package nanny

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/health"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// script is a server whose checks end as the letters say: + up, r refused, t timed out. Other letters are signals that
// arrive before the check that follows: D (USR1), U (USR2), H (HUP). At the end comes TERM.
type script struct {
	t       *testing.T
	steps   string
	signals int // write end
}

func (s *script) Run() probe.Result {
	step := byte('X')
	if s.steps != "" {
		step, s.steps = s.steps[0], s.steps[1:]
	}
	signals := map[byte]unix.Signal{'X': unix.SIGTERM, 'D': unix.SIGUSR1, 'U': unix.SIGUSR2, 'H': unix.SIGHUP}
	switch step {
	case '+':
		return probe.Result{Outcome: probe.Up}
	case 'r':
		return probe.Result{Outcome: probe.ConnectFailed, Errno: unix.ECONNREFUSED}
	case 't':
		return probe.Result{Outcome: probe.ConnectTimeout, Timeout: time.Second}
	case 'l':
		return probe.Result{Outcome: probe.NoSocket, Errno: unix.EMFILE}
	}
	// While a state is forced nobody checks, so what comes next must follow at once.
	for {
		if _, err := unix.Write(s.signals, []byte{byte(signals[step])}); err != nil {
			s.t.Error(err)
		}
		if s.steps == "" || step == 'H' || step == 'X' {
			return probe.Result{Outcome: probe.Interrupted}
		}
		step, s.steps = s.steps[0], s.steps[1:]
	}
}

// recorder is an outlet that writes down what is new.
type recorder struct {
	last  Standing
	lines []string
}

func (r *recorder) publish(s Standing) error {
	if s != r.last {
		r.last = s
		r.lines = append(r.lines, strings.TrimSpace(map[bool]string{true: "up ", false: "down "}[s.Up]+s.Reason))
	}
	return nil
}

func (r *recorder) tell(*Watch, time.Time) {}

func (r *recorder) withdraw() error {
	r.lines = append(r.lines, "end")
	return nil
}

// newTestNanny returns a nanny whose re-entry takes 3 checks, and the write end of its signals.
func newTestNanny(t *testing.T, args string) (*Nanny, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	fd := int(r.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	o := parse(t, "--lvs --norun -h 10.0.0.1 -V 10.0.0.9 -t 30ms -a 90ms "+args)
	n, err := New(o, eventlog.New("nanny", 0, true), fd, Full{})
	if err != nil {
		t.Fatal(err)
	}
	// The script sets the pace.
	n.rules = health.Rules{Interval: 1, Reentry: 3}
	return n, int(w.Fd())
}

func TestRun(t *testing.T) {
	const (
		refused = "down connect refused"
		late    = "down connect timed out after 1s"
		again   = "down passes again, 2 more good checks needed"
		forced  = "down forced down by a signal"
	)
	tests := []struct {
		name, args, steps string
		want              []string
	}{
		{"never checked", "", "", []string{"end"}},
		{"up", "", "+++", []string{"up", "end"}},
		{"down", "", "rrr", []string{refused, "end"}},
		{"another reason", "", "rrttr", []string{refused, late, refused, "end"}},
		{"re-entry", "", "+r+++", []string{"up", refused, again, "up", "end"}},
		{"re-entry broken", "", "+r++r+++", []string{"up", refused, again, refused, again, "up", "end"}},
		{"dead at start", "", "t+++", []string{late, again, "up", "end"}},
		{"known to be down", "--known-down", "+++", []string{again, "up", "end"}},
		{"known to be down, still", "--known-down", "r+++", []string{refused, again, "up", "end"}},
		{"forced down", "", "+DH+", []string{"up", forced, "up", "end"}},
		{"forced down, then really", "", "+DHr", []string{"up", forced, refused, "end"}},
		{"forced up", "", "rUHr", []string{refused, "up", refused, "end"}},
		{"forced up, really", "", "rUH+r", []string{refused, "up", refused, "end"}},
		{"forced up and down", "", "rUDUH+", []string{refused, "up", forced, "up", "end"}},
		{"HUP ends the wait", "", "+r+H+", []string{"up", refused, again, "up", "end"}},
		{"HUP without need", "", "+H+r", []string{"up", refused, "end"}},
		{"trouble of this host at first", "", "ll+", []string{"up", "end"}},
		{"trouble of this host while up", "", "+ll+ll", []string{"up", "end"}},
		{"trouble of this host while down", "", "rll+l++", []string{refused, again, "up", "end"}},
		{"end while forced", "", "+DX", []string{"up", forced, "end"}},
	}
	for _, tt := range tests {
		n, signals := newTestNanny(t, tt.args)
		out := &recorder{}
		n.check, n.outlet = &script{t: t, steps: tt.steps, signals: signals}, out
		if err := n.Run(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got, want := strings.Join(out.lines, "; "), strings.Join(tt.want, "; "); got != want {
			t.Errorf("%s: got %s, want %s", tt.name, got, want)
		}
	}
}

// TestLackPause: what this host lacked is tried again soon, but not more often than checks are made.
func TestLackPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := newTestNanny(t, "")
		for interval, want := range map[time.Duration]time.Duration{30 * time.Millisecond: 30 * time.Millisecond, time.Minute: LackPause} {
			n.rules.Interval = interval
			if err := n.take(&probe.Result{Outcome: probe.NoSocket, Errno: unix.EMFILE}); err != nil {
				t.Fatal(err)
			}
			if got := time.Until(n.next(time.Now())); got != want {
				t.Errorf("checks every %v: next in %v, want %v", interval, got, want)
			}
			n.outlet = &recorder{}
			if err := n.take(&probe.Result{Outcome: probe.Up}); err != nil {
				t.Fatal(err)
			}
			if got := time.Until(n.next(time.Now())); got != interval {
				t.Errorf("checks every %v: next after a good one in %v", interval, got)
			}
		}
	})
}

// A server in service or out of it costs nothing to watch, and little to talk about.
func TestAllocations(t *testing.T) {
	n, _ := newTestNanny(t, "")
	n.log = eventlog.New("nanny", 0, false)
	for _, r := range []probe.Result{{Outcome: probe.Up}, {Outcome: probe.ConnectFailed, Errno: unix.ECONNREFUSED}} {
		n.Observe(&r)
		got := testing.AllocsPerRun(100, func() {
			n.Observe(&r)
			if e := n.events.next(time.Now()); e != tick {
				t.Errorf("got event %d, want a tick", e)
			}
			if err := n.outlet.publish(n.standing); err != nil {
				t.Error(err)
			}
		})
		if got != 0 {
			t.Errorf("outcome %d: %v allocations a cycle, want 0", r.Outcome, got)
		}
	}
}

func TestReport(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	r, err := newReport(pipe[1])
	if err != nil {
		t.Fatal(err)
	}
	full := make([]byte, 4096)
	for err == nil {
		_, err = unix.Write(pipe[1], full)
	}
	down := Standing{Known: true, Reason: "connect refused"}
	publish := func(s Standing) {
		if err := r.publish(s); err != nil {
			t.Fatal(err)
		}
	}
	publish(down) // no room
	for err = nil; err == nil; {
		_, err = unix.Read(pipe[0], full)
	}
	publish(Standing{})
	publish(down)
	publish(down)
	publish(Standing{Known: true, Up: true})
	n, err := unix.Read(pipe[0], full)
	if want := "down connect refused\nup\n"; err != nil || string(full[:n]) != want {
		t.Errorf("lvsd got %q, %v, want %q", full[:n], err, want)
	}
}

func TestFailure(t *testing.T) {
	tests := []struct {
		result probe.Result
		want   string
	}{
		{probe.Result{Outcome: probe.ConnectTimeout}, "CONNECT to 10.0.0.1:80 timed out"},
		{probe.Result{Outcome: probe.ConnectFailed, Errno: unix.ECONNREFUSED}, "Failed to connect 10.0.0.1:80 ping socket: connection refused"},
		{probe.Result{Outcome: probe.WriteFailed, Errno: unix.EPIPE}, "WRITE operation for 10.0.0.1:80 returned error: broken pipe"},
		{probe.Result{Outcome: probe.ReadTimeout}, "READ to 10.0.0.1:80 timed out"},
		{probe.Result{Outcome: probe.ReadFailed, Errno: unix.ECONNREFUSED}, "READ returned error 111:connection refused"},
		{probe.Result{Outcome: probe.Closed, Got: 2, Want: 4}, "READ from 10.0.0.1:80 was too short[2>=4]"},
		{probe.Result{Outcome: probe.Mismatch}, "READ from 10.0.0.1:80 was not as expected"},
		{probe.Result{Outcome: probe.NoSocket, Errno: unix.EMFILE}, "Failed to create socket: too many open files"},
	}
	for _, tt := range tests {
		if got := failure(&tt.result, "10.0.0.1:80", &Options{}); got != tt.want {
			t.Errorf("failure(%d) = %q, want %q", tt.result.Outcome, got, tt.want)
		}
	}
	for _, tt := range []struct {
		result probe.Result
		want   string
	}{
		{probe.Result{Outcome: probe.ProgramFailed, Status: 2}, "The following exited abnormally: /bin/check %h"},
		{probe.Result{Outcome: probe.NotStarted, Errno: unix.ENOENT}, "The following exited abnormally: /bin/check %h"},
		{probe.Result{Outcome: probe.ProgramTimeout}, "timeout running the following: /bin/check %h"},
		{probe.Result{Outcome: probe.Mismatch}, "Ran the external sending program to (10.0.0.1:80) but didn't get anything back"},
		{probe.Result{Outcome: probe.Mismatch, Got: 2}, "Trouble. Received results are not what we expected from (10.0.0.1:80)"},
	} {
		if got := failure(&tt.result, "10.0.0.1:80", &Options{Program: "/bin/check %h"}); got != tt.want {
			t.Errorf("failure(%d) of a program = %q, want %q", tt.result.Outcome, got, tt.want)
		}
	}
}
