// Package program runs a short program: its standard output, bounded, how it ended, and an end to it and whatever it
// started when its time is over. It is small enough for a nanny, of which there is one for each real server.
package program

import (
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Outcome is how a run ended. The zero value is invalid.
type Outcome uint8

// The outcomes.
const (
	Exited      Outcome = iota + 1 // by itself: End.Status has its exit status
	Killed                         // by a signal: End.Status has it
	TimedOut                       // its time was over
	NotStarted                     // End.Errno says why
	Interrupted                    // a wake descriptor spoke
)

// End is how a run ended.
type End struct {
	Outcome Outcome
	Status  int
	Errno   unix.Errno
	Size    int // bytes it wrote, also those beyond MaxOutput
}

// MaxOutput is how many bytes of output are kept; the rest is read and dropped.
const MaxOutput = 64 << 10

// scratch is room for what is dropped, in bytes.
const scratch = 4 << 10

const (
	// reapTime is how long to wait for a program that has been killed. One that hangs in the kernel is waited for in the next run,
	// or beside us, looking every buryPause.
	reapTime  = 50 * time.Millisecond
	buryPause = time.Second
	// look is how often to look for the end of a program on kernels that have no pidfds (before 5.4).
	look = 10 * time.Millisecond
)

// Program runs one command again and again. Not for use by several goroutines at once.
type Program struct {
	argv    []string
	env     []string
	buf     []byte
	polls   []unix.PollFd // pidfd, output, then the wake descriptors
	left    unix.Timespec
	zombies []int // were killed and had not ended yet
}

// New prepares a command, argv[0] being a path or a name to look for in the PATH of env. A run ends as soon as one of
// the wake descriptors has one of its events.
func New(argv, env []string, wake ...unix.PollFd) *Program {
	return &Program{argv: argv, env: env, polls: append(make([]unix.PollFd, 2, 2+len(wake)), wake...)}
}

// Forget gives back the memory that Run keeps for the next run, and with it the output of the last; and it has a goroutine wait for
// each program that has not ended yet. Who runs one program again and again need not call it: goroutines take memory.
func (p *Program) Forget() {
	p.buf = nil
	for _, pid := range p.zombies {
		go bury(pid)
	}
	p.zombies = nil
}

// Run runs the program for at most limit. The output is good until the next run.
func (p *Program) Run(limit time.Duration) ([]byte, End) {
	deadline := time.Now().Add(limit)
	p.zombies = slices.DeleteFunc(p.zombies, buried)
	path, err := p.lookPath()
	if err != nil {
		return nil, notStarted(err)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, notStarted(err)
	}
	defer unix.Close(null)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, notStarted(err)
	}
	defer unix.Close(pipe[0])
	if err := unix.SetNonblock(pipe[0], true); err != nil {
		unix.Close(pipe[1])
		return nil, notStarted(err)
	}
	pidfd := -1
	pid, err := syscall.ForkExec(path, p.argv, &syscall.ProcAttr{
		Dir: "/", Env: p.env, Files: []uintptr{uintptr(null), uintptr(pipe[1]), uintptr(null)},
		Sys: &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd, Pdeathsig: syscall.SIGKILL},
	})
	unix.Close(pipe[1])
	if err != nil {
		return nil, notStarted(err)
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
	}
	return p.follow(pid, pidfd, pipe[0], deadline)
}

func notStarted(err error) End {
	errno, ok := err.(unix.Errno) //nolint:errorlint // system calls return it bare, and package errors takes memory
	if !ok {
		errno = unix.EINVAL
	}
	return End{Outcome: NotStarted, Errno: errno}
}

