// Package eventlog writes one line per event to standard output, to syslog, or to both.
//
// It exists because log/slog and log/syslog would cost every nanny more memory than the rest of the program. Nothing in
// it blocks: a daemon must go on when nobody reads its log. What a destination does not take at once waits, up to a limit;
// beyond that lines are lost, and a line says how many.
package eventlog

import (
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Dest says where lines go; destinations are combined with |.
type Dest uint8

// The destinations.
const (
	Stdout Dest = 1 << iota
	Syslog
)

// syslogPath is where libc's syslog(3) sends, too.
const syslogPath = "/dev/log"

// Severities and the facility of syslog(3).
const (
	severityError   = 3
	severityWarning = 4
	severityInfo    = 6
	severityDebug   = 7
	facilityDaemon  = 3 << 3
)

// Logger writes the events of one program. Its methods may be called at the same time.
type Logger struct {
	name    string
	dest    Dest
	verbose bool
	path    string // socket of the system logger
	stdout  int    // descriptor of standard output

	toStdout, toSyslog queue

	mu     sync.Mutex
	socket int // -1 until the first message
	buf    []byte
}

// ordinary is how long a line is as a rule, in bytes: growing to it would leave memory behind in every nanny.
const ordinary = 256

// New returns the log of the program called name, which precedes every line and is the syslog identity. Without
// verbose, Debug writes nothing.
func New(name string, dest Dest, verbose bool) *Logger {
	l := &Logger{name: name, dest: dest, verbose: verbose, path: syslogPath, stdout: 1, socket: -1, buf: make([]byte, 0, ordinary)}
	l.toStdout.send, l.toSyslog.send = l.print, l.send
	l.toStdout.notice = func(lost int) []byte { return l.appendPlain(nil, lostLines(lost), nil) }
	l.toSyslog.notice = func(lost int) []byte { return l.appendMessage(nil, severityWarning, lostLines(lost), nil) }
	return l
}

func lostLines(n int) string { return strconv.Itoa(n) + " lines lost" }

// flushTime is how long the end of a program may be put off for its last lines.
const flushTime = time.Second

// Flush waits until the destinations have taken everything, but no longer than a second. A program calls it before it
// ends; it has nothing to wait for unless a destination was full.
func (l *Logger) Flush() { l.flush(flushTime) }

func (l *Logger) flush(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	_ = l.toStdout.flush(timer.C) && l.toSyslog.flush(timer.C)
}

// Verbose tells whether Debug writes anything.
func (l *Logger) Verbose() bool { return l.verbose }

// Error logs a fault that keeps the program from doing its work. kv are keys and values in turn, here and below:
// they follow the message as key=value, values quoted where they need it.
func (l *Logger) Error(msg string, kv ...string) { l.write(severityError, msg, kv) }

// Warn logs something an administrator should look at.
func (l *Logger) Warn(msg string, kv ...string) { l.write(severityWarning, msg, kv) }

// Info logs an event of normal operation; a server that goes up or down is one, as in the original.
func (l *Logger) Info(msg string, kv ...string) { l.write(severityInfo, msg, kv) }

// Debug logs what -v asks for.
func (l *Logger) Debug(msg string, kv ...string) {
	if l.verbose {
		l.write(severityDebug, msg, kv)
	}
}

func (l *Logger) write(severity int, msg string, kv []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dest&Stdout != 0 {
		l.buf = l.appendPlain(l.buf[:0], msg, kv)
		l.toStdout.put(l.buf)
	}
	if l.dest&Syslog != 0 {
		l.buf = l.appendMessage(l.buf[:0], severity, msg, kv)
		l.toSyslog.put(l.buf)
	}
}

// appendPlain appends an event as standard output gets it.
func (l *Logger) appendPlain(b []byte, msg string, kv []string) []byte {
	b = append(append(b, l.name...), ": "...)
	return append(appendEvent(b, msg, kv), '\n')
}

// appendMessage appends an event as the system logger gets it: <PRI>ident[pid]: as libc's syslog(3) does, but for the time,
// which RFC 3164 (4.3.2) lets the system logger put in. Most take their own anyway, and local time is dear: reading the
// time zone takes 47 kB in every nanny.
func (l *Logger) appendMessage(b []byte, severity int, msg string, kv []string) []byte {
	b = strconv.AppendInt(append(b, '<'), int64(facilityDaemon|severity), 10)
	b = append(append(b, '>'), l.name...)
	b = strconv.AppendInt(append(b, '['), int64(unix.Getpid()), 10)
	return appendEvent(append(b, "]: "...), msg, kv)
}

// sendTime is how long a destination that is full may keep the goroutine behind its queue, before it looks again.
const sendTime = time.Second

// print writes a line to standard output if that has room. Room on a pipe is a page, more than any line is long, so the
// write does not wait. It is one write, so that lines of several daemons on one terminal do not mix. Errors have no place
// to go.
func (l *Logger) print(line []byte, wait bool) bool {
	timeout := 0
	if wait {
		timeout = int(sendTime / time.Millisecond)
	}
	polls := [1]unix.PollFd{{Fd: int32(l.stdout), Events: unix.POLLOUT}}
	if n, err := unix.Poll(polls[:], timeout); n == 0 || err == unix.EINTR {
		return false
	}
	_, err := unix.Write(l.stdout, line)
	return err != unix.EAGAIN
}

// send hands a line to the system logger if there is one. The address goes with every datagram, so a logger that was
// restarted is found again without any care.
func (l *Logger) send(line []byte, wait bool) bool {
	if l.socket < 0 && !l.open() {
		return true
	}
	flags := unix.MSG_NOSIGNAL
	if !wait {
		flags |= unix.MSG_DONTWAIT
	}
	err := unix.Sendto(l.socket, line, flags, &unix.SockaddrUnix{Name: l.path})
	return err != unix.EAGAIN && err != unix.EINTR && err != unix.ENOBUFS
}

func (l *Logger) open() bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	limit := unix.NsecToTimeval(int64(sendTime))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		unix.Close(fd)
		return false
	}
	l.socket = fd
	return true
}
