package probe

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/program"
)

// Script makes attempts by running a program (send_program). With Expect the program must end with status 0 and write
// just that, a line end at the end not counted; without, the status alone decides. The original took a failing program
// for a success when there was something to expect, and never took one for a success when there was not (reference:
// piranha-lvs-nanny.md 3.5).
type Script struct {
	program   *program.Program
	expect    string
	hasExpect bool
	timeout   time.Duration
}

var errCommand = errors.New("no command to run")

// NewScript returns a Script that runs argv with the environment env, for c.Timeout at most; c.Send is not looked at.
func NewScript(argv, env []string, c Check, wake ...unix.PollFd) (*Script, error) {
	switch {
	case len(argv) == 0:
		return nil, errCommand
	case c.Timeout <= 0:
		return nil, errTimeout
	case len(c.Expect) > program.MaxOutput:
		return nil, errExpect
	}
	return &Script{program: program.New(argv, env, wake...), expect: c.Expect, hasExpect: c.HasExpect, timeout: c.Timeout}, nil
}

// Run makes one attempt.
func (s *Script) Run() Result {
	start := time.Now()
	r := s.attempt()
	r.Duration = time.Since(start)
	return r
}

// Forget gives back the memory that Run keeps for the next attempt.
func (s *Script) Forget() { s.program.Forget() }

func (s *Script) attempt() Result {
	out, end := s.program.Run(s.timeout)
	switch end.Outcome {
	case program.Interrupted:
		return Result{Outcome: Interrupted}
	case program.NotStarted:
		return Result{Outcome: NotStarted, Errno: end.Errno}
	case program.TimedOut:
		return Result{Outcome: ProgramTimeout, Timeout: s.timeout}
	case program.Killed:
		return Result{Outcome: ProgramKilled, Status: end.Status}
	}
	switch {
	case end.Status != 0:
		return Result{Outcome: ProgramFailed, Status: end.Status}
	case !s.hasExpect:
		return Result{Outcome: Up}
	}
	return s.judge(out, end.Size)
}

// judge compares the output, of which size bytes were written in all.
func (s *Script) judge(out []byte, size int) Result {
	if n := len(out); n > 0 && n == size && out[n-1] == '\n' {
		out, size = out[:n-1], size-1
	}
	if size == len(s.expect) && string(out) == s.expect {
		return Result{Outcome: Up}
	}
	r := mismatch(s.expect, out)
	r.Got = size
	return r
}
