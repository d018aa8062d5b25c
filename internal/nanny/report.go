package nanny

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/loadmon"
)

// Standing is what the outside should know of the server.
type Standing struct {
	Known  bool // false before the first check
	Up     bool
	Reason string // why it is not up, one line of printable text

	Reading loadmon.Reading // of its load
}

// AppendReport appends the lines that tell s to who was told before: "up", or "down" and the reason; "load" or "share" and
// a number. Each begins with who.
func (s Standing) AppendReport(b []byte, who string, told Standing) []byte {
	if !s.Known || s == told {
		return b
	}
	// The weight comes first: a server that is to get half should not get all for a moment.
	if s.Reading != told.Reading {
		b = append(append(append(b, who...), s.Reading.String()...), '\n')
	}
	switch {
	case s.Up == told.Up && s.Reason == told.Reason && told.Known:
	case s.Up:
		b = append(append(b, who...), "up\n"...)
	default:
		b = append(append(append(append(b, who...), "down "...), s.Reason...), '\n')
	}
	return b
}

// outlet takes the standing to where it has an effect. Publish and withdraw are called again and again with the same
// standing; what could not be done is done then.
type outlet interface {
	tell(w *Watch, now time.Time) // a check has been observed
	publish(s Standing) error     // an error ends the nanny
	withdraw() error              // the nanny ends
}

// report writes lines to lvsd.
type report struct {
	fd   int
	told Standing
	line []byte // what is written, so that nothing is allocated for it
}

// newReport takes over the descriptor. It is made non-blocking: a nanny has better things to do than to wait for lvsd.
func newReport(fd int) (*report, error) {
	unix.CloseOnExec(fd)
	const ordinary = 64 // bytes of a line, as a rule: growing to it would leave memory behind in every nanny
	return &report{fd: fd, line: make([]byte, 0, ordinary)}, unix.SetNonblock(fd, true)
}

// tell reports the result of a check. For one that finds no room another comes.
func (r *report) tell(w *Watch, now time.Time) {
	if !w.ResultDue(now) {
		return
	}
	r.line = w.AppendResult(r.line[:0], "")
	if n, err := unix.Write(r.fd, r.line); err == nil && n == len(r.line) {
		w.ResultTold(now)
	}
}

func (r *report) publish(s Standing) error {
	r.line = s.AppendReport(r.line[:0], "", r.told)
	if len(r.line) == 0 {
		return nil
	}
	// A pipe takes lines this short as a whole or not at all. That nobody reads any more is noticed by the poll.
	if n, err := unix.Write(r.fd, r.line); err == nil && n == len(r.line) {
		r.told = s
	}
	return nil
}

// withdraw does nothing: lvsd sees the end of the pipe.
func (r *report) withdraw() error { return nil }
