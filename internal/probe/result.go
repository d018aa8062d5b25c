package probe

import (
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Outcome is how an attempt ended. The zero value is invalid outside this package.
type Outcome uint8

// The outcomes. All but Up and Interrupted speak against the server, unless this host Lacks something.
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
	r.received.set(text(reply), r.differ)
	return r
}

// text is b as a string, without a copy, for as long as b is not changed.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Failure returns the result of an attempt that was made elsewhere (package checks) and speaks against the server. Failures of
// one kind are the same to SameKind. The reason is for people, as Reason has it: short, one line, printable.
func Failure(kind int, reason string) Result {
	return Result{Outcome: Failed, Status: kind, expected: reason}
}

// Quote returns the beginning of a text from a server, as reasons have it: between quotation marks, one line, printable,
// with dots if there is more.
func Quote(b []byte) string {
	var s sample
	s.set(text(b), 0)
	return string(s.appendTo(nil))
}

// Up tells whether the server passed.
func (r Result) Up() bool { return r.Outcome == Up }

// Lacks tells whether the attempt could not be made because this host lacks something that it will have again: descriptors,
// memory, room for processes. That does not speak against the server.
func (r Result) Lacks() bool {
	switch r.Errno {
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.ENOSPC: // no server can cause them
		return true
	case unix.EAGAIN: // of fork(2)
		return r.Outcome == NotStarted
	}
	return false
}

// Decided tells whether the attempt is over.
func (r Result) Decided() bool { return r.Outcome != undecided }

// SameKind tells whether two attempts ended alike as far as an administrator is concerned, so that a server which
// answers something different every time does not fill the log.
func (r *Result) SameKind(o *Result) bool {
	return r.Outcome == o.Outcome && r.Errno == o.Errno && r.Status == o.Status
}

// Reason says why the server did not pass, as a person can act on it; "" if it did. It is one line of printable text
// whatever the server sent.
func (r *Result) Reason() string {
	const ordinary = 128 // bytes: growing to them would leave memory behind in every nanny
	return string(r.AppendReason(make([]byte, 0, ordinary)))
}

// AppendReason appends the reason to b. It allocates nothing else: a nanny may have to tell it every second.
func (r *Result) AppendReason(b []byte) []byte {
	switch r.Outcome {
	case Up:
		return b
	case Interrupted:
		return append(b, "check interrupted"...)
	case NoSocket:
		return append(append(b, "cannot check: "...), r.Errno.Error()...)
	case ConnectFailed:
		return appendConnectReason(b, r.Errno)
	case ConnectTimeout:
		return r.appendTimeout(append(b, "connect"...))
	case WriteFailed:
		return append(append(b, "write failed: "...), r.Errno.Error()...)
	case WriteTimeout:
		return r.appendTimeout(append(b, "write"...))
	case ReadFailed:
		return r.appendReadReason(b)
	case ReadTimeout:
		return r.appendProgress(append(r.appendTimeout(append(b, "read"...)), ": "...))
	case Closed:
		if r.Got == 0 {
			return append(b, "closed by peer before a reply"...)
		}
		return r.appendProgress(append(b, "closed by peer: "...))
	case Short:
		return r.appendProgress(append(b, "reply too short: "...))
	case Mismatch:
		var expected sample
		expected.set(r.expected, r.differ)
		b = expected.appendTo(append(b, "expected "...))
		return r.received.appendTo(append(b, ", got "...))
	case NotStarted:
		return append(append(b, "program cannot be run: "...), r.Errno.Error()...)
	case ProgramFailed:
		return strconv.AppendInt(append(b, "program exited with status "...), int64(r.Status), 10)
	case ProgramKilled:
		return strconv.AppendInt(append(b, "program terminated with signal "...), int64(r.Status), 10)
	case ProgramTimeout:
		return r.appendTimeout(append(b, "program"...))
	case Failed:
		return append(b, r.expected...)
	}
	return append(b, "unknown"...)
}

func appendConnectReason(b []byte, errno unix.Errno) []byte {
	switch errno {
	case unix.ECONNREFUSED:
		return append(b, "connect refused"...)
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ETIMEDOUT:
		// "no route to host", "network is unreachable": they need no preposition.
		return append(b, errno.Error()...)
	}
	return append(append(b, "connect failed: "...), errno.Error()...)
}

func (r *Result) appendReadReason(b []byte) []byte {
	switch {
	case r.Errno == unix.ECONNREFUSED:
		return append(b, "port unreachable"...) // the ICMP answer to a datagram
	case r.Errno == unix.ECONNRESET && r.Got == 0:
		return append(b, "reset by peer before a reply"...)
	case r.Errno == unix.ECONNRESET:
		return r.appendProgress(append(b, "reset by peer: "...))
	}
	return append(append(b, "read failed: "...), r.Errno.Error()...)
}

// appendTimeout says how long was waited.
func (r *Result) appendTimeout(b []byte) []byte {
	return append(append(b, " timed out after "...), r.Timeout.String()...)
}

// appendProgress says how far the reply got.
func (r *Result) appendProgress(b []byte) []byte {
	switch {
	case r.Got == 0:
		return append(b, "no reply"...)
	case r.Want == 0:
		b = strconv.AppendInt(append(b, "no match in "...), int64(r.Got), 10)
	default:
		b = strconv.AppendInt(append(b, "got "...), int64(r.Got), 10)
		b = strconv.AppendInt(append(b, " of "...), int64(r.Want), 10)
	}
	return append(b, " bytes"...)
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
func (s *sample) set(text string, differ int) {
	const lead, tail = len(s.text) / 2, len(s.text) / 4 // of a line that is too long, before and after that byte
	from := strings.LastIndexByte(text[:differ], '\n') + 1
	if differ-from > len(s.text)-tail {
		from = differ - lead
	}
	s.late = from > 0
	text, differ = text[from:], differ-from
	s.n = uint8(copy(s.text[:], text))
	// A line end is shown if it is what differs.
	if next := differ + 1; next < int(s.n) {
		if end := strings.IndexAny(text[next:s.n], "\r\n"); end >= 0 {
			s.n = uint8(next + end)
		}
	}
	// A line end that was left out is not worth an ellipsis.
	s.cut = len(strings.TrimRight(text, "\r\n")) > int(s.n)
}

// appendTo appends the sample between quotation marks, with everything unprintable escaped.
func (s *sample) appendTo(b []byte) []byte {
	if s.late {
		b = append(b, "..."...)
	}
	b = strconv.AppendQuote(b, text(s.text[:s.n]))
	if s.cut {
		b = append(b, "..."...)
	}
	return b
}
