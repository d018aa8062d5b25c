package nanny

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// Heavy is a check that the small nanny has not: *checks.Check. Step, if not nil, is told every step in a line. It ends soon
// after ctx is done, but nobody here waits for that.
type Heavy interface {
	Run(ctx context.Context, step func(string)) probe.Result
}

// interruptible makes a Heavy fit into the one poll of a nanny: the check runs in a goroutine, whose end a pipe tells.
type interruptible struct {
	check Heavy
	step  func(string)  // nil: nobody wants to know
	polls []unix.PollFd // the pipe, then the wake descriptors
	tell  int           // write end of the pipe
}

func newInterruptible(check Heavy, step func(string), wake []unix.PollFd) (*interruptible, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, errors.New("pipe: " + err.Error())
	}
	polls := append([]unix.PollFd{{Fd: int32(pipe[0]), Events: unix.POLLIN}}, wake...)
	return &interruptible{check: check, step: step, polls: polls, tell: pipe[1]}, nil
}

// Run makes one attempt, and leaves it to end by itself as soon as a wake descriptor speaks.
func (i *interruptible) Run() probe.Result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results := make(chan probe.Result, 1)
	go func() {
		results <- i.check.Run(ctx, i.step)
		_, _ = unix.Write(i.tell, []byte{0}) // full only with the ends of attempts that were left, one of which will do
	}()
	for {
		_, err := unix.Poll(i.polls, -1)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return <-results // without memory for a poll: it has a time limit
		}
		for _, p := range i.polls[1:] {
			if p.Revents != 0 {
				return probe.Result{Outcome: probe.Interrupted}
			}
		}
		var ends [64]byte
		_, _ = unix.Read(int(i.polls[0].Fd), ends[:])
		select {
		case r := <-results:
			return r
		default: // an attempt that was left has ended now
		}
	}
}
