// Package daemonize puts a daemon into the background and reports the real outcome of its start.
//
// A Go program cannot fork, so the program is started a second time, in a session of its own, and told by an environment
// variable that it is the daemon. The original process waits: it ends with status 0 when the daemon calls Ready, and
// with the daemon's own status if that ends before. Until Ready the daemon still has the standard error of the terminal,
// so whatever goes wrong is said there, by whoever found out, a crash included.
package daemonize

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Mode is how a daemon runs. The zero value is invalid.
type Mode uint8

// The modes: --nodaemon, --nofork, and what a daemon does without either.
const (
	Foreground Mode = iota + 1 // stay: same session, same standard descriptors
	NoFork                     // own session and no standard descriptors, but the same process
	Fork                       // a new process
)

// variable names the descriptor on which the daemon reports, in the environment of the process made by Start.
const variable = "PIRANHA_DAEMON_READY"

// Process is the process that is to do the daemon's work.
type Process struct {
	mode  Mode
	ready int // write end of the pipe to the original process, -1 if there is none
}

// Start returns the Process if this is the one that should go on as the daemon. In Fork mode the original process makes
// that process and waits in here; it gets an *Outcome, with which it should exit.
//
// Call it first, after the command line is checked and before files are opened: the new process starts from main.
// Descriptors the program inherited stay open in it under the same numbers.
func Start(mode Mode) (*Process, error) {
	p := &Process{mode: mode, ready: -1}
	if mode != Fork {
		return p, nil
	}
	value := os.Getenv(variable)
	if value == "" {
		return nil, startChild()
	}
	// Children of the daemon shall not believe that they are it.
	if err := os.Unsetenv(variable); err != nil {
		return nil, err
	}
	fd, err := readyPipe(value)
	if err != nil {
		return nil, errors.New(variable + "=" + value + ": " + err.Error())
	}
	p.ready = fd
	return p, nil
}

// readyPipe checks the descriptor that the environment names: it must be a pipe, or the variable is not ours.
func readyPipe(value string) (int, error) {
	fd, err := strconv.Atoi(value)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return -1, errors.New("not a pipe")
	}
	unix.CloseOnExec(fd)
	return fd, nil
}

// Ready ends the start: the daemon leaves the terminal and the original process exits with status 0. Errors found later
// can only be logged. If Ready fails the daemon must not go on; that is also so when the original process is gone,
// because then somebody interrupted the start.
func (p *Process) Ready() error {
	if p.mode == Foreground {
		return nil
	}
	// A process that leads its group already, as under a service manager or a shell, needs no new session.
	if _, err := unix.Setsid(); err != nil && err != unix.EPERM {
		return errors.New("new session: " + err.Error())
	}
	if p.ready < 0 {
		return detach()
	}
	defer unix.Close(p.ready)
	// Taken first, so that nothing can fail any more once success is reported.
	if err := detach(); err != nil {
		return err
	}
	if _, err := unix.Write(p.ready, []byte{success}); err != nil {
		return errors.New("start was interrupted: " + err.Error())
	}
	return nil
}

// success is what the daemon sends to the original process.
const success = '+'

// detach points the standard descriptors to /dev/null.
func detach() error {
	fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.New("open " + os.DevNull + ": " + err.Error())
	}
	defer unix.Close(fd)
	for standard := range 3 {
		if err := unix.Dup3(fd, standard, 0); err != nil {
			return errors.New("redirect descriptor " + strconv.Itoa(standard) + ": " + err.Error())
		}
	}
	return nil
}
