package checks

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// The kinds of failure that are the same to probe.Result.SameKind. From 100 on it is the status, code or rcode of an answer.
const (
	kindTimeout = iota + 1
	kindClosed
	kindReset
	kindBroken
	kindProtocol
	kindTooLong
	kindBody
	kindAlert
	kindCertificate
	kindExpired
	kindTooEarly
	kindAuthority
	kindName
	kindHost   // trouble of this host
	kindAnswer = 100
)

// failure is a step that failed for a reason of this package.
type failure struct {
	kind   int
	reason string
}

func (f *failure) Error() string { return f.reason }

func fail(kind int, format string, args ...any) error {
	return &failure{kind, printable(fmt.Sprintf(format, args...))}
}

// outcome is a step that failed in a way package probe has words for.
type outcome struct{ probe.Result }

func (o *outcome) Error() string { return o.Reason() }

// result is what an attempt comes to that ended with err.
func (a *attempt) result(err error) probe.Result {
	var o *outcome
	var f *failure
	switch {
	case err == nil:
		return probe.Result{Outcome: probe.Up}
	case errors.As(err, &o):
		return o.Result
	case errors.As(err, &f):
		return probe.Failure(f.kind, f.reason)
	}
	return probe.Failure(kindBroken, printable(err.Error()))
}

// broken says how reading or writing ended, in which phase of the attempt.
func (a *attempt) broken(phase string, err error) error {
	var errno syscall.Errno
	var remote *net.OpError
	switch {
	case isTimeout(err) && !errors.As(err, &errno):
		return fail(kindTimeout, "timed out after %v in %s: %s", a.spec.Timeout, phase, a.progress())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return fail(kindClosed, "closed by peer in %s: %s", phase, a.progress())
	case errors.As(err, &remote) && remote.Op == "remote error": // as package crypto/tls has the alerts of a peer
		return fail(kindAlert, "TLS alert in %s: %s", phase, strings.TrimPrefix(remote.Err.Error(), "tls: "))
	case !errors.As(err, &errno):
		return fail(kindProtocol, "%s: %v", phase, err)
	case errno == unix.ECONNREFUSED:
		return &outcome{probe.Result{Outcome: probe.ReadFailed, Errno: errno}} // the ICMP answer to a datagram
	case errno == unix.ECONNRESET, errno == unix.EPIPE:
		return fail(kindReset, "reset by peer in %s: %s", phase, a.progress())
	}
	if r := (probe.Result{Outcome: probe.NoSocket, Errno: errno}); r.Lacks() {
		return &outcome{r}
	}
	return fail(kindBroken, "%s failed: %s", phase, errno.Error())
}

// progress says how much came from the server.
func (a *attempt) progress() string {
	switch n := a.conn.got; n {
	case 0:
		return "no reply"
	case 1:
		return "got 1 byte"
	default:
		return "got " + strconv.FormatInt(n, 10) + " bytes"
	}
}

// maxReason is the longest reason and the longest step, in bytes.
const maxReason = 240

// printable makes one line of printable text of anything, maxReason long at most.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= maxReason {
		return s
	}
	cut := maxReason - len("...")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// short makes a duration readable.
func short(d time.Duration) time.Duration {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond)
	case d < time.Second:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// days writes a time a certificate has left, or has been expired for.
func days(d time.Duration) string {
	n, unit := int64(d/(24*time.Hour)), "day"
	switch {
	case d < time.Hour:
		n, unit = int64(d/time.Minute), "minute"
	case d < 48*time.Hour:
		n, unit = int64(d/time.Hour), "hour"
	}
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}
