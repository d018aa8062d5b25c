package pool

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// engine makes attempts, thousands at the same time, in the one goroutine that calls its methods. It decides when each
// check has its turn and waits for all sockets at once; how an attempt goes and is judged is package probe's business, as
// it is in a nanny.
type engine struct {
	base    time.Time // times are counted from here
	epoll   int
	file    *os.File // the same descriptor, for the runtime to wait for
	raw     syscall.RawConn
	poll    func(fd uintptr) bool
	events  []unix.EpollEvent
	ready   int // how many of the events are new
	scratch *probe.Scratch
	timers  timers
	checks  []*check // by number; nil: free
	free    []int32  // numbers

	open, most int           // sockets of checks
	starved    []*check      // wait for a socket, first come, first served
	dry        time.Duration // until when there is no use asking for a socket

	phase float64       // of the check that came last, 0 to 1
	entry time.Duration // of the first turn that was given out last
}

// turn is what a check does when its time has come.
type turn interface {
	begin()               // calls try; or has somebody else do something, and calls finish afterwards
	ended(r probe.Result) // takes the result of what was tried; calls try again, finish or putOff
}

// check has its turn again and again. Interval and turn are set before it is added.
type check struct {
	interval time.Duration // at least a millisecond
	turn     turn

	number  int32         // in the engine
	place   int           // among the timers; -1: not there
	at      time.Duration // when it wants attention
	slot    time.Duration // when its turn was to begin
	phase   time.Duration // of its slots in the interval
	removed bool

	test    *probe.Test // that is tried; nil: none
	attempt probe.Attempt
	started time.Duration
	serial  int32 // of the attempt, so that what comes late for an earlier one is known as that
	events  int16 // of the socket that are waited for
	resting bool  // it is, until at
	starved bool
}

const (
	// eventsAtOnce is how many sockets are looked at between two looks at the time.
	eventsAtOnce = 256
	// turnsAtOnce is how many turns begin between two looks at the sockets: when many are due at once, as after the machine
	// was suspended, what is under way is not forgotten for them.
	turnsAtOnce = 64
	// firstGap is from one first turn to the next: a service waits for its first checks, but a thousand at the same time
	// would be an attack.
	firstGap = 500 * time.Microsecond
	// grain is what the beginnings of turns are rounded up to: to wake up for each would cost more than the checks do.
	grain = 10 * time.Millisecond
	// dryTime is how long to wait before asking again for what this host has no more of.
	dryTime = 100 * time.Millisecond
	// golden, added again and again, divides an interval evenly after any number of times.
	golden = 0.6180339887498949
	// slow is how long a look at a socket may take for the others not to suffer. After one that takes longer the socket
	// rests for restFactor times as long: a regular expression can be made to look at a long reply byte by byte.
	slow       = 50 * time.Microsecond
	restFactor = 20
)

// newEngine returns an engine that opens so many sockets at the same time at most.
func newEngine(most int) (*engine, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, errors.New("epoll: " + err.Error())
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.New("epoll: " + err.Error())
	}
	e := &engine{
		base: time.Now(), epoll: fd, file: os.NewFile(uintptr(fd), "epoll"), most: most, entry: -firstGap,
		events: make([]unix.EpollEvent, eventsAtOnce), scratch: probe.NewScratch(),
	}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		return nil, errors.New("epoll: " + err.Error())
	}
	e.poll = func(uintptr) bool { e.look(); return e.ready > 0 }
	return e, nil
}

// close gives back what the engine holds.
func (e *engine) close() {
	for _, c := range e.checks {
		if c != nil {
			e.remove(c)
		}
	}
	e.file.Close()
}

// watch has wait tell of the events of a descriptor under a number from 0 to 31.
func (e *engine) watch(fd, number int, events uint32) error {
	return unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(-1 - number)})
}

// rewatch changes which events those are.
func (e *engine) rewatch(fd, number int, events uint32) error {
	return unix.EpollCtl(e.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(-1 - number)})
}

func (e *engine) now() time.Duration { return time.Since(e.base) }