// follow reads the output until the program ends or has to be ended. Whatever it started and left in its process group goes
// with it: a check that leaves something behind does so thousands of times a day.
func (p *Program) follow(pid, pidfd, out int, deadline time.Time) ([]byte, End) {
	if p.buf == nil {
		p.buf = make([]byte, MaxOutput+scratch) // untouched parts take no memory
	}
	p.polls[0] = unix.PollFd{Fd: int32(pidfd), Events: unix.POLLIN}
	p.polls[1] = unix.PollFd{Fd: int32(out), Events: unix.POLLIN}
	size := 0
	for {
		ended, cut := p.wait(pid, deadline)
		if p.polls[1].Revents != 0 && p.drain(out, &size) {
			p.polls[1].Fd = -1 // it has closed its output
		}
		switch {
		case ended:
			p.drain(out, &size)
			end := finish(pid)
			end.Size = size
			return p.buf[:min(size, MaxOutput)], end
		case cut != 0:
			p.kill(pid, reapTime)
			return nil, End{Outcome: cut, Size: size}
		}
	}
}

// wait waits until something happens: the program has ended, or is to be ended.
func (p *Program) wait(pid int, deadline time.Time) (ended bool, cut Outcome) {
	left := max(0, time.Until(deadline))
	if p.polls[0].Fd < 0 {
		if exited(pid) {
			return true, 0
		}
		left = min(left, look)
	}
	p.left = unix.NsecToTimespec(int64(left))
	n, err := unix.Ppoll(p.polls, &p.left, nil)
	switch {
	case err != nil && err != unix.EINTR:
		return false, TimedOut
	case n > 0 && p.polls[0].Revents != 0:
		return true, 0
	}
	for i := range p.polls[2:] {
		if n > 0 && p.polls[2+i].Revents != 0 {
			return false, Interrupted
		}
	}
	// Also if there is output: a program that writes without end would have all the time it likes.
	if time.Until(deadline) <= 0 {
		return false, TimedOut
	}
	return false, 0
}

// exited tells whether the program has ended, and leaves it to be waited for.
func exited(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0
}

// drain reads what there is of the output, and tells whether that is its end.
func (p *Program) drain(out int, size *int) bool {
	for range MaxOutput / scratch { // one that writes without end must not keep us from looking at the time
		n, err := unix.Read(out, p.room(*size))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return false
		case n == 0:
			return true
		default:
			*size += n
		}
	}
	return false
}

// room is where to read to: behind what is there, or when that is full, where it is dropped.
func (p *Program) room(size int) []byte { return p.buf[min(size, MaxOutput):] }

// finish ends what the program left in its group, while its own number cannot be anybody else's yet, and waits for it.
func finish(pid int) End {
	_ = unix.Kill(-pid, unix.SIGKILL)
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return notStarted(err)
		case ws.Signaled():
			return End{Outcome: Killed, Status: int(ws.Signal())}
		}
		return End{Outcome: Exited, Status: ws.ExitStatus()}
	}
}

// kill ends the program and its group, and waits for it for as long as patience.
func (p *Program) kill(pid int, patience time.Duration) {
	_ = unix.Kill(-pid, unix.SIGKILL)
	for deadline := time.Now().Add(patience); !buried(pid); _, _ = unix.Poll(nil, 1) {
		if time.Now().After(deadline) {
			p.zombies = append(p.zombies, pid)
			return
		}
	}
}

// buried waits for a program if it has ended.
func buried(pid int) bool {
	if !exited(pid) {
		return false
	}
	finish(pid)
	return true
}

// bury waits for a program that takes its time to die, without a thread that waits for it alone.
func bury(pid int) {
	for !buried(pid) {
		time.Sleep(buryPause)
	}
}

// lookPath finds the program as execvp(3) does.
func (p *Program) lookPath() (string, error) {
	name := p.argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, v := range p.env {
		list, ok := strings.CutPrefix(v, "PATH=")
		for dir := range strings.SplitSeq(list, ":") {
			path := dir + "/" + name
			if ok && strings.HasPrefix(dir, "/") && unix.Access(path, unix.X_OK) == nil {
				return path, nil
			}
		}
	}
	return "", unix.ENOENT
}
