package nanny

import "golang.org/x/sys/unix"

// standing is what the outside should know of the server.
type standing struct {
	known  bool // false before the first check
	up     bool
	reason string // why it is not up, one line of printable text
}

// outlet takes the standing to where it has an effect. Both methods are called again and again with the same standing;
// what could not be done is done then.
type outlet interface {
	publish(s standing) error // an error ends the nanny
	withdraw() error          // the nanny ends
}

// report writes lines to lvsd: "up", or "down" and the reason.
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
	line := "up\n"
	if !s.up {
		line = "down " + s.reason + "\n"
	}
	// A pipe takes a line this short as a whole or not at all. That nobody reads any more is noticed by the poll.
	if n, err := unix.Write(r.fd, []byte(line)); err == nil && n == len(line) {
		r.told = s
	}
	return nil
}

// withdraw does nothing: lvsd sees the end of the pipe.
func (r *report) withdraw() error { return nil }
