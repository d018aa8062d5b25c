package program

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                         nil,
		"   ":                      nil,
		"/bin/check %h  %p":        {"/bin/check", "%h", "%p"},
		" a\tb c ":                 {"a\tb", "c"},
		`sh -c 'echo "a b"' x`:     {"sh", "-c", `echo "a b"`, "x"},
		`a "b 'c' d" e`:            {"a", "b 'c' d", "e"},
		`--text="two words"more x`: {"--text=two wordsmore", "x"},
		"isn't it --a='b c'":       {"isn't", "it", "--a=b c"},
		`5" 6"`:                    {`5"`, `6"`},
		`'' ""`:                    {"", ""},
		`don't ask`:                {"don't", "ask"},
		`a "b c`:                   {"a", `"b`, "c"},
		`back\slash "in\side"`:     {`back\slash`, `in\side`},
		`it's "5 o'clock" isn't`:   {"it's", "5 o'clock", "isn't"},
	} {
		if got := Split(line); !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	got := Expand([]string{"%h", "%p", "http://%h:%p/%h", "100%", "%x"}, "2001:db8::1", "80")
	if want := []string{"2001:db8::1", "80", "http://2001:db8::1:80/2001:db8::1", "100%", "%x"}; !slices.Equal(got, want) {
		t.Errorf("Expand = %q, want %q", got, want)
	}
}

func run(t *testing.T, limit time.Duration, argv ...string) (string, End) {
	t.Helper()
	p := New(argv, []string{"PATH=/usr/bin:/bin", "HELLO=there"})
	out, end := p.Run(limit)
	return string(out), end
}

const long = time.Minute

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		argv []string
		out  string
		end  End
	}{
		{[]string{"/bin/sh", "-c", "echo $HELLO; echo lost >&2"}, "there\n", End{Exited, 0, 0, 6}},
		{[]string{"echo", "by", "name"}, "by name\n", End{Exited, 0, 0, 8}},
		{[]string{"/bin/sh", "-c", "exit 3"}, "", End{Exited, 3, 0, 0}},
		{[]string{"/bin/sh", "-c", "kill -11 $$"}, "", End{Killed, 11, 0, 0}},
		{[]string{"/bin/cat"}, "", End{Exited, 0, 0, 0}}, // its input is empty
		{[]string{"/no/such/program"}, "", End{NotStarted, 0, unix.ENOENT, 0}},
		{[]string{"no-such-program"}, "", End{NotStarted, 0, unix.ENOENT, 0}},
		{[]string{"/"}, "", End{NotStarted, 0, unix.EACCES, 0}},
		{[]string{"/bin/sh", "-c", "exec >&-; sleep 0.05; exit 7"}, "", End{Exited, 7, 0, 0}},
	} {
		if out, end := run(t, long, tt.argv...); out != tt.out || end != tt.end {
			t.Errorf("%q: %q, %+v, want %q, %+v", tt.argv, out, end, tt.out, tt.end)
		}
	}
}

// TestMuchOutput: more than a pipe holds does not block, and more than there is room for is counted.
func TestMuchOutput(t *testing.T) {
	for _, size := range []int{MaxOutput - 1, MaxOutput, MaxOutput + 1, 1 << 20} {
		out, end := run(t, long, "/bin/sh", "-c", "head -c "+strconv.Itoa(size)+" /dev/zero")
		if len(out) != min(size, MaxOutput) || end != (End{Exited, 0, 0, size}) || strings.Trim(out, "\x00") != "" {
			t.Errorf("%d bytes: got %d, %+v", size, len(out), end)
		}
	}
}

// TestTimeout: a program that hangs, one that writes for ever, and one that closes its output are ended, with their children.
func TestTimeout(t *testing.T) {
	for _, script := range []string{"sleep 3600", "sleep 3600 & wait", "trap '' TERM; while :; do echo; done", "exec >&-; sleep 3600"} {
		began := time.Now()
		if _, end := run(t, 20*time.Millisecond, "/bin/sh", "-c", script); end.Outcome != TimedOut || time.Since(began) > long {
			t.Errorf("%s: %+v after %v", script, end, time.Since(began))
		}
	}
}

// TestLeavesNothing: what a program started and left is gone with it, though it held the output open.
func TestLeavesNothing(t *testing.T) {
	out, end := run(t, long, "/bin/sh", "-c", "sleep 3600 & echo $!")
	if end.Outcome != Exited {
		t.Fatalf("%+v", end)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on: %s", pid, state)
		}
	}
}

func TestInterrupted(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	p := New([]string{"/bin/sleep", "3600"}, nil, unix.PollFd{Fd: int32(pipe[0]), Events: unix.POLLIN})
	unix.Close(pipe[1])
	if _, end := p.Run(long); end.Outcome != Interrupted {
		t.Errorf("%+v", end)
	}
}

// TestNoPidfd: kernels before 5.4.
func TestNoPidfd(t *testing.T) {
	p := New([]string{"/bin/sh", "-c", "echo yes; exit 4"}, nil)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	output := os.NewFile(uintptr(pipe[1]), "pipe")
	defer output.Close()
	child, err := os.StartProcess("/bin/sh", p.argv, &os.ProcAttr{Files: []*os.File{nil, output}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Release() }()
	if out, end := p.follow(child.Pid, -1, pipe[0], time.Now().Add(long)); string(out) != "yes\n" || end != (End{Exited, 4, 0, 4}) {
		t.Errorf("%q, %+v", out, end)
	}
}

// TestNothingLeaks: after thousands of runs of every kind there are no more descriptors and children than before.
func TestNothingLeaks(t *testing.T) {
	before := descriptors(t)
	for _, argv := range [][]string{{"/bin/true"}, {"/bin/sleep", "60"}, {"/none"}, {"/bin/sh", "-c", "sleep 60 &"}} {
		p := New(argv, nil)
		for range 100 {
			p.Run(5 * time.Millisecond)
		}
		p.Forget()
	}
	wantNoChild(t)
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestLateDeath: a program that is not gone soon after it was killed is waited for, in the next run or though there is none.
func TestLateDeath(t *testing.T) {
	p := New([]string{"/bin/true"}, nil)
	killLate(t, p)
	for deadline := time.Now().Add(20 * time.Second); len(p.zombies) > 0; p.Run(20 * time.Second) {
		if time.Now().After(deadline) {
			t.Fatal("a program that was killed is not waited for in the next run")
		}
	}
	wantNoChild(t)
	killLate(t, p)
	p.Forget()
	wantNoChild(t)
}

// killLate has a program killed, without the patience to wait for its end.
func killLate(t *testing.T, p *Program) {
	t.Helper()
	child, err := os.StartProcess("/bin/sleep", []string{"sleep", "3600"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Release() }()
	if p.kill(child.Pid, -1); len(p.zombies) > 1 { // none if it was gone at once
		t.Fatalf("children %d are waited for", p.zombies)
	}
}

// wantNoChild waits until this process has no children that run, or that have ended and were not waited for.
func wantNoChild(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == unix.ECHILD {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a child is left: %v", err)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func FuzzSplit(f *testing.F) {
	f.Add(`a "b c" 'd`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, w := range Split(line) {
			if len(w) > len(line) {
				t.Errorf("Split(%q) made %q", line, w)
			}
		}
	})
}
