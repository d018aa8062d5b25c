package probe

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func expect(text string) Check { return Check{Expect: text, HasExpect: true, Timeout: patience} }

func impatient(c Check) Check { c.Timeout = timeout; return c }

// listening is for attempts that are meant to time out, but not before the server has said something, however slow the machine is.
func listening(c Check) Check { c.Timeout = 3 * time.Second; return c }

func exchange(send, want string) Check {
	return Check{Send: send, Expect: want, HasExpect: true, Timeout: patience}
}

func run(t *testing.T, target Target, c Check, wake ...unix.PollFd) Result {
	t.Helper()
	p, err := New(target, c, wake...)
	if err != nil {
		t.Fatal(err)
	}
	return p.Run()
}

func TestTCP(t *testing.T) {
	long := strings.Repeat("0123456789", 30)
	silent := says("")
	tests := []struct {
		name   string
		handle func(*net.TCPConn)
		check  Check
		want   Outcome
		reason string
	}{
		{"connect only", silent, Check{Timeout: patience}, Up, ""},
		{"send only", silent, Check{Send: "QUIT\r\n", Timeout: patience}, Up, ""},
		{"banner", says("SSH-2.0-x\r\n"), expect("SSH-"), Up, ""},
		{"banner exactly", says("SSH-"), expect("SSH-"), Up, ""},
		{"send and expect", answers("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"), exchange("GET / HTTP/1.0\r\n\r\n", "HTTP"), Up, ""},
		{"send 1 MiB", answers(strings.Repeat("x", 1<<20), "OK"), exchange(strings.Repeat("x", 1<<20), "OK"), Up, ""},
		{"send to one who does not read", stalls, impatient(exchange(strings.Repeat("x", 64<<20), "OK")), WriteTimeout, "write timed out after 50ms"},
		{"silent", silent, impatient(expect("HTTP")), ReadTimeout, "read timed out after 50ms: no reply"},
		{"silent, any", silent, impatient(expect("*")), ReadTimeout, "read timed out after 50ms: no reply"},
		{"silent, empty", silent, impatient(expect("")), ReadTimeout, "read timed out after 50ms: no reply"},
		{"wrong", says("SSH-2.0-OpenSSH\r\nmore"), expect("HTTP"), Mismatch, `expected "HTTP", got "SSH-2.0-OpenSSH"...`},
		{"wrong in the last byte", says("HTTQ"), expect("HTTP"), Mismatch, `expected "HTTP", got "HTTQ"`},
		{"wrong, without waiting for the rest", says("X"), expect("HTTP"), Mismatch, `expected "HTTP", got "X"`},
		{"pieces", drips("HTTP/1.0 200", time.Millisecond), expect("HTTP/1.0 200"), Up, ""},
		{"too slow", drips("HT", time.Millisecond), listening(expect("HTTP")), ReadTimeout, "read timed out after 3s: got 2 of 4 bytes"},
		{"drips for ever", drips(strings.Repeat("a", 1000), 20*time.Millisecond), impatient(expect(strings.Repeat("a", 1000))), ReadTimeout, ""},
		{"half close", saysAndEnds("HTTP"), expect("HTTP"), Up, ""},
		{"closed at once", saysAndEnds(""), expect("HTTP"), Closed, "closed by peer before a reply"},
		{"closed early", saysAndEnds("HTT"), expect("HTTP"), Closed, "closed by peer: got 3 of 4 bytes"},
		{"closed, any", saysAndEnds(""), expect("*"), Closed, "closed by peer before a reply"},
		{"closed, empty", saysAndEnds(""), expect(""), Up, ""},
		{"something, any", says("\x00"), expect("*"), Up, ""},
		{"something, empty", says("x"), expect(""), Up, ""},
		{"asterisk is only special alone", says("**"), expect("**"), Up, ""},
		{"reset", resets, exchange("x", "HTTP"), ReadFailed, "reset by peer before a reply"},
		{"endless", floods(strings.Repeat("x", 64<<10)), expect("HTTP"), Mismatch, `expected "HTTP", got "` + strings.Repeat("x", 48) + `"...`},
		{"endless, any", floods(strings.Repeat("x", 64<<10)), expect("*"), Up, ""},
		{"endless, right", floods("HTTP"), expect("HTTP"), Up, ""},
		{"NULs", says("\x00\x00\x00\x00\x00"), expect("HTTP"), Mismatch, `expected "HTTP", got "\x00\x00\x00\x00\x00"`},
		{"NUL expected", says("a\x00b"), expect("a\x00b"), Up, ""},
		{"forged", says("\x1b[2J\nnanny: [ active ]"), expect("HTTP"), Mismatch, `expected "HTTP", got "\x1b[2J"...`},
		{"beyond 254 bytes", says(long + "A"), expect(long + "B"), Mismatch, ""},
		{"wrong in a later line", says("220-a\r\n220 b\r\n"), expect("220-a\r\n220 c\r\nx"), Mismatch, `expected ..."220 c"..., got ..."220 b"`},
		{"wrong late in a line", says(strings.Repeat("a", 60) + "b"), expect(strings.Repeat("a", 62)), Mismatch,
			`expected ..."` + strings.Repeat("a", 26) + `", got ..."` + strings.Repeat("a", 24) + `b"`},
		{"beyond 254 bytes, right", says(long), expect(long), Up, ""},
		{"longer than a buffer", drips(strings.Repeat("a", 64), 0), listening(expect(strings.Repeat("a", 64<<10))), ReadTimeout, "read timed out after 3s: got 64 of 65536 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, serve(t, "tcp4", tt.handle), tt.check)
			if r.Outcome != tt.want || r.Up() != (tt.want == Up) || tt.reason != "" && r.Reason() != tt.reason {
				t.Errorf("got outcome %d, %q, want %d, %q", r.Outcome, r.Reason(), tt.want, tt.reason)
			}
			if r.Duration <= 0 || r.Duration > 2*tt.check.Timeout+patience/2 {
				t.Errorf("attempt took %v with a timeout of %v", r.Duration, tt.check.Timeout)
			}
		})
	}
}

