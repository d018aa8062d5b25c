package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// process is a daemon under test with everything it printed.
type process struct {
	t    *testing.T
	name string // node and program, for messages
	cmd  *topology.Cmd

	mu    sync.Mutex
	lines []string
	times []time.Time // when the lines came
	from  int         // where WaitLog begins to look

	ended chan struct{} // closed when the daemon has ended and its output is complete
	err   error         // how it ended; read after ended
}

// start runs a program under test in a node until the test ends. Its log is shown when the test fails.
func start(t *testing.T, node *topology.Node, program string, args ...string) *process {
	t.Helper()
	return startPath(t, node, binary(t, program), args...)
}

// startPath runs any program in a node, as start does.
func startPath(t *testing.T, node *topology.Node, path string, args ...string) *process {
	t.Helper()
	return launch(t, node, &syscall.SysProcAttr{}, append([]string{path}, args...))
}

func launch(t *testing.T, node *topology.Node, attr *syscall.SysProcAttr, argv []string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: node.Name + " " + filepath.Base(argv[0]), ended: make(chan struct{})}
	p.cmd = node.Command(context.Background(), argv...)
	p.cmd.Stdout, p.cmd.Stderr = w, w
	// A group of its own: what the daemon started goes with it at the end of the test.
	attr.Setpgid = true
	p.cmd.SysProcAttr = attr
	if err := p.cmd.Start(); err != nil {
		r.Close()
		w.Close()
		t.Fatal(err)
	}
	all, read := make(chan struct{}), make(chan struct{})
	go p.collect(r, all, read)
	go p.reap(w, all, read)
	t.Cleanup(p.finish)
	return p
}

// lastLine comes after everything that a daemon has written.
const lastLine = "\x00the daemon has ended"

// collect keeps the lines of the daemon and whatever shares its output. It closes all when it has those of the daemon, and
// read when nobody is left who could write more.
func (p *process) collect(r *os.File, all, read chan<- struct{}) {
	defer close(read)
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line, last := strings.CutSuffix(lines.Text(), lastLine)
		if line != "" || !last {
			p.mu.Lock()
			p.lines, p.times = append(p.lines, line), append(p.times, time.Now())
			p.mu.Unlock()
		}
		if last {
			close(all)
		}
	}
}

// reap waits for the daemon and for its last lines, and a moment for those of its children: one may hold the pipe much longer.
func (p *process) reap(w *os.File, all, read <-chan struct{}) {
	p.err = p.cmd.Wait()
	_, err := fmt.Fprintln(w, lastLine)
	w.Close()
	if err == nil {
		select {
		case <-all:
		case <-read: // a line was too long
		}
	}
	select {
	case <-read:
	case <-time.After(200 * time.Millisecond):
	}
	close(p.ended)
}

// finish ends the daemon and all it started.
func (p *process) finish() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already: as it should be
	<-p.ended
	if p.t.Failed() {
		p.t.Logf("log of %s:\n  %s", p.name, strings.Join(p.Log(), "\n  "))
	}
}

// Pid returns the daemon's process id.
func (p *process) Pid() int { return p.cmd.Process.Pid }

// Log returns all lines so far.
func (p *process) Log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// When waits for a line that contains the substring, and returns when it came.
func (p *process) When(substring string, limit time.Duration) time.Time {
	p.t.Helper()
	_, at := p.await(substring, limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.times[at]
}

// Count returns how many lines, of all, contain the substring.
func (p *process) Count(substring string) (n int) {
	for _, line := range p.Log() {
		if strings.Contains(line, substring) {
			n++
		}
	}
	return n
}

// CountSince returns how many lines that came after a moment contain the substring.
func (p *process) CountSince(substring string, moment time.Time) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, line := range p.lines {
		if p.times[i].After(moment) && strings.Contains(line, substring) {
			n++
		}
	}
	return n
}

// Mark makes WaitLog look only at lines that come after this call.
func (p *process) Mark() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from = len(p.lines)
}

func (p *process) find(substring string) (string, bool) {
	line, _, found := p.search(substring)
	return line, found
}

func (p *process) search(substring string) (line string, at int, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := p.from; i < len(p.lines); i++ {
		if strings.Contains(p.lines[i], substring) {
			return p.lines[i], i, true
		}
	}
	return "", 0, false
}

// WaitLog waits for a line, printed since Mark, that contains the substring, and returns it.
func (p *process) WaitLog(substring string, limit time.Duration) string {
	p.t.Helper()
	line, _ := p.await(substring, limit)
	return line
}

// WaitNext is WaitLog that moves the mark behind the line it found. WaitLog followed by Mark would skip the lines that
// are printed between the two.
func (p *process) WaitNext(substring string, limit time.Duration) string {
	p.t.Helper()
	line, at := p.await(substring, limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from = at + 1
	return line
}

// await returns a line and its number.
func (p *process) await(substring string, limit time.Duration) (string, int) {
	p.t.Helper()
	end := time.Now().Add(limit)
	for {
		ended := p.hasEnded() // asked first, so that the last lines are looked at
		if line, at, ok := p.search(substring); ok {
			return line, at
		}
		if ended {
			p.t.Fatalf("%s ended (%v) without a line containing %q", p.name, p.err, substring)
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s: no line containing %q within %v", p.name, substring, limit)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Signal sends a signal to the daemon alone, not to its children.
func (p *process) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("signal %s: %v", p.name, err)
	}
}

// Wait waits for the daemon's end and returns its exit status, 128+n when a signal ended it.
func (p *process) Wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.t.Fatalf("%s still running after %v", p.name, limit)
	}
	status, err := exitStatus(p.err)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return status
}

func exitStatus(err error) (int, error) {
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, fmt.Errorf("wait: %w", err)
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return exit.ExitCode(), nil
}
