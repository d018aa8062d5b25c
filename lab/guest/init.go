// Package guest is what runs as process 1 inside: it prepares a kernel that has just booted (or, on the machine's
// own kernel, a set of fresh namespaces), runs one command, reports its exit status and ends.
package guest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// The serial lines lab talks through: control carries frames both ways, input the command's standard input alone,
// so that a command that does not read cannot hold up a signal.
const (
	controlLine = "/dev/ttyS0"
	inputLine   = "/dev/ttyS1"
)

// Init is process 1 of a kernel booted by lab run. It does not return.
func Init() {
	control, err := openLine(controlLine)
	if err == nil {
		conn := wire.New(control)
		if err = boot(conn); err != nil {
			// Nobody is left to tell when this fails too: lab sees the line close.
			_ = conn.Write(wire.Failed, []byte(err.Error()))
		}
	}
	powerOff()
}

func powerOff() {
	unix.Sync()
	time.Sleep(10 * time.Millisecond) // lets the last frame leave the line's buffer
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	os.Exit(1)
}

// openLine opens a serial line and makes it a plain byte stream: no echo, no line ends changed.
func openLine(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read settings of %s: %w", path, err)
	}
	tio.Iflag, tio.Oflag, tio.Lflag = 0, 0, 0
	tio.Cflag = tio.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
	tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, tio); err != nil {
		return nil, fmt.Errorf("make %s raw: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// boot prepares the kernel, runs the job and reports.
func boot(conn *wire.Conn) error {
	text, err := os.ReadFile(os.Getenv(wire.JobEnv))
	if err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	job, err := wire.DecodeJob(text)
	if err != nil {
		return err
	}
	if err := prepare(job); err != nil {
		return err
	}
	status, err := serve(conn, job)
	if err != nil {
		return err
	}
	// The out directory is written back by now or never: lab ends this kernel as soon as it knows the status.
	if err := syncDir(wire.OutDir); err != nil {
		return err
	}
	return conn.WriteStatus(status)
}

func prepare(job wire.Job) error {
	if err := mountKernel(); err != nil {
		return err
	}
	version, err := release()
	if err != nil {
		return err
	}
	tree, err := readTree(filepath.Join(moduleRoot, version))
	if err != nil {
		return err
	}
	if err := tree.load("overlay"); err != nil {
		return err
	}
	if err := mountPrivate(); err != nil {
		return err
	}
	if err := (mount{"none", wire.OutDir, "hostfs", 0, job.Out}).do(); err != nil {
		return err
	}
	if err := offerModules(version); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("lab")); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	return tree.load(Modules()...)
}

// serve starts the command, passes its output, input and signals along and waits for it.
func serve(conn *wire.Conn, job wire.Job) (int, error) {
	stdin, inW, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("make pipe: %w", err)
	}
	stdout, outPump, err := pump(conn, wire.Stdout)
	if err != nil {
		return 0, err
	}
	stderr, errPump, err := pump(conn, wire.Stderr)
	if err != nil {
		return 0, err
	}
	input, err := openLine(inputLine)
	if err != nil {
		return 0, err
	}
	if err := conn.Write(wire.Ready, nil); err != nil {
		return 0, err
	}
	pid, status, startErr := start(job, "uml", [3]uintptr{stdin.Fd(), stdout.Fd(), stderr.Fd()})
	for _, f := range []*os.File{stdin, stdout, stderr} {
		f.Close()
	}
	if startErr != nil {
		return status, conn.Write(wire.Stderr, []byte("lab: "+startErr.Error()+"\n"))
	}
	// These two end with the kernel: nothing can interrupt a read from a line.
	go feed(wire.New(input), inW)
	go signals(conn, pid)
	status, err = wait(pid)
	<-outPump
	<-errPump
	return status, err
}

// pump returns a file whose content is sent as frames of the given kind, and a channel closed at its end.
func pump(conn *wire.Conn, kind wire.Kind) (*os.File, <-chan struct{}, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make pipe: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A failed line means lab is gone, and this kernel with it.
		_, _ = io.CopyBuffer(struct{ io.Writer }{conn.Stream(kind)}, struct{ io.Reader }{r}, make([]byte, wire.Chunk))
	}()
	return w, done, nil
}

// feed writes what arrives on the input line to the command.
func feed(input *wire.Conn, to *os.File) {
	defer to.Close()
	broken := false
	for {
		kind, payload, err := input.Read()
		if err != nil || kind == wire.StdinEOF {
			return
		}
		// A command that closed its input is no reason to stop reading: the other side would block.
		if !broken {
			_, err = to.Write(payload)
			broken = err != nil
		}
	}
}

// signals delivers what lab passes on to the command's process group.
func signals(conn *wire.Conn, pid int) {
	for {
		kind, payload, err := conn.Read()
		if err != nil {
			return
		}
		if kind == wire.Signal && len(payload) == 1 {
			_ = unix.Kill(-pid, syscall.Signal(payload[0])) // gone already: nothing to deliver
		}
	}
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write back %s: %w", dir, err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("write back %s: %w", dir, err)
	}
	return nil
}

// Kernel names the kind of bed the process runs in: "uml", "host", or "" when it is not inside lab run.
func Kernel() string { return strings.TrimSpace(os.Getenv("LAB_KERNEL")) }
