package daemonize

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain runs the test binary as the daemon of a test if the environment asks for it.
func TestMain(m *testing.M) {
	if behaviour := os.Getenv("TEST_DAEMON"); behaviour != "" {
		os.Exit(daemon(behaviour))
	}
	os.Exit(m.Run())
}

// daemon is the program under test. Descriptor 3 is the pipe on which it tells the test about itself and, by closing
// it, that it ended.
func daemon(behaviour string) int {
	mode := Fork
	switch behaviour {
	case "nofork":
		mode = NoFork
	case "foreground":
		mode = Foreground
	}
	p, err := Start(mode)
	var outcome *Outcome
	if errors.As(err, &outcome) {
		if outcome.Text != "" {
			os.Stderr.WriteString("parent: " + outcome.Text + "\n")
		}
		return outcome.ExitCode()
	}
	if err != nil {
		os.Stderr.WriteString("demo: " + err.Error() + "\n")
		return 9
	}
	switch behaviour {
	case "fail":
		os.Stderr.WriteString("demo: no such file\n")
		return 7
	case "end":
		return 0
	case "panic":
		panic("oh dear")
	case "kill":
		unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	if err := p.Ready(); err != nil {
		os.Stderr.WriteString("demo: " + err.Error() + "\n")
		return 8
	}
	_, err = unix.FcntlInt(uintptr(p.ready), unix.F_GETFD, 0)
	tell := os.NewFile(3, "tell")
	sid, _ := unix.Getsid(0)
	own := sid == os.Getpid()
	out, _ := os.Readlink("/proc/self/fd/1")
	comm, _ := os.ReadFile("/proc/self/comm")
	tell.WriteString("own session " + strconv.FormatBool(own) + ", stdout " + strings.TrimSuffix(out, "\n") +
		", variable " + strconv.Quote(os.Getenv(variable)) + ", comm " + strings.TrimSpace(string(comm)) +
		", pipe closed " + strconv.FormatBool(err == unix.EBADF) + "\n")
	// Live until the test lets go.
	io.Copy(io.Discard, os.NewFile(4, "hold"))
	return 0
}

// start runs the test binary as the daemon and returns how the original process ended, what it printed, and the
// daemon's report. The daemon ends with the test.
func start(t *testing.T, behaviour string, wait bool) (code int, stderr, report string) {
	t.Helper()
	tellR, tellW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer tellR.Close()
	holdR, holdW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_DAEMON="+behaviour, "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{tellW, holdR}
	errR, errW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = errW
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tellW.Close()
	holdR.Close()
	errW.Close()
	tell := bufio.NewReader(tellR)
	if wait {
		// The process itself is the daemon: it must report before it is let go.
		report, _ = tell.ReadString('\n')
		holdW.Close()
		err = cmd.Wait()
	} else {
		err = cmd.Wait()
		report, _ = tell.ReadString('\n')
		holdW.Close()
	}
	// Both pipes reach their end only when the daemon has left them, so nothing is left behind.
	io.Copy(io.Discard, tell)
	var text bytes.Buffer
	io.Copy(&text, errR)
	errR.Close()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), text.String(), report
}

func TestReady(t *testing.T) {
	tests := []struct {
		behaviour string
		wait      bool
		want      string
	}{
		{"ready", false, "own session true, stdout /dev/null, variable \"\", comm daemonize.test, pipe closed true\n"},
		{"nofork", true, "own session true, stdout /dev/null, variable \"\", comm daemonize.test, pipe closed true\n"},
	}
	for _, tt := range tests {
		code, stderr, report := start(t, tt.behaviour, tt.wait)
		if code != 0 || stderr != "" || report != tt.want {
			t.Errorf("%s: exit status %d, stderr %q, daemon says %q, want 0, \"\", %q", tt.behaviour, code, stderr, report, tt.want)
		}
	}
	if _, _, report := start(t, "foreground", true); !strings.HasPrefix(report, "own session false, stdout /dev/null") {
		t.Errorf("foreground: daemon says %q, want the same session", report)
	}
}

func TestFailure(t *testing.T) {
	tests := []struct {
		behaviour string
		code      int
		stderr    string
	}{
		{"fail", 7, "demo: no such file\n"},
		{"end", 1, "parent: ended during start\n"},
		{"panic", 2, "panic: oh dear"},
		{"kill", 137, "parent: killed during start: killed\n"},
	}
	for _, tt := range tests {
		code, stderr, report := start(t, tt.behaviour, false)
		if code != tt.code || !strings.HasPrefix(stderr, tt.stderr) || report != "" {
			t.Errorf("%s: exit status %d, stderr %q, daemon says %q, want %d, %q, nothing", tt.behaviour, code, stderr, report, tt.code, tt.stderr)
		}
	}
}

func TestForeignVariable(t *testing.T) {
	for _, value := range []string{"x", "-1", "0x3", "99"} {
		t.Setenv(variable, value)
		if p, err := Start(Fork); err == nil {
			t.Errorf("%s=%s: got %v, want an error", variable, value, p)
		}
		if got := os.Getenv(variable); got != "" {
			t.Errorf("%s is still %q, want it gone", variable, got)
		}
	}
}

func TestInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	// Of Ready only the report: its other steps would take the terminal away from the test.
	if _, err := unix.Write(int(w.Fd()), []byte{success}); err != unix.EPIPE {
		t.Errorf("write to a parent that is gone: got %v, want %v", err, unix.EPIPE)
	}
}