func TestConnect(t *testing.T) {
	tests := []struct {
		name   string
		target Target
		want   Outcome
		reason string
	}{
		{"refused", nobody(t, TCP), ConnectFailed, "connect refused"},
		{"no answer", full(t), ConnectTimeout, "connect timed out after 50ms"},
		{"broadcast", Target{Protocol: TCP, Addr: netip.MustParseAddrPort("255.255.255.255:80")}, ConnectFailed, "network is unreachable"},
	}
	for _, tt := range tests {
		r := run(t, tt.target, impatient(Check{}))
		if r.Outcome != tt.want || r.Reason() != tt.reason {
			t.Errorf("%s: got outcome %d, %q, want %d, %q", tt.name, r.Outcome, r.Reason(), tt.want, tt.reason)
		}
	}
}

// TestResetAtOnce: a connection that is reset before the attempt goes on has come about all the same, and each check makes of it
// what it makes of a later reset.
func TestResetAtOnce(t *testing.T) {
	for _, tt := range []struct {
		check Check
		want  Outcome
	}{{Check{Timeout: patience}, Up}, {expect("220"), ReadFailed}, {exchange("x", "220"), ReadFailed}} {
		reset := make(chan struct{})
		target := serve(t, "tcp4", func(c *net.TCPConn) {
			_ = c.SetLinger(0)
			c.Close()
			close(reset)
		})
		test, err := NewTest(target, tt.check)
		if err != nil {
			t.Fatal(err)
		}
		var a Attempt
		s := NewScratch()
		if r := a.Begin(test, s); r.Decided() {
			t.Fatalf("decided when it began: %s", r.Reason())
		}
		<-reset
		r := a.Go(s)
		a.End(r, s)
		if r.Outcome != tt.want || r.Outcome == ReadFailed && r.Reason() != "reset by peer before a reply" {
			t.Errorf("%+v: outcome %d, %q, want %d", tt.check, r.Outcome, r.Reason(), tt.want)
		}
	}
}

