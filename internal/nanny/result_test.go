package nanny

import (
	"bytes"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// A server that wavers stays in service, and what is told of it is told once.
func TestFall(t *testing.T) {
	const (
		refused = "down connect refused"
		again   = "down passes again, 1 more good checks needed"
	)
	for _, tt := range []struct{ name, steps, want string }{
		{"wavers", "+rr+rr+", "up; end"},
		{"falls", "+rrr", "up; " + refused + "; end"},
		{"for another reason at last", "+rrt", "up; down connect timed out after 1s; end"},
		{"rises", "+rrr++", "up; " + refused + "; " + again + "; up; end"},
		{"wavers while rising", "+rrr+r++", "up; " + refused + "; " + again + "; " + refused + "; " + again + "; up; end"},
		{"dead at start", "rr", refused + "; end"},
		{"the first check after HUP decides alone", "+rHr", "up; " + refused + "; end"},
	} {
		n, signals := newTestNanny(t, "")
		n.rules.Rise, n.rules.Fall = 2, 3
		out := &recorder{}
		n.check, n.outlet = &script{t: t, steps: tt.steps, signals: signals}, out
		if err := n.Run(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := strings.Join(out.lines, "; "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAppendResult(t *testing.T) {
	w := NewWatch(parse(t, "--lvs --norun -h 10.0.0.1"), eventlog.New("nanny", 0, false))
	start := time.Now()
	good := probe.Result{Outcome: probe.Up, Duration: 812345 * time.Nanosecond}
	bad := probe.Result{Outcome: probe.ConnectFailed, Errno: unix.ECONNREFUSED, Duration: 99 * time.Microsecond}
	for _, tt := range []struct {
		at     time.Duration
		result probe.Result
		want   string
	}{
		{0, good, "passed 812\n"},
		{500 * time.Millisecond, good, ""},
		{990 * time.Millisecond, good, "passed 812\n"}, // a little early
		{1000 * time.Millisecond, good, ""},
		{1001 * time.Millisecond, bad, "failed 99 connect refused\n"},
		{1002 * time.Millisecond, bad, ""},
		{1003 * time.Millisecond, good, "passed 812\n"},
		{time.Minute, good, "passed 812\n"},
	} {
		w.Observe(&tt.result)
		got := ""
		if now := start.Add(tt.at); w.ResultDue(now) {
			got = string(w.AppendResult(nil, ""))
			w.ResultTold(now)
			if w.ResultDue(now.Add(time.Hour)) {
				t.Errorf("after %v: to be told twice", tt.at)
			}
		}
		if got != tt.want {
			t.Errorf("after %v: %q, want %q", tt.at, got, tt.want)
		}
	}
	w.Observe(&bad)
	if got := string(w.AppendResult([]byte("x\n"), "7 ")); got != "x\n7 failed 99 connect refused\n" {
		t.Errorf("with a name: %q", got)
	}
}

// Results go to lvsd as lines of their own, and are dropped when nobody takes them.
func TestTell(t *testing.T) {
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
	w := NewWatch(parse(t, "--lvs --norun -h 10.0.0.1"), eventlog.New("nanny", 0, false))
	now := time.Now()
	for i := range 10000 {
		w.Observe(&probe.Result{Outcome: probe.Up, Duration: time.Millisecond})
		r.tell(w, now.Add(time.Duration(i)*time.Second))
	}
	if err := r.publish(Standing{Known: true, Reason: "connect refused"}); err != nil { // finds no room now, but later
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	n, err := unix.Read(pipe[0], buf)
	if lines := bytes.Count(buf[:n], []byte("passed 1000\n")); err != nil || lines*len("passed 1000\n") != n || lines < 1000 {
		t.Errorf("%d bytes in %d lines, %v", n, lines, err)
	}
	if err := r.publish(Standing{Known: true, Reason: "connect refused"}); err != nil {
		t.Fatal(err)
	}
	if n, err = unix.Read(pipe[0], buf); err != nil || string(buf[:n]) != "down connect refused\n" {
		t.Errorf("%q, %v, want down", buf[:n], err)
	}
	allocs := testing.AllocsPerRun(100, func() {
		w.Observe(&probe.Result{Outcome: probe.Up, Duration: time.Millisecond})
		now = now.Add(time.Second)
		r.tell(w, now)
	})
	if allocs != 0 {
		t.Errorf("%v allocations a result", allocs)
	}
}

var numbers = regexp.MustCompile(`(after|in) [0-9.]+(µs|ms|s)`)

func TestProbeOnce(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 ready\r\n"))
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, tt := range []struct {
		line, want string
		ok         bool
	}{
		{"-x 220", "connecting to 127.0.0.1:PORT\nconnected in T\ngot 11 bytes in T: \"220 ready\"\nup after T\n", true},
		{"-x 221", "connecting to 127.0.0.1:PORT\nconnected in T\ngot 11 bytes in T: \"220 ready\"\ndown after T: expected \"221\", got \"220 ready\"\n", false},
		{"-e /bin/true", "running /bin/true\nup after T\n", true},
		{"--check=script -e /bin/false", "running /bin/false\ndown after T: program exited with status 1\n", false},
	} {
		o := parse(t, "--lvs --probe-once -h 127.0.0.1 -p "+port+" "+tt.line)
		var out bytes.Buffer
		err := ProbeOnce(o, Full{}, &out)
		got := numbers.ReplaceAllString(strings.ReplaceAll(out.String(), ":"+port, ":PORT"), "$1 T")
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.line, err, got, tt.want)
		}
	}
}
