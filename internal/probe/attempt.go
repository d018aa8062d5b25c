package probe

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Run makes one attempt.
func (p *Prober) Run() Result {
	start := time.Now()
	r := p.attempt()
	r.Duration = time.Since(start)
	return r
}

func (p *Prober) attempt() Result {
	kind := unix.SOCK_STREAM
	if p.protocol == UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(p.family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return failed(NoSocket, err)
	}
	r := p.exchange(fd)
	if p.protocol == TCP && r.Outcome != Up {
		// A healthy server sees an orderly end: many log a reset as an error or count it against the client. One that
		// is not would leave half-closed connections behind on both sides, attempt by attempt: reset it.
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &p.linger)
	}
	unix.Close(fd)
	return r
}

// exchange goes through the steps until one decides.
func (p *Prober) exchange(fd int) Result {
	if r := p.connect(fd); r.Outcome != undecided {
		return r
	}
	if r := p.write(fd); r.Outcome != undecided {
		return r
	}
	if p.protocol == TCP && !p.hasExpect {
		return Result{Outcome: Up}
	}
	return p.read(fd)
}

func (p *Prober) connect(fd int) Result {
	deadline := time.Now().Add(p.timeout)
	err := unix.Connect(fd, p.addr)
	if err == unix.EINPROGRESS || err == unix.EINTR {
		if r := p.wait(fd, unix.POLLOUT, deadline, ConnectTimeout); r.Outcome != undecided {
			return r
		}
		var code int
		if code, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
			err = unix.Errno(code)
		}
	}
	switch {
	case err != nil:
		return failed(ConnectFailed, err)
	case !p.connectedToSelf(fd):
		return Result{}
	case p.protocol == UDP:
		return failed(ReadFailed, unix.ECONNREFUSED)
	}
	return failed(ConnectFailed, unix.ECONNREFUSED)
}

// localAddress is room for getsockname(2), the x/sys wrapper of which allocates.
type localAddress struct {
	raw unix.RawSockaddrAny
	len uint32
}

// connectedToSelf tells whether a socket was joined with itself. That happens, on a director that is a real server too,
// when the kernel chooses the port nobody listens on as the local one: a dead server would look alive, and over UDP
// answer what it was asked.
func (p *Prober) connectedToSelf(fd int) bool {
	p.self.len = unix.SizeofSockaddrAny
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&p.self.raw)), uintptr(unsafe.Pointer(&p.self.len)))
	if errno != 0 {
		return false
	}
	switch remote := p.addr.(type) {
	case *unix.SockaddrInet4:
		local := (*unix.RawSockaddrInet4)(unsafe.Pointer(&p.self.raw))
		return networkOrder(local.Port) == p.port && local.Addr == remote.Addr
	case *unix.SockaddrInet6:
		local := (*unix.RawSockaddrInet6)(unsafe.Pointer(&p.self.raw))
		return networkOrder(local.Port) == p.port && local.Addr == remote.Addr
	}
	return false
}

// networkOrder reads a port as it lies in memory.
func networkOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}

func (p *Prober) write(fd int) Result {
	deadline := time.Now().Add(p.timeout)
	rest := p.send
	// A datagram is sent even when it is empty.
	for len(rest) > 0 || p.protocol == UDP {
		n, err := unix.Write(fd, rest)
		switch {
		case err == nil && p.protocol == UDP:
			return Result{}
		case err == nil:
			rest = rest[n:]
		case err == unix.EAGAIN:
			if r := p.wait(fd, unix.POLLOUT, deadline, WriteTimeout); r.Outcome != undecided {
				return r
			}
		case err != unix.EINTR:
			return failed(WriteFailed, err)
		}
	}
	return Result{}
}

// read collects the reply until it is known whether it is the right one: a reply may come in as many pieces as it
// likes, within the time for all of it.
func (p *Prober) read(fd int) Result {
	deadline := time.Now().Add(p.timeout)
	got := 0
	for {
		if r := p.wait(fd, unix.POLLIN, deadline, ReadTimeout); r.Outcome != undecided {
			r.Got, r.Want = got, p.want()
			return r
		}
		n, err := unix.Read(fd, p.buf[got:])
		var r Result
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			continue
		case err != nil:
			r = failed(ReadFailed, err)
			r.Got, r.Want = got, p.want()
			return r
		case p.protocol == UDP:
			return p.judge(p.buf[:n], true)
		default:
			got += n
			r = p.judge(p.buf[:got], n == 0)
		}
		if r.Outcome != undecided {
			return r
		}
	}
}

// want is how many bytes of a reply are needed; 0: nobody knows.
func (p *Prober) want() int {
	switch {
	case p.match != nil:
		return 0
	case !p.hasExpect || p.expect == "" || p.expect == "*":
		return 1
	}
	return len(p.expect)
}

// judge compares what came so far, which end says is all there will be.
func (p *Prober) judge(reply []byte, end bool) Result {
	if p.match != nil {
		return p.judgeMatch(reply, end)
	}
	r := Result{Got: len(reply), Want: p.want()}
	n := min(len(reply), len(p.expect))
	switch {
	case !p.hasExpect || p.expect == "":
		r.Outcome = Up
	case p.expect == "*":
		// The end of a connection is no reply, an empty datagram is one.
		if len(reply) > 0 || p.protocol == UDP {
			r.Outcome = Up
		} else if end {
			r.Outcome = Closed
		}
	case string(reply[:n]) != p.expect[:n]:
		r.Outcome = Mismatch
		r.expected = p.expect
		r.received.set(reply)
	case n == len(p.expect):
		r.Outcome = Up
	case end && p.protocol == UDP:
		r.Outcome = Short
	case end:
		r.Outcome = Closed
	}
	return r
}

// judgeMatch is judge for a Match. More of a reply may match where its beginning does not, until there is no room for more.
func (p *Prober) judgeMatch(reply []byte, end bool) Result {
	r := Result{Got: len(reply)}
	switch {
	case p.match(reply):
		r.Outcome = Up
	case end && len(reply) == 0 && p.protocol == TCP:
		r.Outcome = Closed
	case end || len(reply) == len(p.buf):
		r.Outcome = Mismatch
		r.expected = p.expect
		r.received.set(reply)
	}
	return r
}

// wait waits until the socket is ready for events, in which case nothing is decided, or the deadline has passed.
func (p *Prober) wait(fd int, events int16, deadline time.Time, late Outcome) Result {
	p.polls[0] = unix.PollFd{Fd: int32(fd), Events: events}
	for {
		// Also after the deadline the socket is looked at once: the process may have been stopped, not the server.
		p.left = unix.NsecToTimespec(int64(max(0, time.Until(deadline))))
		n, err := unix.Ppoll(p.polls, &p.left, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return failed(NoSocket, err)
		case n == 0:
			return Result{Outcome: late, Timeout: p.timeout}
		}
		for i := range p.polls[1:] {
			if p.polls[1+i].Revents != 0 {
				return Result{Outcome: Interrupted}
			}
		}
		return Result{}
	}
}