func TestIPv6(t *testing.T) {
	target := serve(t, "tcp6", answers("x", "OK"))
	if r := run(t, target, exchange("x", "OK")); !r.Up() {
		t.Errorf("got %q, want up", r.Reason())
	}
}

func TestMapped(t *testing.T) {
	target := serve(t, "tcp4", says("OK"))
	target.Addr = netip.AddrPortFrom(netip.AddrFrom16(target.Addr.Addr().As16()), target.Addr.Port())
	if r := run(t, target, expect("OK")); !r.Up() {
		t.Errorf("got %q, want up", r.Reason())
	}
}

func TestUDP(t *testing.T) {
	echo := func(got []byte) []byte { return append([]byte(nil), got...) }
	fixed := func(reply string) func([]byte) []byte { return func([]byte) []byte { return []byte(reply) } }
	tests := []struct {
		name   string
		reply  func([]byte) []byte
		check  Check
		want   Outcome
		reason string
	}{
		{"echo", echo, exchange("ping", "ping"), Up, ""},
		{"longer reply", fixed("pong 42"), exchange("ping", "pong"), Up, ""},
		{"no expect", echo, Check{Send: "ping", Timeout: patience}, Up, ""},
		{"nothing sent", fixed("tick"), expect("tick"), Up, ""},
		{"any", fixed("\x00"), exchange("ping", "*"), Up, ""},
		{"any, empty reply", fixed(""), exchange("ping", "*"), Up, ""},
		{"empty reply, empty expect", fixed(""), exchange("ping", ""), Up, ""},
		{"wrong", fixed("nope"), exchange("ping", "pong"), Mismatch, `expected "pong", got "nope"`},
		{"short", fixed("po"), exchange("ping", "pong"), Short, "reply too short: got 2 of 4 bytes"},
		{"silent", func([]byte) []byte { return nil }, impatient(exchange("ping", "pong")), ReadTimeout, "read timed out after 50ms: no reply"},
	}
	for _, tt := range tests {
		r := run(t, serveUDP(t, tt.reply), tt.check)
		if r.Outcome != tt.want || r.Reason() != tt.reason {
			t.Errorf("%s: got outcome %d, %q, want %d, %q", tt.name, r.Outcome, r.Reason(), tt.want, tt.reason)
		}
	}
	r := run(t, nobody(t, UDP), exchange("ping", "pong"))
	if r.Outcome != ReadFailed || r.Reason() != "port unreachable" {
		t.Errorf("nobody: got outcome %d, %q, want %d, port unreachable", r.Outcome, r.Reason(), ReadFailed)
	}
}

func TestWake(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	silent := serve(t, "tcp4", says(""))
	targets := []struct {
		name   string
		target Target
	}{{"connecting", full(t)}, {"reading", silent}}
	if _, err := unix.Write(pipe[1], []byte{15}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range targets {
		if r := run(t, tt.target, expect("HTTP"), unix.PollFd{Fd: int32(pipe[0]), Events: unix.POLLIN}); r.Outcome != Interrupted || r.Up() {
			t.Errorf("%s: got outcome %d, want %d", tt.name, r.Outcome, Interrupted)
		}
	}
	unix.Close(pipe[0])
	unix.Close(pipe[1])

	// The write end of a pipe wakes when its reader is gone, also in the middle of an attempt.
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[1])
	reader := pipe[0]
	watched := serve(t, "tcp4", func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1))
		unix.Close(reader)
		_, _ = c.Read(make([]byte, 1))
	})
	if r := run(t, watched, exchange("x", "HTTP"), unix.PollFd{Fd: int32(pipe[1])}); r.Outcome != Interrupted {
		t.Errorf("reader gone: got outcome %d, want %d", r.Outcome, Interrupted)
	}
}

