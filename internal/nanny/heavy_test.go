package nanny

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// heavyFunc is a Heavy.
type heavyFunc func(ctx context.Context, step func(string)) probe.Result

func (f heavyFunc) Run(ctx context.Context, step func(string)) probe.Result { return f(ctx, step) }

// newTestHeavy returns a check that wakes up by what is written to the pipe.
func newTestHeavy(t *testing.T, check heavyFunc) (*interruptible, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	i, err := newInterruptible(check, nil, []unix.PollFd{{Fd: int32(r.Fd()), Events: unix.POLLIN}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(int(i.polls[0].Fd)); unix.Close(i.tell) })
	return i, w
}

func TestInterruptibleResults(t *testing.T) {
	n := 0
	i, _ := newTestHeavy(t, func(context.Context, func(string)) probe.Result {
		n++
		return probe.Result{Outcome: probe.ProgramFailed, Status: n}
	})
	for want := 1; want <= 1000; want++ {
		if r := i.Run(); r.Outcome != probe.ProgramFailed || r.Status != want {
			t.Fatalf("Run = %+v, want status %d", r, want)
		}
	}
}

// A check that does not end when it is told to is left alone, and what it says later is not taken for a newer result.
func TestInterruptibleInterrupted(t *testing.T) {
	release := make(chan bool)
	stubborn, cancelled := true, make(chan bool, 1)
	i, w := newTestHeavy(t, func(ctx context.Context, _ func(string)) probe.Result {
		if !stubborn {
			<-release
			return probe.Result{Outcome: probe.Up}
		}
		<-ctx.Done()
		cancelled <- true
		<-release
		return probe.Result{Outcome: probe.Closed}
	})
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if r := i.Run(); r.Outcome != probe.Interrupted {
		t.Fatalf("Run = %+v, want interrupted", r)
	}
	<-cancelled
	var b [1]byte
	if _, err := unix.Read(int(i.polls[1].Fd), b[:]); err != nil {
		t.Fatal(err)
	}
	stubborn = false
	go func() {
		release <- true
		release <- true
	}()
	if r := i.Run(); r.Outcome != probe.Up {
		t.Errorf("Run = %+v, want up", r)
	}
}

// TERM ends a nanny while its heavy check hangs.
func TestTermDuringHeavyCheck(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	begun := make(chan bool)
	full := Full{Check: func(*Options) (Heavy, error) {
		return heavyFunc(func(context.Context, func(string)) probe.Result {
			close(begun)
			select {}
		}), nil
	}}
	n, err := New(parse(t, "--lvs --norun -h 10.0.0.1 --check=http -t 1000"), eventlog.New("nanny", 0, true), pipe[0], full)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run() }()
	<-begun
	start := time.Now()
	if _, err := unix.Write(pipe[1], []byte{byte(unix.SIGTERM)}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(start); took > 10*time.Second { // of the 1000 s of a check
		t.Errorf("TERM took %v", took)
	}
}

func TestKinds(t *testing.T) {
	for _, tt := range []struct {
		line string
		ok   func(o *Options) bool
	}{
		{"", func(o *Options) bool {
			return o.Check == Auto && !o.Full() && o.CheckVerify && o.CheckPath == "/" && o.Checked().String() == "10.0.0.1:80"
		}},
		{"--check=tcp", func(o *Options) bool { return !o.Full() && !o.HasSend && !o.DefaultTest }},
		{"--check=tcp -u -s a -x b -e c", func(o *Options) bool {
			return !o.UsesUDP() && o.Send == "a" && o.Expect == "b" && o.Program == ""
		}},
		{"--check=tcp --regex -x b", func(o *Options) bool { return o.Full() }},
		{"--check=http --check-path=/a --check-host=b --check-status=200 --check-body=c\\n --check-verify=no", func(o *Options) bool {
			return o.Full() && !o.DefaultTest && o.CheckPath == "/a" && o.CheckHost == "b" && o.CheckStatus == "200" && o.CheckBody == "c\n" && !o.CheckVerify
		}},
		{"--check=https -s a -x b -e c -T --check-body=c\\n", func(o *Options) bool {
			return o.Full() && !o.HasSend && !o.HasExpect && o.Program == "" && o.CheckBody == `c\n`
		}},
		{"--check=dns -u --check-host=a", func(o *Options) bool { return o.UsesUDP() && o.Full() }},
		{"--check=script -e c --regex -x b -s a", func(o *Options) bool { return !o.Full() && o.HasExpect && !o.HasSend }},
		{"--check=ping -p 0 -f 1", func(o *Options) bool { return o.Full() && o.Checked().Port() == 0 }},
		{"--check-port=81 --check-address=10.0.0.2 --check-source=::1", func(o *Options) bool {
			return o.Checked().String() == "10.0.0.2:81" && o.RealPort == 80 && o.CheckSource.String() == "::1" && o.real().String() == "10.0.0.1:80"
		}},
		{"-p 0 -f 1 --check-port=81", func(o *Options) bool { return o.Checked().Port() == 81 }},
		{"--rise=3 --fall=1000", func(o *Options) bool { return o.Rise == 3 && o.Fall == 1000 }},
		{"--probe-once", func(o *Options) bool { return o.ProbeOnce }},
	} {
		o := parse(t, "--lvs --norun -h 10.0.0.1 "+tt.line)
		if !tt.ok(o) {
			t.Errorf("%s: %+v", tt.line, o)
		}
	}
	for line, want := range map[string]string{
		"--check=none":            "one of tcp,",
		"--check=auto":            "one of tcp,",
		"--check=script":          "give one with --send_program",
		"--check=dns":             "give one with --check-host",
		"--check-verify=1":        "yes or no",
		"--rise=0":                "number of 1 to 1000",
		"--fall=1001":             "number of 1 to 1000",
		"--check-address=host":    "bad IP address",
		"--check-source=fe80::1%": "bad IP address",
		"--check=http -p 0 -f 1":  "no port to check",
	} {
		_, err := Parse(strings.Fields("--lvs --norun -h 10.0.0.1 " + line))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
