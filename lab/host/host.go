// Package host runs one command on the machine's own kernel, in namespaces that vanish with it.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/bed"
	"github.com/piranha-lvs/piranha/lab/guest"
	"github.com/piranha-lvs/piranha/lab/wire"
)

// InitCommand is the hidden lab command that is process 1 of the namespaces.
const InitCommand = "host-init"

// Available returns nil when the machine's kernel will do, or says why not.
func Available() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	// Modules are loaded here, outside: inside, the kernel would still ask the machine's modprobe for them. What is
	// built in or missing shows when it is used.
	if modprobe, err := exec.LookPath("modprobe"); err == nil {
		_ = exec.Command(modprobe, append([]string{"-a", "-q"}, guest.Modules()...)...).Run()
	}
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil {
		return fmt.Errorf("no ip_vs: %w", err)
	}
	return nil
}

// process is a started process 1 and the pipe on which it reports.
type process struct {
	cmd    *exec.Cmd
	report *wire.Conn
	pipe   io.Closer
	ended  chan struct{}
}

// Run runs the command and returns its exit status, 128+n when signal n ended it. An error means that the bed itself
// failed. The namespaces end with this process, whatever ends it.
func Run(ctx context.Context, o bed.Options) (int, error) {
	if o.Out == "" {
		work, err := bed.NewWorkDir()
		if err != nil {
			return 0, err
		}
		defer work.Remove()
		o.Out = filepath.Join(work.Path, "out")
		if err := os.Mkdir(o.Out, 0o700); err != nil {
			return 0, fmt.Errorf("make out directory: %w", err)
		}
	}
	p, err := start(o)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	limit, cancel := context.WithTimeoutCause(ctx, o.Timeout, o.TimedOut())
	defer cancel()
	if o.Line != nil {
		go joinLine(limit, filepath.Join(o.Out, guest.LineName), o.Line)
	}
	verdict := make(chan frame, 1)
	go func() { verdict <- p.listen() }()
	for {
		select {
		case <-limit.Done():
			return 0, context.Cause(limit)
		case sig := <-o.Signals:
			_ = p.cmd.Process.Signal(sig) // ended already: the verdict says so
		case f := <-verdict:
			return f.status, f.err
		}
	}
}

// joinLine waits for the command's end of the line, if it wants one.
func joinLine(ctx context.Context, socket string, use func(io.ReadWriteCloser)) {
	for ctx.Err() == nil {
		if conn, err := net.Dial("unix", socket); err == nil {
			use(conn)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// start makes the namespaces and process 1 in them.
func start(o bed.Options) (*process, error) {
	self, err := o.Program()
	if err != nil {
		return nil, err
	}
	text, err := o.Job().Encode()
	if err != nil {
		return nil, err
	}
	jobR, jobW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer jobR.Close()
	repR, repW, err := os.Pipe()
	if err != nil {
		jobW.Close()
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer repW.Close()
	cmd := exec.Command(self, InitCommand)
	cmd.Env = []string{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Stdin, o.Stdout, o.Stderr
	cmd.ExtraFiles = []*os.File{jobR, repW}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
		Setsid:     true,
	}
	p := &process{cmd: cmd, pipe: repR, report: wire.New(struct {
		io.Reader
		io.Writer
	}{repR, io.Discard}), ended: make(chan struct{})}
	if err := p.launch(); err != nil {
		jobW.Close()
		repR.Close()
		return nil, err
	}
	_, err = jobW.Write(text)
	jobW.Close()
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("hand over job: %w", err)
	}
	return p, nil
}

// launch starts process 1 from a thread that lives as long as process 1: the death signal is tied to the thread.
func (p *process) launch() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // the report says how it went
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	return nil
}

// stop ends process 1, and with it every process inside.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // ended already: as it should be
	<-p.ended
	p.pipe.Close()
}

type frame struct {
	status int
	err    error
}

// listen waits for the report of process 1.
func (p *process) listen() frame {
	kind, payload, err := p.report.Read()
	switch {
	case err != nil:
		return frame{err: fmt.Errorf("process 1 ended before the command: %w", err)}
	case kind == wire.Failed:
		return frame{err: errors.New(string(payload))}
	case kind != wire.Exit:
		return frame{err: fmt.Errorf("frame %q from process 1: out of step", kind)}
	}
	// The output may still be on its way when it passes through this process.
	<-p.ended
	status, err := wire.Status(payload)
	return frame{status, err}
}
