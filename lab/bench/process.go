package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// line is a line that a program printed.
type line struct {
	at   time.Time
	text string
}

// journal keeps what the programs of one router print, over all their lives.
type journal struct {
	mu    sync.Mutex
	lines []line
}

func (j *journal) collect(r *os.File) {
	defer r.Close()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		j.mu.Lock()
		j.lines = append(j.lines, line{time.Now(), lines.Text()})
		j.mu.Unlock()
	}
}

// since returns the lines printed after a time.
func (j *journal) since(t time.Time) []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	var late []line
	for _, l := range j.lines {
		if l.at.After(t) {
			late = append(late, l)
		}
	}
	return late
}

// count returns how many lines contain a text.
func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, l := range j.lines {
		if strings.Contains(l.text, text) {
			n++
		}
	}
	return n
}

// tail returns the last lines, for an error.
func (j *journal) tail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b strings.Builder
	for _, l := range j.lines[max(0, len(j.lines)-5):] {
		b.WriteString("\n  " + l.text)
	}
	return b.String()
}

// process is a running program.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// launch starts a program in a node, in a process group of its own: what is typed at a terminal is for the bench.
func launch(node *topology.Node, argv []string, j *journal) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	p := &process{name: node.Name + ": " + filepath.Base(argv[0]), cmd: exec.CommandContext(context.Background(), argv[0], argv[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = ordinarily(node, p.cmd.Start)
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	go j.collect(r)
	go func() {
		_ = p.cmd.Wait() // it is killed, or watched for its end
		close(p.ended)
	}()
	return p, nil
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// await repeats a check until it returns nil, or patience ends.
func await(check func() error) error {
	for end := time.Now().Add(patience); ; {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v: %w", patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
