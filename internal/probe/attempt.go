package probe

import (
	"time"

	"golang.org/x/sys/unix"
)

// Scratch is memory an attempt needs while it goes a step. Nothing stays there between steps, so that one does for any
// number of attempts that take turns.
type Scratch struct {
	buf    []byte
	spare  []byte // for the rest of an attempt that needs one
	self   address
	linger unix.Linger
}

// NewScratch returns a Scratch that is large enough for every Test.
func NewScratch() *Scratch { return newScratch(maxBuffer) }

func newScratch(size int) *Scratch {
	return &Scratch{buf: make([]byte, size), linger: unix.Linger{Onoff: 1, Linger: 0}}
}

// step is where an attempt stands.
type step uint8

const (
	connecting step = iota + 1
	writing
	reading
)

// Attempt is one attempt as a chain of steps that never wait, for whoever does the waiting: Begin, then Go whenever the
// socket FD is ready for Events, or Late when it was not by the Deadline, until a Result is decided; then End. The same
// Attempt can be begun again.
type Attempt struct {
	test     *Test
	fd       int
	step     step
	sent     int    // bytes of the text
	got      int    // bytes of the reply
	rest     []byte // of the reply, as far as a Match has looked at it in vain
	deadline time.Time
}

// FD is the socket.
func (a *Attempt) FD() int { return a.fd }

// Events are those to wait for, as poll(2) and epoll(7) name them.
func (a *Attempt) Events() int16 {
	if a.step == reading {
		return unix.POLLIN
	}
	return unix.POLLOUT
}

// Deadline is until when to wait. It changes with the steps.
func (a *Attempt) Deadline() time.Time { return a.deadline }

// Begin begins an attempt.
func (a *Attempt) Begin(t *Test, s *Scratch) Result {
	*a = Attempt{test: t, fd: -1, rest: a.rest[:0]}
	kind := unix.SOCK_STREAM
	if t.protocol == UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(t.addr.family(), kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return failed(NoSocket, err)
	}
	a.fd = fd
	if t.source != nil {
		if err := bindTo(fd, t.source); err != nil {
			return failed(NoSocket, err)
		}
	}
	a.enter(connecting)
	switch errno := connect(fd, &t.addr); errno {
	case 0:
		return a.connected(s)
	case unix.EINPROGRESS, unix.EINTR:
		return Result{}
	default:
		return failed(ConnectFailed, errno)
	}
}

// bindTo has a socket connect from an address, the port of which is chosen when it is known to where: there are more then.
func bindTo(fd int, source unix.Sockaddr) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // works for IPv6 too; Linux 4.2
	return unix.Bind(fd, source)
}

// End gives back what the attempt holds, given its result.
func (a *Attempt) End(r Result, s *Scratch) {
	if a.fd < 0 {
		return
	}
	if a.test.protocol == TCP && r.Outcome != Up {
		// A healthy server sees an orderly end: many log a reset as an error or count it against the client. One that
		// is not would leave half-closed connections behind on both sides, attempt by attempt: reset it.
		_ = unix.SetsockoptLinger(a.fd, unix.SOL_SOCKET, unix.SO_LINGER, &s.linger)
	}
	hangUp(a.fd)
	a.fd = -1
}

// Forget gives back the memory that End leaves for the next attempt.
func (a *Attempt) Forget(s *Scratch) {
	if cap(a.rest) > cap(s.spare) {
		s.spare = a.rest[:0]
	}
	a.rest = nil
}

// enter begins a step, which has a time limit of its own.
func (a *Attempt) enter(s step) {
	a.step, a.deadline = s, time.Now().Add(a.test.timeout)
}

// Go goes on as far as it can without waiting.
func (a *Attempt) Go(s *Scratch) Result {
	switch a.step {
	case connecting:
		code, err := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			return failed(ConnectFailed, err)
		case unix.Errno(code) == unix.ECONNRESET:
			return a.brokenOff()
		case code != 0:
			return failed(ConnectFailed, unix.Errno(code))
		}
		return a.connected(s)
	case writing:
		return a.write()
	case reading:
		return a.read(s)
	}
	return Result{}
}

// Late is the result if the deadline has passed and the socket is not ready.
func (a *Attempt) Late() Result {
	r := Result{Outcome: ConnectTimeout, Timeout: a.test.timeout}
	switch a.step {
	case connecting:
	case writing:
		r.Outcome = WriteTimeout
	case reading:
		r.Outcome, r.Got, r.Want = ReadTimeout, a.got, a.test.want()
	}
	return r
}

