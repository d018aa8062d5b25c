package probe

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Outcome is how an attempt ended. The zero value is invalid outside this package.
type Outcome uint8

// The outcomes. All but Up and Interrupted speak against the server.
const (
	undecided      Outcome = iota
	Up                     // as the check wants it
	Interrupted            // a wake descriptor spoke; nothing is known
	NoSocket               // no socket: trouble of this host
	ConnectFailed          // refused, unreachable
	ConnectTimeout         // nothing came back
	WriteFailed            // the server broke the connection
	WriteTimeout           // the server does not read
	ReadFailed             // the server broke the connection, or has no such port (UDP)
	ReadTimeout            // no reply, or not all of it
	Closed                 // the server ended the connection before all of the reply
	Short                  // a datagram that only begins like the reply
	Mismatch               // another reply
	NotStarted             // the program could not be run
	ProgramFailed          // the program ended with a status other than 0
	ProgramKilled          // the program was killed by a signal
	ProgramTimeout         // the program had to be ended
	Failed                 // a check of another package failed, see Failure
)

// Result is how an attempt ended, in a form that costs nothing until somebody asks for the words.
type Result struct {
	Outcome  Outcome
	Errno    unix.Errno    // with NoSocket and the failures
	Timeout  time.Duration // with the timeouts: how long was waited
	Got      int           // bytes of the reply that came, after the reading has begun
	Want     int           // bytes of the reply that were needed; 0: what is needed has no certain length
	Status   int           // exit status or signal of a program that failed; with Failed the kind of failure
	Duration time.Duration // of the whole attempt

	expected string // with Mismatch; with Failed the reason
	received sample
	differ   int // where the two part
}

// mismatch is the Result of a reply that is not the text expected: it shows where the two part.
func mismatch(expected string, reply []byte) Result {
	r := Result{Outcome: Mismatch, Got: len(reply), Want: len(expected), expected: expected}
	for r.differ < len(expected) && r.differ < len(reply) && expected[r.differ] == reply[r.differ] {
		r.differ++
	}
	r.received.set(reply, r.differ)
	return r
}

// Failure returns the result of an attempt that was made elsewhere (package checks) and speaks against the server. Failures of
// one kind are the same to SameKind. The reason is for people, as Reason has it: short, one line, printable.
func Failure(kind int, reason string) Result {
	return Result{Outcome: Failed, Status: kind, expected: reason}
}

// Quote returns the beginning of a text from a server, as reasons have it: between quotation marks, one line, printable,
// with dots if there is more.
func Quote(text []byte) string {
	var s sample
	s.set(text, 0)
	return s.quote()
}

// Up tells whether the server passed.
func (r Result) Up() bool { return r.Outcome == Up }

// Decided tells whether the attempt is over.
func (r Result) Decided() bool { return r.Outcome != undecided }

// SameKind tells whether two attempts ended alike as far as an administrator is concerned, so that a server which
// answers something different every time does not fill the log.
func (r Result) SameKind(o Result) bool {
	return r.Outcome == o.Outcome && r.Errno == o.Errno && r.Status == o.Status
}

// Reason says why the server did not pass, as a person can act on it; "" if it did. It is one line of printable text
// whatever the server sent.
func (r Result) Reason() string {
	switch r.Outcome {
	case Up:
		return ""
	case Interrupted:
		return "check interrupted"
	case NoSocket:
		return "cannot check: " + r.Errno.Error()
	case ConnectFailed:
		return connectReason(r.Errno)
	case ConnectTimeout:
		return "connect timed out after " + r.Timeout.String()
	case WriteFailed:
		return "write failed: " + r.Errno.Error()
	case WriteTimeout:
		return "write timed out after " + r.Timeout.String()
	case ReadFailed:
		return r.readReason()
	case ReadTimeout:
		return "read timed out after " + r.Timeout.String() + ": " + r.progress()
	case Closed:
		if r.Got == 0 {
			return "closed by peer before a reply"
		}
		return "closed by peer: " + r.progress()
	case Short:
		return "reply too short: " + r.progress()
	case Mismatch:
		var expected sample
		expected.set([]byte(r.expected), r.differ)
		return "expected " + expected.quote() + ", got " + r.received.quote()
	case NotStarted:
		return "program cannot be run: " + r.Errno.Error()
	case ProgramFailed:
		return "program exited with status " + strconv.Itoa(r.Status)
	case ProgramKilled:
		return "program terminated with signal " + strconv.Itoa(r.Status)
	case ProgramTimeout:
		return "program timed out after " + r.Timeout.String()
	case Failed:
		return r.expected
	}
	return "unknown"
}

func connectReason(errno unix.Errno) string {
	switch errno {
	case unix.ECONNREFUSED:
		return "connect refused"
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ETIMEDOUT:
		// "no route to host", "network is unreachable": they need no preposition.
		return errno.Error()
	}
	return "connect failed: " + errno.Error()
}

func (r Result) readReason() string {
	switch {
	case r.Errno == unix.ECONNREFUSED:
		return "port unreachable" // the ICMP answer to a datagram
	case r.Errno == unix.ECONNRESET && r.Got == 0:
		return "reset by peer before a reply"
	case r.Errno == unix.ECONNRESET:
		return "reset by peer: " + r.progress()
	}
	return "read failed: " + r.Errno.Error()
}

// progress says how far the reply got.
func (r Result) progress() string {
	switch {
	case r.Got == 0:
		return "no reply"
	case r.Want == 0:
		return "no match in " + strconv.Itoa(r.Got) + " bytes"
	}
	return "got " + strconv.Itoa(r.Got) + " of " + strconv.Itoa(r.Want) + " bytes"
}

// failed is an outcome with the errno of err.
func failed(o Outcome, err error) Result {
	errno, _ := err.(unix.Errno) //nolint:errorlint // straight from a system call, and errors.As allocates
	return Result{Outcome: o, Errno: errno}
}

// sample is a part of a text, its first line as a rule: enough to see what kind of server speaks.
type sample struct {
	text [48]byte
	n    uint8
	late bool // it begins later than the text
	cut  bool // it ends earlier
}

// set takes the line of the text that is not as it should be from the byte at differ on.
func (s *sample) set(text []byte, differ int) {
	const lead, tail = len(s.text) / 2, len(s.text) / 4 // of a line that is too long, before and after that byte
	from := bytes.LastIndexByte(text[:differ], '\n') + 1
	if differ-from > len(s.text)-tail {
		from = differ - lead
	}
	s.late = from > 0
	text, differ = text[from:], differ-from
	s.n = uint8(copy(s.text[:], text))
	// A line end is shown if it is what differs.
	if next := differ + 1; next < int(s.n) {
		if end := bytes.IndexAny(s.text[next:s.n], "\r\n"); end >= 0 {
			s.n = uint8(next + end)
		}
	}
	// A line end that was left out is not worth an ellipsis.
	s.cut = len(bytes.TrimRight(text, "\r\n")) > int(s.n)
}

// quote returns the sample between quotation marks, with everything unprintable escaped.
func (s *sample) quote() string {
	q := strconv.Quote(string(s.text[:s.n]))
	if s.late {
		q = "..." + q
	}
	if s.cut {
		q += "..."
	}
	return q
}