// add takes a check in. Its first turn is soon; from then on it has its own phase of the interval, so that turns are spread
// over that however many checks come and go.
func (e *engine) add(c *check) {
	if n := len(e.free); n > 0 {
		c.number, e.free = e.free[n-1], e.free[:n-1]
		e.checks[c.number] = c
	} else {
		c.number = int32(len(e.checks))
		e.checks = append(e.checks, c)
	}
	if e.phase += golden; e.phase >= 1 {
		e.phase--
	}
	c.phase, c.place = time.Duration(e.phase*float64(c.interval)), -1
	c.slot = c.next(e.now())
	e.timers.set(c, c.slot)
	e.hurry(c)
}

// hurry has a check that waits for its turn have one soon.
func (e *engine) hurry(c *check) {
	if first := max(e.now(), e.entry+firstGap); c.waits() && first < c.slot {
		e.entry, c.slot = first, first
		e.timers.set(c, first)
	}
}

// waits tells whether the check waits for its turn.
func (c *check) waits() bool { return c.place >= 0 && c.test == nil }

// next is the first slot at or after t.
func (c *check) next(t time.Duration) time.Duration {
	return c.phase + max(0, (t-c.phase+c.interval-1)/c.interval)*c.interval
}

// finish ends a turn. The next follows at a fixed rate, so that slow replies do not make checks rarer. Those that were
// missed are not made up for, but for the last: it begins at once.
func (e *engine) finish(c *check) {
	if c.removed {
		return
	}
	now := e.now()
	c.slot = c.next(c.slot + c.interval/2) // the first turn was at any time
	if c.slot < now {
		c.slot = c.next(now - c.interval + 1)
	}
	e.timers.set(c, (c.slot+grain-1)/grain*grain)
}

// putOff ends a turn in which the check could not be made: another begins soon.
func (e *engine) putOff(c *check) { e.timers.set(c, e.now()+min(c.interval, nanny.LackPause)) }

// remove ends a check. If others do something for it, finish has no effect.
func (e *engine) remove(c *check) {
	c.removed = true
	e.timers.drop(c)
	if c.test != nil && !c.starved {
		e.hangUp(c, probe.Result{})
	}
	e.checks[c.number] = nil
	e.free = append(e.free, c.number)
}

// try makes an attempt as soon as there is a socket for it.
func (e *engine) try(c *check, t *probe.Test) {
	c.test = t
	if len(e.starved) > 0 || !e.plenty() {
		e.starve(c)
		return
	}
	e.attempt(c)
}

// starve puts an attempt off until there is a socket: trouble of this host does not speak against a server.
func (e *engine) starve(c *check) {
	c.starved = true
	e.starved = append(e.starved, c)
}

// plenty tells whether there seems to be a socket for another attempt.
func (e *engine) plenty() bool { return e.open < e.most && (e.dry == 0 || e.now() >= e.dry) }

// feed makes the attempts that wait for sockets.
func (e *engine) feed() {
	for range len(e.starved) {
		if !e.plenty() {
			return
		}
		c := e.starved[0]
		e.starved[0] = nil
		e.starved = e.starved[1:]
		if !c.removed {
			e.attempt(c)
		}
	}
}

func (e *engine) attempt(c *check) {
	c.starved = false
	c.started = e.now()
	e.open++
	e.proceed(c, c.attempt.Begin(c.test, e.scratch))
}

// proceed waits for what comes after a step of an attempt that had the result r.
func (e *engine) proceed(c *check, r probe.Result) {
	if !r.Decided() {
		r = e.await(c)
	}
	if !r.Decided() {
		return
	}
	r.Duration = e.now() - c.started
	e.timers.drop(c)
	e.hangUp(c, r)
	if r.Outcome == probe.NoSocket && r.Lacks() {
		e.dry = e.now() + dryTime
		e.starve(c)
		return
	}
	c.test = nil
	c.attempt.Forget(e.scratch)
	c.turn.ended(r)
}

// hangUp closes the socket of an attempt.
func (e *engine) hangUp(c *check, r probe.Result) {
	c.attempt.End(r, e.scratch)
	c.events, c.resting = 0, false
	c.serial++
	e.open--
	e.dry = 0
}

