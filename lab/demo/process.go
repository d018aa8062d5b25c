package demo

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// process is a program of the cluster.
type process struct {
	cmd  *topology.Cmd
	done chan struct{} // closed when it has ended
}

func launch(cmd *topology.Cmd) (*process, error) {
	// An interrupt at the terminal goes to the demo alone, which ends its programs in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its end is seen by those who wait for done
		close(p.done)
	}()
	return p, nil
}

// running tells whether the program was started and has not ended.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends a program as a crash would.
func (p *process) kill() error {
	if !p.running() {
		return errors.New("does not run")
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.done
	return nil
}

// endAll asks programs to end, all at once, and sees that they do.
func endAll(programs ...*process) {
	for _, p := range programs {
		if p.running() {
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // has just ended: as it should be
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, p := range programs {
		if p == nil {
			continue
		}
		select {
		case <-p.done:
		case <-limit.Done():
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
}

// journal keeps the last lines that the routers' programs have written.
type journal struct {
	mu    sync.Mutex
	lines []string
}

const journalLines = 5

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	j.lines = j.lines[max(0, len(j.lines)-journalLines):]
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// lineWriter calls each with every whole line written to it.
type lineWriter struct {
	each func(line string)
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		w.each(string(line))
		w.rest = rest
	}
}
