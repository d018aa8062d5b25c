package pool

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/nanny"
)

// reports writes a line for each change of a member's standing. What the reader does not take at once waits, a member at a
// time: what it learns is where the member stands then.
type reports struct {
	engine *engine
	fd     int
	watch  bool      // the engine tells of fd
	full   bool      // it had no room
	queue  []*member // have something to say
	buf    []byte
}

// batch is how much is written at once, in bytes: a pipe takes it in whole or not at all.
const batch = 4096

func newReports(e *engine, fd int) *reports {
	r := &reports{engine: e, fd: fd, buf: make([]byte, 0, batch)}
	if fd > 2 {
		unix.CloseOnExec(fd) // it is not for programs
	}
	// Standard output may be a terminal that others use, too.
	if r.watch = fd > 2 && e.watch(fd, reportEvents, 0) == nil; r.watch {
		_ = unix.SetNonblock(fd, true)
	}
	return r
}

// say tells of a member's standing.
func (r *reports) say(m *member, s nanny.Standing) {
	m.now = s
	if !m.queued && (s != m.told || m.watch != nil && m.watch.ResultDue(time.Now())) {
		m.queued = true
		r.queue = append(r.queue, m)
	}
}

// broken tells whether the reader is gone, given that something is up with the descriptor.
func (r *reports) broken() bool {
	polls := [1]unix.PollFd{{Fd: int32(r.fd)}}
	n, err := unix.Poll(polls[:], 0)
	if n > 0 && err == nil {
		return true
	}
	r.full = false
	_ = r.engine.rewatch(r.fd, reportEvents, 0)
	return false
}

// flush writes what there is to say, as far as there is room.
func (r *reports) flush() {
	for len(r.queue) > 0 && !r.full {
		now := time.Now()
		n := r.fill(now)
		if !r.write() {
			return
		}
		for _, m := range r.queue[:n] {
			if m.watch != nil && m.watch.ResultDue(now) {
				m.watch.ResultTold(now)
			}
			m.told, m.queued = m.now, false
		}
		clear(r.queue[:n])
		r.queue = r.queue[n:]
	}
	if len(r.queue) == 0 {
		r.queue = nil
	}
}

// fill puts the lines of the first n members into the buffer, which they do not overflow unless they are one's.
func (r *reports) fill(now time.Time) (n int) {
	r.buf = r.buf[:0]
	for _, m := range r.queue {
		before := len(r.buf)
		if !m.gone {
			r.buf = m.appendTo(r.buf, now)
		}
		if len(r.buf) > batch && n > 0 {
			r.buf = r.buf[:before]
			break
		}
		n++
	}
	return n
}

// appendTo appends what there is to say of a member.
func (m *member) appendTo(b []byte, now time.Time) []byte {
	if m.watch != nil && m.watch.ResultDue(now) {
		b = m.watch.AppendResult(b, m.id+" ")
	}
	return m.now.AppendReport(b, m.id+" ", m.told)
}

// write writes the buffer, or has the engine tell when there is room for it.
func (r *reports) write() bool {
	for len(r.buf) > 0 {
		n, err := unix.Write(r.fd, r.buf)
		switch {
		case err == unix.EINTR:
		case err == nil:
			r.buf = r.buf[n:]
		case err == unix.EAGAIN && r.watch:
			r.full = r.engine.rewatch(r.fd, reportEvents, unix.EPOLLOUT) == nil
			return false
		default: // that nobody reads any more is noticed by the engine
			return true
		}
	}
	return true
}

func itoa(n int) string { return strconv.Itoa(n) }
