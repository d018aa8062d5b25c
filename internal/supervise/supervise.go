// Package supervise keeps a child process running and passes on what it says.
package supervise

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// Command is a program to keep running.
type Command struct {
	Path       string
	Args       []string // the whole argument vector, Args[0] included
	Env        []string
	Credential *syscall.Credential // nil: as this process

	// ReportFD is the descriptor on which the child says its lines: 3 for a pipe made for it, or 1 for its standard
	// output and error.
	ReportFD int
	// Complains: what the child writes to its standard error are lines it says, too, unless there is an Output: the only
	// place where a program that cannot start tells why.
	Complains bool
	// Survives: the child is not told when we die; it sees its report pipe close.
	Survives bool

	// Feed, when not nil, writes the child's standard input, in a goroutine of its own for each start. It returns soon after
	// ctx is done or a write fails; what the child reads ends with that.
	Feed func(ctx context.Context, w io.Writer)

	// Output, when not nil, takes the child's standard output and error (unless ReportFD is 1).
	Output *os.File
}

// Event is something that happened to a child. Exactly one field is set.
type Event struct {
	Pid  int    // it was started
	Line string // it said a line, without the newline
	Long string // it said a line that is too long to be kept: its first 1024 bytes
	Died error  // it ended, or could not be started; the next start follows after a pause
}

// Backoff is the pause between the death of a child and its next start: First at first, twice as long each time, Max at
// most, and First again after the child ran for Settled.
type Backoff struct {
	First, Max, Settled time.Duration
}

// Grace is how long a child may take to end after SIGTERM before it is killed.
const Grace = 2 * time.Second

// maxLine bounds the lines a child can make us keep, in bytes with the newline. What follows in a longer one is dropped: it
// could look like another line.
const maxLine = 1024

// Keep starts the program, and starts it again whenever it ends, until ctx is done; then it ends the child, with
// SIGTERM first, and returns. What to start is asked for each time. It calls tell for each event, from this goroutine.
func Keep(ctx context.Context, next func() Command, b Backoff, tell func(Event)) {
	keep(ctx, b, tell, func() error { return Run(ctx, next(), tell) })
}

// keep is the loop of Keep over a run function.
func keep(ctx context.Context, b Backoff, tell func(Event), run func() error) {
	pause := b.First
	for {
		started := time.Now()
		err := run()
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) >= b.Settled {
			pause = b.First
		}
		tell(Event{Died: err})
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, b.Max)
	}
}

var errEnded = errors.New("exited with status 0")

// Run runs the program once, until it ends or ctx is done, and tells about it as Keep does, but for its end: that is the
// error, which is never nil.
func Run(ctx context.Context, c Command, tell func(Event)) error {
	said, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	var input, feed *os.File
	if c.Feed != nil {
		if input, feed, err = os.Pipe(); err != nil {
			say.Close()
			return err
		}
	}
	child, err := start(c, input, say)
	say.Close()
	input.Close() // of no file it does nothing
	if err != nil {
		feed.Close()
		return err
	}
	tell(Event{Pid: child.process.Pid})
	defer c.feed(ctx, feed)()
	stop := context.AfterFunc(ctx, child.stop)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- child.wait()
		_ = said.SetReadDeadline(time.Now())
	}()
	lines(newReport(said), tell)
	return <-ended
}

// feed begins to write the child's standard input. What it returns ends that, and waits until it has ended.
func (c Command) feed(ctx context.Context, w *os.File) (stop func()) {
	if c.Feed == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer w.Close()
		c.Feed(ctx, w)
	}()
	return func() {
		cancel()
		_ = w.SetWriteDeadline(time.Now()) // nobody reads any more
		<-ended
	}
}

// lines tells of each line that comes from r, until that ends.
func lines(r io.Reader, tell func(Event)) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := br.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			tell(Event{Long: string(line)})
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = br.ReadSlice('\n')
			}
		case len(line) > 0:
			tell(Event{Line: strings.TrimSuffix(string(line), "\n")})
		}
		if err != nil {
			return
		}
	}
}
