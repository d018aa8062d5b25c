// Package uml boots Debian's User-Mode Linux, a kernel with IPVS that runs as an ordinary process of an ordinary
// user, and runs one command inside.
package uml

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/lab/bed"
	"github.com/piranha-lvs/piranha/lab/wire"
)

// bootLimit is how long a kernel may take until the command starts. It needs well under a second.
const bootLimit = 60 * time.Second

// Available returns nil when this machine can boot the kernel, or says what is missing.
func Available() error {
	_, err := kernelPath()
	return err
}

func kernelPath() (string, error) {
	path, err := exec.LookPath("linux.uml")
	if err != nil {
		return "", fmt.Errorf("find kernel: %w", err)
	}
	return path, nil
}

// Run boots a kernel, runs the command inside and returns its exit status, 128+n when signal n ended it.
// An error means the bed itself failed. Whatever happens to this process, nothing of the kernel stays behind.
func Run(ctx context.Context, o bed.Options) (int, error) {
	kernel, err := kernelPath()
	if err != nil {
		return 0, err
	}
	self, err := o.Program()
	if err != nil {
		return 0, err
	}
	work, err := bed.NewWorkDir()
	if err != nil {
		return 0, err
	}
	defer work.Remove()
	if err := writeJob(work, o); err != nil {
		return 0, err
	}
	memory, err := parseSize(o.Memory)
	if err != nil {
		return 0, err
	}
	m := &machine{
		argv: commandLine(kernel, self, work.Path, o.Memory),
		env:  []string{"TMPDIR=" + memoryDir(memory), "PATH=" + os.Getenv("PATH"), "HOME=" + work.Path},
		self: self,
	}
	began := time.Now()
	if err := m.start(); err != nil {
		return 0, err
	}
	defer m.stop()
	status, err := converse(ctx, m, o, began)
	if err != nil && !bed.Asked(err) {
		m.stop()
		if reason := m.log.panicLine(); reason != "" {
			err = fmt.Errorf("%w: %s", err, reason)
		}
	}
	o.Tracef("the kernel ran %.2f s", time.Since(began).Seconds())
	if err != nil {
		o.Tracef("the kernel said:\n%s", m.log.String())
	}
	return status, err
}

// writeJob puts the job where init finds it.
func writeJob(work *bed.WorkDir, o bed.Options) error {
	job := o.Job()
	if job.Out == "" {
		job.Out = filepath.Join(work.Path, "out")
		if err := os.Mkdir(job.Out, 0o700); err != nil {
			return fmt.Errorf("make out directory: %w", err)
		}
	}
	text, err := job.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work.Path, "job"), text, 0o600); err != nil {
		return fmt.Errorf("write job: %w", err)
	}
	return nil
}

// commandLine returns the kernel's arguments. The kernel's descriptors 3 to 7 are the serial lines.
func commandLine(kernel, self, work, memory string) []string {
	return []string{
		kernel, "mem=" + memory,
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
		"init=" + quote(self), wire.JobEnv + "=" + quote(filepath.Join(work, "job")),
		// Nothing of this is used, and it is most of what a boot costs: a benchmark of RAID checksums (0.9 s) and
		// 256 old-style terminals (0.3 s).
		"initcall_blacklist=raid6_select_algo", "pty.legacy_count=0",
		"selinux=0", "quiet",
		"con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:3,fd:4", "ssl1=fd:5,null", "ssl2=fd:6,fd:7",
		"uml_dir=" + work, "umid=u",
	}
}

// quote protects blanks from the kernel's own splitting of its command line.
func quote(path string) string {
	if strings.ContainsAny(path, " \t") {
		return `"` + path + `"`
	}
	return path
}

// frame is one thing init said, or the error that ended the line.
type frame struct {
	kind    wire.Kind
	payload []byte
	err     error
}

// converse passes output, input and signals until init reports the exit status.
func converse(ctx context.Context, m *machine, o bed.Options, began time.Time) (int, error) {
	frames := make(chan frame)
	quit := make(chan struct{})
	defer close(quit)
	go listen(m.control, frames, quit)
	limit := time.NewTimer(bootLimit)
	defer limit.Stop()
	ready := false
	var early []os.Signal
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-limit.C:
			if !ready {
				return 0, fmt.Errorf("%w: kernel not up after %v", bed.ErrTimeout, bootLimit)
			}
			return 0, o.TimedOut()
		case sig := <-o.Signals:
			if !ready {
				early = append(early, sig)
			} else if err := sendSignal(m.control, sig); err != nil {
				return 0, err
			}
		case f := <-frames:
			if f.kind == wire.Ready && f.err == nil {
				ready = true
				limit.Reset(o.Timeout)
				o.Tracef("the command starts %.2f s after the kernel", time.Since(began).Seconds())
				go sendInput(m.input, o.Stdin)
				if o.Line != nil {
					go o.Line(m.line)
				}
				for _, sig := range early {
					if err := sendSignal(m.control, sig); err != nil {
						return 0, err
					}
				}
				continue
			}
			if status, done, err := handle(f, o); done || err != nil {
				return status, err
			}
		}
	}
}

// handle acts on one frame; done means that status is the command's.
func handle(f frame, o bed.Options) (status int, done bool, err error) {
	if f.err != nil {
		return 0, false, fmt.Errorf("kernel stopped before the command ended: %w", f.err)
	}
	switch f.kind {
	case wire.Stdout:
		return 0, false, emit(o.Stdout, f.payload)
	case wire.Stderr:
		return 0, false, emit(o.Stderr, f.payload)
	case wire.Exit:
		status, err = wire.Status(f.payload)
		return status, true, err
	case wire.Failed:
		return 0, false, errors.New(string(f.payload))
	default:
		return 0, false, fmt.Errorf("frame %q from init: line out of step", f.kind)
	}
}

func emit(w io.Writer, p []byte) error {
	if _, err := w.Write(p); err != nil {
		return fmt.Errorf("pass on output: %w", err)
	}
	return nil
}

// listen reads frames until the line or the conversation ends.
func listen(conn *wire.Conn, frames chan<- frame, quit <-chan struct{}) {
	for {
		kind, payload, err := conn.Read()
		select {
		case frames <- frame{kind, payload, err}:
		case <-quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// sendInput passes standard input on. It ends with the process at the latest: a read from a terminal cannot be
// interrupted.
func sendInput(conn *wire.Conn, from io.Reader) {
	if from != nil {
		// An error here means that the command is gone; its exit status says the rest.
		_, _ = io.Copy(conn.Stream(wire.Stdin), from)
	}
	_ = conn.Write(wire.StdinEOF, nil)
}
