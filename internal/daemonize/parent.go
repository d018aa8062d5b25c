package daemonize

import (
	"errors"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Outcome is how the start of a daemon ended, for the process that asked for it. It is an error so that main can hand
// it to cmdline.Exit.
type Outcome struct {
	Code int    // exit status: 0 the daemon is running, else the daemon's own
	Text string // what the daemon could not say itself; mostly empty
}

// Error returns the text.
func (o *Outcome) Error() string { return o.Text }

// ExitCode returns the status.
func (o *Outcome) ExitCode() int { return o.Code }

// startChild starts this program again as the daemon and waits until it is ready or dead.
func startChild() error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return errors.New("pipe: " + err.Error())
	}
	defer unix.Close(pipe[0])
	pid, err := execSelf(pipe[1])
	unix.Close(pipe[1])
	if err != nil {
		return errors.New("start in background: " + err.Error())
	}
	var buf [1]byte
	for {
		n, err := unix.Read(pipe[0], buf[:])
		switch {
		case err == unix.EINTR:
		case n == 1 && buf[0] == success:
			return &Outcome{}
		default:
			return wait(pid)
		}
	}
}

// execSelf starts this program with the same arguments and one more descriptor, which keeps its number: the descriptors
// the program inherited may have any other. By its path, not /proc/self/exe, or ps and pidof would call it "exe".
func execSelf(ready int) (pid int, err error) {
	path, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if _, err := unix.FcntlInt(uintptr(ready), unix.F_SETFD, 0); err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), variable+"="+strconv.Itoa(ready)),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

// wait collects a daemon that ended before it was ready.
func wait(pid int) error {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return errors.New("wait for the daemon: " + err.Error())
		case status.Signaled():
			// As a shell puts it: 128 and the number of the signal.
			return &Outcome{Code: 128 + int(status.Signal()), Text: "killed during start: " + status.Signal().String()}
		case status.ExitStatus() == 0:
			// --help and the like never get here, so a daemon that ends at once and content is still a failure.
			return &Outcome{Code: 1, Text: "ended during start"}
		default:
			return &Outcome{Code: status.ExitStatus()}
		}
	}
}