func (a *Attempt) connected(s *Scratch) Result {
	switch {
	case !a.connectedToSelf(&s.self):
		a.enter(writing)
		return a.write()
	case a.test.protocol == UDP:
		return failed(ReadFailed, unix.ECONNREFUSED)
	}
	return failed(ConnectFailed, unix.ECONNREFUSED)
}

// brokenOff is the result if the connection came about and was reset before anybody here had a look at it: the same as if that
// had been in time. An attempt to connect that is turned away is refused.
func (a *Attempt) brokenOff() Result {
	if len(a.test.send) == 0 && !a.test.hasExpect {
		return Result{Outcome: Up}
	}
	return failed(ReadFailed, unix.ECONNRESET)
}

// connectedToSelf tells whether a socket was joined with itself. That happens, on a director that is a real server too,
// when the kernel chooses the port nobody listens on as the local one: a dead server would look alive, and over UDP
// answer what it was asked.
func (a *Attempt) connectedToSelf(self *address) bool {
	return localAddress(a.fd, self) == 0 && self.addrPort() == a.test.addr.addrPort()
}

// write sends the text, or as much of it as the socket takes.
func (a *Attempt) write() Result {
	t := a.test
	// A datagram is sent even when it is empty.
	for a.sent < len(t.send) || t.protocol == UDP {
		n, errno := send(a.fd, t.send[a.sent:])
		switch errno {
		case 0:
		case unix.EAGAIN:
			return Result{}
		case unix.EINTR:
			continue
		default:
			return failed(WriteFailed, errno)
		}
		a.sent += n
		if t.protocol == UDP {
			break
		}
	}
	if t.protocol == TCP && !t.hasExpect {
		return Result{Outcome: Up}
	}
	a.enter(reading)
	return Result{}
}

// read takes what has come of the reply: it may come in as many pieces as it likes, within the time for all of it.
func (a *Attempt) read(s *Scratch) Result {
	buf := s.buf[:a.test.size()]
	a.recall(buf)
	n, errno := receive(a.fd, buf[a.got:])
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return Result{}
	default:
		r := failed(ReadFailed, errno)
		r.Got, r.Want = a.got, a.test.want()
		return r
	}
	a.got += n
	r := a.test.judge(buf[:a.got], n == 0 || a.test.protocol == UDP)
	if !r.Decided() && a.test.match != nil {
		if a.rest == nil {
			a.rest, s.spare = s.spare, nil
		}
		a.rest = append(a.rest, buf[a.got-n:a.got]...)
	}
	return r
}

// recall puts what has come already before what comes now. Without a Match it is not kept: if it were not as expected the
// attempt would be over.
func (a *Attempt) recall(buf []byte) {
	if a.test.match != nil {
		copy(buf, a.rest)
	} else {
		copy(buf, a.test.expect[:min(a.got, len(a.test.expect))])
	}
}

// want is how many bytes of a reply are needed; 0: nobody knows.
func (t *Test) want() int {
	switch {
	case t.match != nil:
		return 0
	case !t.hasExpect || t.expect == "" || t.expect == "*":
		return 1
	}
	return len(t.expect)
}

// judge compares what came so far, which end says is all there will be.
func (t *Test) judge(reply []byte, end bool) Result {
	if t.match != nil {
		return t.judgeMatch(reply, end)
	}
	r := Result{Got: len(reply), Want: t.want()}
	n := min(len(reply), len(t.expect))
	switch {
	case !t.hasExpect || t.expect == "":
		r.Outcome = Up
	case t.expect == "*":
		// The end of a connection is no reply, an empty datagram is one.
		if len(reply) > 0 || t.protocol == UDP {
			r.Outcome = Up
		} else if end {
			r.Outcome = Closed
		}
	case string(reply[:n]) != t.expect[:n]:
		return mismatch(t.expect, reply)
	case n == len(t.expect):
		r.Outcome = Up
	case end && t.protocol == UDP:
		r.Outcome = Short
	case end:
		r.Outcome = Closed
	}
	return r
}

// judgeMatch is judge for a Match. More of a reply may match where its beginning does not, until there is no room for more.
func (t *Test) judgeMatch(reply []byte, end bool) Result {
	r := Result{Got: len(reply)}
	switch {
	case t.match(reply):
		r.Outcome = Up
	case end && len(reply) == 0 && t.protocol == TCP:
		r.Outcome = Closed
	case end || len(reply) == t.size():
		r.Outcome = Mismatch
		r.expected = t.expect
		r.received.set(text(reply), 0)
	}
	return r
}