// await waits for the next step of an attempt: nothing is decided, unless that cannot be done.
func (e *engine) await(c *check) probe.Result {
	e.timers.set(c, c.attempt.Deadline().Sub(e.base))
	if err := e.listen(c, c.attempt.Events()); err != nil {
		errno, _ := err.(unix.Errno) //nolint:errorlint // straight from a system call, and errors.As allocates
		return probe.Result{Outcome: probe.NoSocket, Errno: errno}
	}
	c.resting = false
	return probe.Result{}
}

// listen waits for events of the check's socket.
func (e *engine) listen(c *check, events int16) error {
	if events == c.events {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	if c.events == 0 && !c.resting {
		op = unix.EPOLL_CTL_ADD
	}
	c.events = events
	return unix.EpollCtl(e.epoll, op, c.attempt.FD(), &unix.EpollEvent{Events: uint32(events), Fd: c.number, Pad: c.serial})
}

// wait waits for whatever comes next and deals with it. It returns which of the watched descriptors have events, as a set of
// their numbers.
func (e *engine) wait() (others uint32) {
	e.sleep(e.pause())
	for _, ev := range e.events[:e.ready] {
		if ev.Fd < 0 {
			others |= 1 << (-1 - ev.Fd)
			continue
		}
		// What is known of a socket may be about one that is closed by now.
		if c := e.checks[ev.Fd]; c != nil && c.serial == ev.Pad && c.events != 0 {
			e.advance(c)
		}
	}
	e.due()
	e.feed()
	return others
}

// forever is a pause without end.
const forever = time.Duration(1<<63 - 1)

// pause is how long there is nothing to do unless something happens.
func (e *engine) pause() time.Duration {
	pause := forever
	if c := e.timers.first(); c != nil {
		pause = max(0, c.at-e.now())
	}
	if len(e.starved) > 0 && e.open < e.most {
		pause = min(pause, dryTime)
	}
	return pause
}

// sleep waits for events, but no longer than the pause. The runtime does the waiting, as it does for everything in Go: a
// thread that does it in a system call of its own keeps the runtime's monitor awake, which takes more time than the checks.
func (e *engine) sleep(pause time.Duration) {
	if e.look(); e.ready > 0 || pause == 0 {
		return
	}
	var deadline time.Time
	if pause < forever {
		deadline = time.Now().Add(pause)
	}
	if err := e.file.SetReadDeadline(deadline); err == nil {
		_ = e.raw.Read(e.poll) // the deadline is an error
	}
}

// look takes the events there are.
func (e *engine) look() {
	room := unsafe.Pointer(unsafe.SliceData(e.events))
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.epoll), uintptr(room), uintptr(len(e.events)), 0, 0, 0)
	if e.ready = int(n); errno != 0 { // EINTR
		e.ready = 0
	}
}

// advance goes on with an attempt the socket of which is ready.
func (e *engine) advance(c *check) {
	before := e.now()
	r := c.attempt.Go(e.scratch)
	took := e.now() - before
	if r.Decided() || took < slow || !c.test.HasMatch() {
		e.proceed(c, r)
		return
	}
	if err := e.listen(c, 0); err == nil {
		c.resting = true
		e.timers.set(c, min(before+restFactor*took, c.attempt.Deadline().Sub(e.base)))
	}
}

// due deals with the checks whose time has come.
func (e *engine) due() {
	now := e.now()
	for range turnsAtOnce {
		c := e.timers.first()
		switch {
		case c == nil || c.at > now:
			return
		case c.test == nil:
			e.timers.drop(c)
			c.turn.begin()
		case c.ready():
			e.advance(c)
		case c.resting && c.attempt.Deadline().Sub(e.base) > now:
			e.proceed(c, probe.Result{})
		default:
			e.proceed(c, c.attempt.Late())
		}
	}
}

// ready looks at the socket once more: this process may have been stopped, not the server.
func (c *check) ready() bool {
	polls := [1]unix.PollFd{{Fd: int32(c.attempt.FD()), Events: c.attempt.Events()}}
	n, err := unix.Poll(polls[:], 0)
	return n > 0 && err == nil
}
