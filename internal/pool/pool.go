// Package pool makes the checks of thousands of real servers in one process, with the results, the reports and the log
// lines of as many nannies. Checks that connect, send and expect are made by one goroutine, which waits for all of them at
// once; programs and whatever else waits by itself run beside it, a limited number at a time.
package pool

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// Limits.
const (
	// inboxSize is how many messages of other goroutines may wait.
	inboxSize = 256
	// leaveTime is how long programs may take to die at the end.
	leaveTime = 100 * time.Millisecond
	// complainPause is how long nothing is said about what this host lacks when that has been mentioned.
	complainPause = time.Minute
)

// share is how many of everything there may be at the same time.
type share struct {
	programs int // send_program and load commands, each with a process, a thread and four descriptors
	talks    int // checks with TLS, HTTP or the like, each with a goroutine and a descriptor
	sockets  int // of the checks that one goroutine makes
}

// divide divides the descriptors this process may have, so that no kind of check can take what another needs.
func divide(files int) share {
	const own = 64 // for everything else
	s := share{programs: min(256, files/16), talks: min(768, files/4)}
	s.sockets = max(files-4*s.programs-s.talks-own, own)
	return s
}

// Numbers of the descriptors that the loop watches beside the checks.
const (
	bellEvents = iota
	reportEvents
)

// Pool makes checks. All state belongs to the goroutine of Run, others hand it functions with do.
type Pool struct {
	log     *eventlog.Logger
	full    nanny.Full
	env     []string // of programs
	engine  *engine
	reports *reports
	members map[string]*member
	shared  map[nanny.Options]*job
	crew    crew // for programs
	talks   crew
	ctx     context.Context // of the talks
	cancel  context.CancelFunc

	inbox      chan func()
	bell       int           // counts messages in the inbox
	ended      chan struct{} // closed when Run ends: nobody reads the inbox any more
	leaving    bool
	late       int        // checks that this host could not make just now
	lacking    unix.Errno // why the last of them was not
	complained time.Time
	wake       []unix.PollFd // breaks programs off
}

// New returns a Pool that reports on a descriptor.
func New(log *eventlog.Logger, full nanny.Full, report int) (*Pool, error) {
	room := divide(files())
	e, err := newEngine(room.sockets)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		log: log, full: full, env: os.Environ(), engine: e, reports: newReports(e, report),
		members: map[string]*member{}, shared: map[nanny.Options]*job{},
		inbox: make(chan func(), inboxSize), ended: make(chan struct{}), crew: crew{most: room.programs}, talks: crew{most: room.talks},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.New("eventfd: " + err.Error())
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.New("eventfd: " + err.Error())
	}
	p.wake = []unix.PollFd{{Fd: int32(stop), Events: unix.POLLIN}}
	return p, e.watch(p.bell, bellEvents, unix.EPOLLIN)
}

// files is how many descriptors this process may have. The runtime has raised the limit as far as it may.
func files() int {
	const usual = 1024
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return usual
	}
	return int(min(limit.Cur, 1<<30))
}

// do has the loop call f. It waits when too much is waiting already.
func (p *Pool) do(f func()) {
	select {
	case p.inbox <- f:
		p.ring()
	case <-p.ended:
	}
}

func (p *Pool) ring() { _, _ = unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// Run makes checks until quit is called, or nobody listens any more.
func (p *Pool) Run() {
	defer p.leave()
	for !p.leaving {
		others := p.engine.wait()
		if others&(1<<bellEvents) != 0 {
			p.receive()
		}
		if others&(1<<reportEvents) != 0 && p.reports.broken() {
			p.log.Info("lvsd is gone")
			return
		}
		p.reports.flush()
		p.complain()
	}
}

// complain says that checks are late, and why.
func (p *Pool) complain() {
	waiting, why := len(p.engine.starved)+p.late, lackText(p.lacking)
	p.late, p.lacking = 0, 0
	if waiting == 0 || !p.complained.IsZero() && time.Since(p.complained) < complainPause {
		return
	}
	p.complained = time.Now()
	p.log.Warn("checks are late: "+why, "waiting", itoa(waiting), "in use", itoa(p.engine.open))
}

// lack takes note of a check that could not be made.
func (p *Pool) lack(r probe.Result) {
	p.late++
	p.lacking = r.Errno
}

// lackText says what this host lacks, and what to do. Checks that wait for sockets give no errno.
func lackText(errno unix.Errno) string {
	switch errno {
	case 0, unix.EMFILE:
		return "no descriptors left, see ulimit -n"
	case unix.EAGAIN:
		return "no processes left, see ulimit -u and TasksMax of systemd"
	}
	return errno.Error()
}

// receive takes messages, so many at most that the checks do not have to wait.
func (p *Pool) receive() {
	var count [8]byte
	_, _ = unix.Read(p.bell, count[:])
	for range inboxSize {
		select {
		case f := <-p.inbox:
			f()
		default:
			return
		}
	}
	p.ring()
}

// quit ends Run. It is called by the loop.
func (p *Pool) quit() { p.leaving = true }

// leave ends what is under way.
func (p *Pool) leave() {
	close(p.ended)
	p.cancel()
	_, _ = unix.Write(int(p.wake[0].Fd), []byte{1, 0, 0, 0, 0, 0, 0, 0})
	p.crew.await(leaveTime)
	p.engine.close()
}

// Signal does what a signal asks for: all but the end is for single nannies.
func (p *Pool) Signal(s syscall.Signal) {
	p.do(func() {
		if s == syscall.SIGTERM || s == syscall.SIGINT {
			p.log.Info("Terminating due to signal " + itoa(int(s)))
			p.quit()
			return
		}
		p.log.Info("signal " + itoa(int(s)) + " ignored: it would be about all servers")
	})
}
