// Package eventlog writes one line per event to standard output, to syslog, or to both.
//
// It exists because log/slog and log/syslog would cost every nanny more memory than the rest of the program. Nothing in
// it blocks: a daemon must go on when nobody reads its log.
package eventlog

import (
	"strconv"
	"sync"

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

	mu     sync.Mutex
	socket int // -1 until the first message
	buf    []byte
}

// New returns the log of the program called name, which precedes every line and is the syslog identity. Without
// verbose, Debug writes nothing.
func New(name string, dest Dest, verbose bool) *Logger {
	return &Logger{name: name, dest: dest, verbose: verbose, path: syslogPath, stdout: 1, socket: -1}
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
		l.buf = append(append(l.buf[:0], l.name...), ": "...)
		l.buf = append(appendEvent(l.buf, msg, kv), '\n')
		// One write, so that lines of several daemons on one terminal do not mix. Errors have no place to go.
		_, _ = unix.Write(l.stdout, l.buf)
	}
	if l.dest&Syslog != 0 {
		l.buf = l.appendHeader(l.buf[:0], severity)
		l.buf = appendEvent(l.buf, msg, kv)
		l.send()
	}
}

// appendHeader writes <PRI>ident[pid]: as libc's syslog(3) does, but for the time, which RFC 3164 (4.3.2) lets the system
// logger put in. Most take their own anyway, and local time is dear: reading the time zone takes 47 kB in every nanny.
func (l *Logger) appendHeader(b []byte, severity int) []byte {
	b = strconv.AppendInt(append(b, '<'), int64(facilityDaemon|severity), 10)
	b = append(append(b, '>'), l.name...)
	b = strconv.AppendInt(append(b, '['), int64(unix.Getpid()), 10)
	return append(b, "]: "...)
}

// send hands the line to the system logger, or drops it if there is none or it does not keep up. The address goes with
// every datagram, so a logger that was restarted is found again without any care.
func (l *Logger) send() {
	if l.socket < 0 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return
		}
		l.socket = fd
	}
	_ = unix.Sendto(l.socket, l.buf, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: l.path})
}
