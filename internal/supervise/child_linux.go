package supervise

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// child is a running process. It is waited for through its pidfd, by the runtime's poller: waiting for the process
// itself would block a thread of ours for each.
type child struct {
	process *os.Process
	pidfd   *os.File // nil on kernels without (before 5.4)
	ended   chan struct{}
}

// start starts the program; input is its standard input if not nil, say the write end of its report pipe.
func start(c Command, input, say *os.File) (*child, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	if input == nil {
		input = null
	}
	pidfd := -1
	sys := &syscall.SysProcAttr{Credential: c.Credential, PidFD: &pidfd}
	if !c.Survives { // it also sees its report pipe close; the signal is for monitors that do not look
		sys.Pdeathsig = syscall.SIGTERM
	}
	process, err := os.StartProcess(c.Path, c.Args, &os.ProcAttr{Dir: "/", Env: c.Env, Files: c.files(input, null, say), Sys: sys})
	if err != nil {
		return nil, err
	}
	ch := &child{process: process, ended: make(chan struct{})}
	if pidfd >= 0 && syscall.SetNonblock(pidfd, true) == nil {
		ch.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	}
	return ch, nil
}

// files are the child's descriptors from 0 on.
func (c Command) files(input, null, say *os.File) []*os.File {
	switch {
	case c.ReportFD == 1:
		return []*os.File{input, say, say}
	case c.Output != nil:
		return []*os.File{input, c.Output, c.Output, say}
	case c.Complains:
		return []*os.File{input, null, say, say}
	}
	return []*os.File{input, null, null, say}
}

// wait reaps the process and says how it ended.
func (ch *child) wait() error {
	defer close(ch.ended)
	if ch.pidfd != nil {
		ch.await()
		ch.pidfd.Close()
	}
	state, err := ch.process.Wait()
	switch {
	case err != nil:
		return err
	case state.Success():
		return errEnded
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return errors.New("terminated with signal " + strconv.Itoa(int(ws.Signal())))
	}
	return errors.New("exited with status " + strconv.Itoa(state.ExitCode()))
}

// await parks the goroutine until the pidfd is readable, which it is once the process has ended.
func (ch *child) await() {
	raw, err := ch.pidfd.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// stop asks the process to end, and sees that it does.
func (ch *child) stop() {
	_ = ch.process.Signal(syscall.SIGTERM)
	select {
	case <-ch.ended:
	case <-time.After(Grace):
		_ = ch.process.Kill()
	}
}
