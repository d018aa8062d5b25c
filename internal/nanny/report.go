package nanny

import (
	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/loadmon"
)

// standing is what the outside should know of the server.
type standing struct {
	known  bool // false before the first check
	up     bool
	reason string // why it is not up, one line of printable text

	reading loadmon.Reading // of its load
}

// outlet takes the standing to where it has an effect. Both methods are called again and again with the same standing;
// what could not be done is done then.
type outlet interface {
	publish(s standing) error // an error ends the nanny
	withdraw() error          // the nanny ends
}

// report writes lines to lvsd: "up", or "down" and the reason; "load" or "share" and a number.
type report struct {
	fd   int
	told standing
}

// newReport takes over the descriptor. It is made non-blocking: a nanny has better things to do than to wait for lvsd.
func newReport(fd int) (*report, error) {
	unix.CloseOnExec(fd)
	return &report{fd: fd}, unix.SetNonblock(fd, true)
}

func (r *report) publish(s standing) error {
	if !s.known || s == r.told {
		return nil
	}
	line := ""
	if s.reading != r.told.reading {
		line = s.reading.String() + "\n"
	}
	// The weight comes first: a server that is to get half should not get all for a moment.
	switch {
	case s.up == r.told.up && s.reason == r.told.reason && r.told.known:
	case s.up:
		line += "up\n"
	default:
		line += "down " + s.reason + "\n"
	}
	// A pipe takes lines this short as a whole or not at all. That nobody reads any more is noticed by the poll.
	if n, err := unix.Write(r.fd, []byte(line)); err == nil && n == len(line) {
		r.told = s
	}
	return nil
}

// withdraw does nothing: lvsd sees the end of the pipe.
func (r *report) withdraw() error { return nil }
