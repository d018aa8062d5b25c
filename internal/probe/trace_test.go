package probe

import (
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// times are the parts of a trace that nobody can foresee.
var times = regexp.MustCompile(`in [0-9.]+(µs|ms|s)`)

// traced returns the steps of one attempt, with T for times and TARGET for the address, and tells each when it is taken.
func traced(t *testing.T, target Target, c Check, told chan<- string) ([]string, Result) {
	t.Helper()
	test, err := NewTest(target, c)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	r := test.Trace(func(step string) {
		step = strings.ReplaceAll(times.ReplaceAllString(step, "in T"), target.Addr.String(), "TARGET")
		steps = append(steps, step)
		told <- step
	})
	return steps, r
}

func TestTrace(t *testing.T) {
	told := make(chan string, 100) // of all attempts
	greeter := serve(t, "tcp4", func(c *net.TCPConn) { _, _ = io.WriteString(c, "220 ready\r\n") })
	web := serve(t, "tcp4", func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 100))
		_, _ = io.WriteString(c, "HTTP")
		for step := range told {
			if strings.HasSuffix(step, `"HTTP"`) { // the client has read it
				_, _ = io.WriteString(c, "/1.0 200 OK\r\n")
				return
			}
		}
	})
	silent := serve(t, "tcp4", func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)) })
	gone := nobody(t, TCP)
	six := serve(t, "tcp6", func(*net.TCPConn) {})
	echo := serveUDP(t, func(got []byte) []byte { return append(got, '!') })
	for _, tt := range []struct {
		name   string
		target Target
		check  Check
		want   []string
		reason string
	}{
		{"a connection", greeter, Check{Timeout: patience}, []string{"connecting to TARGET", "connected in T"}, ""},
		{"IPv6", six, Check{Timeout: patience}, []string{"connecting to TARGET", "connected in T"}, ""},
		{"a greeting", greeter, expect("220"), []string{"connecting to TARGET", "connected in T", `got 11 bytes in T: "220 ready"`}, ""},
		{"in two pieces", web, exchange("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200"), []string{"connecting to TARGET", "connected in T",
			"sent 18 bytes", `got 4 bytes in T: "HTTP"`, `got 17 bytes in T: "HTTP/1.0 200 OK"`}, ""},
		{"another one", greeter, expect("SSH"), []string{"connecting to TARGET", "connected in T", `got 11 bytes in T: "220 ready"`},
			`expected "SSH", got "220 ready"`},
		{"silence", silent, impatient(expect("x")), []string{"connecting to TARGET", "connected in T"}, "read timed out after 50ms: no reply"},
		{"refused", gone, expect("x"), []string{"connecting to TARGET"}, "connect refused"},
		{"UDP", echo, exchange("hello", "hello!"), []string{"sent 5 bytes to TARGET by UDP", `got 6 bytes in T: "hello!"`}, ""},
		{"UDP without a text", echo, Check{Timeout: patience}, []string{"sent 0 bytes to TARGET by UDP", `got 1 bytes in T: "!"`}, ""},
	} {
		got, r := traced(t, tt.target, tt.check, told)
		if !slices.Equal(got, tt.want) || r.Reason() != tt.reason || r.Duration <= 0 {
			t.Errorf("%s: %q, %+v, want %q, %s", tt.name, got, r, tt.want, tt.reason)
		}
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 812345: "812µs", 1234567: "1.2ms", 99999999: "100ms", 123456789: "120ms", 2000123456: "2s", 12345678901: "12.3s",
	} {
		if got := Brief(d); got != want {
			t.Errorf("Brief(%d) = %s, want %s", d, got, want)
		}
	}
}