// A socket joined with itself is not a server.
func TestConnectedToSelf(t *testing.T) {
	target := nobody(t, TCP)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	target.Addr = localAddr(t, fd)
	test, err := NewTest(target, Check{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	if errno := connect(fd, &test.addr); errno != 0 {
		t.Fatal(errno)
	}
	if a := (Attempt{test: test, fd: fd}); !a.connectedToSelf(&address{}) {
		t.Error("connectedToSelf = false, want true")
	}
}

func TestSource(t *testing.T) {
	from := make(chan string, 1)
	target := serve(t, "tcp4", func(c *net.TCPConn) { from <- c.RemoteAddr().(*net.TCPAddr).IP.String() })
	target.Source = netip.MustParseAddr("127.0.0.9")
	if r := run(t, target, Check{Timeout: patience}); !r.Up() || <-from != "127.0.0.9" {
		t.Errorf("got %q, want a connection from 127.0.0.9", r.Reason())
	}
	target.Source = netip.MustParseAddr("192.0.2.1")
	want := "cannot check: cannot assign requested address"
	if r := run(t, target, Check{Timeout: patience}); r.Reason() != want {
		t.Errorf("from an address of somebody else: got %q, want %q", r.Reason(), want)
	}
}

func TestNewErrors(t *testing.T) {
	good := Target{Protocol: TCP, Addr: netip.MustParseAddrPort("127.0.0.1:80")}
	tests := []struct {
		target Target
		check  Check
		want   error
	}{
		{Target{Protocol: TCP}, Check{Timeout: timeout}, errAddress},
		{Target{Protocol: TCP, Addr: netip.MustParseAddrPort("[fe80::1%eth0]:80")}, Check{Timeout: timeout}, errAddress},
		{Target{Protocol: TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}, Check{Timeout: timeout}, errPort},
		{Target{Addr: good.Addr}, Check{Timeout: timeout}, errProtocol},
		{Target{TCP, good.Addr, netip.MustParseAddr("::1")}, Check{Timeout: timeout}, errSource},
		{good, Check{}, errTimeout},
		{good, Check{Timeout: -1}, errTimeout},
		{good, Check{Timeout: timeout, Expect: strings.Repeat("x", 65537), HasExpect: true}, errExpect},
		{good, Check{Timeout: timeout, Expect: strings.Repeat("x", 65536), HasExpect: true}, nil},
	}
	for _, tt := range tests {
		if _, err := New(tt.target, tt.check); err != tt.want {
			t.Errorf("New(%v, ...) error = %v, want %v", tt.target, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	tests := []struct {
		name   string
		target Target
		check  Check
		want   Outcome
	}{
		{"connect", serveRaw(t, ""), Check{Timeout: patience}, Up},
		{"send and expect", serveRaw(t, "HTTP/1.0 200 OK"), exchange("x", "HTTP"), Up},
		{"refused", nobody(t, TCP), Check{Timeout: patience}, ConnectFailed},
		{"timed out", serveRaw(t, ""), Check{Expect: "x", HasExpect: true, Timeout: time.Millisecond}, ReadTimeout},
		{"mismatch", serveRaw(t, "SSH-2.0"), exchange("x", "HTTP"), Mismatch},
		{"udp refused", nobody(t, UDP), exchange("x", "x"), ReadFailed},
	}
	for _, tt := range tests {
		p, err := New(tt.target, tt.check)
		if err != nil {
			t.Fatal(err)
		}
		reason := make([]byte, 0, 512)
		got := testing.AllocsPerRun(100, func() {
			r := p.Run()
			if reason = r.AppendReason(reason[:0]); r.Outcome != tt.want {
				t.Errorf("%s: got %q", tt.name, reason)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations an attempt, want 0", tt.name, got)
		}
	}
}
