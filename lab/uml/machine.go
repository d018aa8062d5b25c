package uml

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// serialFDs is how many descriptors, from 3 on, the kernel's serial lines have.
const serialFDs = 5

// machine is one booted kernel: the keeper process that holds it and the lines to it.
type machine struct {
	argv []string
	env  []string
	self string

	control *wire.Conn
	input   *wire.Conn
	line    io.ReadWriteCloser // for the command
	log     console

	keeper   *exec.Cmd
	lines    []*os.File
	finished chan struct{} // closed when the keeper has ended
	stopOnce sync.Once
}

// start boots the kernel in a process id namespace, whose end takes every helper process of the kernel along, even
// when this process is killed. Where namespaces are not allowed, the keeper alone does that.
func (m *machine) start() error {
	err := m.launch(isolation())
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EACCES) {
		// No death signal here: the keeper sees its input end and needs a moment to end the kernel.
		err = m.launch(&syscall.SysProcAttr{Setsid: true})
	}
	return err
}

// isolation asks for a process id namespace; an ordinary user needs a user namespace to get one.
func isolation() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL, Cloneflags: unix.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// launch starts the keeper. Its standard input tells it, by ending, that this process is gone; descriptors 3 to 7 are
// the kernel's serial lines.
func (m *machine) launch(attr *syscall.SysProcAttr) error {
	pipes, err := newPipes(6)
	if err != nil {
		return err
	}
	life, command, answer, stdin, in, out := pipes[0], pipes[1], pipes[2], pipes[3], pipes[4], pipes[5]
	cmd := exec.Command(m.self, append([]string{KeeperCommand}, m.argv...)...)
	cmd.Env = m.env
	cmd.Dir = "/"
	cmd.SysProcAttr = attr
	cmd.Stdin, cmd.Stdout, cmd.Stderr = life.r, &m.log, &m.log
	cmd.ExtraFiles = []*os.File{command.r, answer.w, stdin.r, in.r, out.w}
	started := make(chan error)
	m.finished = make(chan struct{})
	go func() {
		// The keeper is to die with this process, but Linux ties that to the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how the kernel ended does not matter: init reports the status
			close(m.finished)
		}
	}()
	err = <-started
	for _, f := range []*os.File{life.r, command.r, answer.w, stdin.r, in.r, out.w} {
		f.Close()
	}
	m.lines = []*os.File{life.w, command.w, answer.r, stdin.w, in.w, out.r}
	if err != nil {
		m.closeLines()
		return fmt.Errorf("start kernel: %w", err)
	}
	m.keeper = cmd
	m.control = wire.New(duplex{answer.r, command.w})
	m.input = wire.New(duplex{answer.r, stdin.w})
	m.line = struct {
		io.Reader
		io.WriteCloser
	}{out.r, in.w}
	return nil
}

type duplex struct {
	io.Reader
	io.Writer
}

type pipePair struct{ r, w *os.File }

func newPipes(n int) ([]pipePair, error) {
	var pairs []pipePair
	for range n {
		r, w, err := os.Pipe()
		if err != nil {
			for _, p := range pairs {
				p.r.Close()
				p.w.Close()
			}
			return nil, fmt.Errorf("make pipe: %w", err)
		}
		pairs = append(pairs, pipePair{r, w})
	}
	return pairs, nil
}

func (m *machine) closeLines() {
	for _, f := range m.lines {
		f.Close()
	}
}

// stop ends the kernel the hard way; there is nothing in it worth a shutdown.
func (m *machine) stop() {
	m.stopOnce.Do(func() {
		m.closeLines()
		<-m.finished
	})
}

func sendSignal(conn *wire.Conn, sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return nil
	}
	return conn.Write(wire.Signal, []byte{byte(number)})
}

// console keeps the end of what the kernel printed.
type console struct {
	mu   sync.Mutex
	text []byte
}

const consoleLimit = 64 << 10

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if extra := len(c.text) - consoleLimit; extra > 0 {
		c.text = append(c.text[:0], c.text[extra:]...)
	}
	return len(p), nil
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

// panicLine returns the line that says why the kernel stopped, or the last one.
func (c *console) panicLine() string {
	last := ""
	lines := bufio.NewScanner(strings.NewReader(c.String()))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.Contains(line, "Kernel panic") {
			return line
		}
		if line != "" {
			last = line
		}
	}
	return last
}
