package matrix

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long to wait for what should take a moment.
const patience = 20 * time.Second

// binary returns the path of a program under test.
func binary(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("PIRANHA_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "bin")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("program under test: %v (make build)", err)
	}
	return path
}

// nanny is a running nanny and what it reports.
type nanny struct {
	cmd     *exec.Cmd
	pipe    *os.File      // it reports on the other end
	stderr  bytes.Buffer  // until it is a daemon
	reports chan string   // closed at the end of the pipe
	ended   chan struct{} // closed when it has been waited for
	err     error         // how it ended; read after ended
}

// watch starts a nanny as lvsd does, with the options that matter, until the test ends.
func watch(t testing.TB, options ...string) *nanny {
	t.Helper()
	n := start(t, options...)
	t.Cleanup(n.finish)
	return n
}

// start is watch for those who call finish themselves.
func start(t testing.TB, options ...string) *nanny {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	n := &nanny{reports: make(chan string, 64), ended: make(chan struct{})}
	n.cmd = command(t, append(options, "-c", "--lvs")...)
	n.cmd.Env = []string{"GOMAXPROCS=1", "GOGC=20", "GODEBUG=asyncpreemptoff=1,disablethp=1", mark(t)}
	for _, name := range []string{"PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		n.cmd.Env = append(n.cmd.Env, name+"="+os.Getenv(name))
	}
	n.cmd.Stderr = &n.stderr
	n.cmd.ExtraFiles = []*os.File{w}
	err = n.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		t.Fatal(err)
	}
	n.pipe = r
	go n.collect()
	go func() {
		defer close(n.ended)
		n.err = n.cmd.Wait()
	}()
	return n
}

// mark is what all processes that a test starts have in their environment.
func mark(t testing.TB) string { return "LAB_MATRIX=" + t.Name() }

// finish ends the nanny.
func (n *nanny) finish() {
	_ = n.cmd.Process.Kill() // ended already: as it should be
	<-n.ended
	n.pipe.Close() // what it left behind may hold the other end
}

func (n *nanny) pid() int { return n.cmd.Process.Pid }

// collect passes on the lines; those nobody wants are dropped.
func (n *nanny) collect() {
	defer close(n.reports)
	lines := bufio.NewScanner(n.pipe)
	for lines.Scan() {
		select {
		case n.reports <- strings.TrimPrefix(lines.Text(), poolID+" "):
		default:
		}
	}
}

// standing waits for the next report on the state of the server and returns it: "up", or "down" and the reason.
func (n *nanny) standing(t testing.TB) string {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, ok := <-n.reports:
			if !ok {
				<-n.ended
				t.Fatalf("nanny ended: %v\n%s", n.err, &n.stderr)
			}
			if word, _, _ := strings.Cut(line, " "); word == "up" || word == "down" {
				return line
			}
		case <-late:
			t.Fatalf("no report within %v", patience)
		}
	}
}

// until waits for a report, whatever others come before it: on a busy machine a healthy server may look dead for a check.
func (n *nanny) until(t testing.TB, want string) {
	t.Helper()
	for end := time.Now().Add(patience); !like(n.standing(t), want); {
		if time.Now().After(end) {
			t.Fatalf("no report %q within %v", want, patience)
		}
	}
}

// signal sends a signal to the nanny.
func (n *nanny) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// terminate sends TERM and returns how long the end took. The exit status must be 0.
func (n *nanny) terminate(t testing.TB) time.Duration {
	t.Helper()
	start := time.Now()
	n.signal(t, syscall.SIGTERM)
	select {
	case <-n.ended:
	case <-time.After(patience):
		t.Fatalf("nanny still there %v after TERM", patience)
	}
	if n.err != nil {
		t.Errorf("nanny ended with %v, want status 0", n.err)
	}
	return time.Since(start)
}
