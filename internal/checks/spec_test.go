package checks

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/probe"
)

func TestNewRefuses(t *testing.T) {
	good := Spec{Kind: HTTP, Addr: netip.MustParseAddrPort("127.0.0.1:80"), Timeout: 1}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *Spec){
		"no kind":            func(s *Spec) { s.Kind = 0 },
		"unknown kind":       func(s *Spec) { s.Kind = Ping + 1 },
		"no address":         func(s *Spec) { s.Addr = netip.AddrPort{} },
		"zone":               func(s *Spec) { s.Addr = netip.MustParseAddrPort("[fe80::1%lo]:80") },
		"no port":            func(s *Spec) { s.Addr = netip.MustParseAddrPort("127.0.0.1:0") },
		"source of IPv6":     func(s *Spec) { s.Source = netip.MustParseAddr("::1") },
		"no timeout":         func(s *Spec) { s.Timeout = 0 },
		"header in host":     func(s *Spec) { s.Host = "a\r\nCookie: b" },
		"blank in host":      func(s *Spec) { s.Host = "a b" },
		"long host":          func(s *Spec) { s.Host = strings.Repeat("a", 256) },
		"relative path":      func(s *Spec) { s.Path = "health" },
		"request in path":    func(s *Spec) { s.Path = "/ HTTP/1.1\r\nx:" },
		"long path":          func(s *Spec) { s.Path = "/" + strings.Repeat("a", 8<<10) },
		"long body":          func(s *Spec) { s.Body = strings.Repeat("a", 64<<10+1) },
		"long label in DNS":  func(s *Spec) { s.Kind, s.Host = DNS, strings.Repeat("a", 64) },
		"long name in DNS":   func(s *Spec) { s.Kind, s.Host = DNS, strings.Repeat("abc.", 63)+"abc" },
		"empty label in DNS": func(s *Spec) { s.Kind, s.Host = DNS, "a..b" },
	} {
		s := good
		change(&s)
		if c, err := New(s); err == nil {
			t.Errorf("%s: %v, want an error", name, c.spec)
		}
	}
}

func TestKinds(t *testing.T) {
	for k := HTTP; k <= Ping; k++ {
		if got, ok := ParseKind(k.String()); got != k || !ok {
			t.Errorf("%q is %v, want %v", k.String(), got, k)
		}
	}
	for _, name := range []string{"", "tcp", "HTTP", "unknown"} {
		if k, ok := ParseKind(name); ok {
			t.Errorf("%q is %v", name, k)
		}
	}
}

func TestStatus(t *testing.T) {
	for text, want := range map[string]string{
		"200":                "200",
		"200-399":            "200-399",
		"200, 301 - 302,404": "200,301-302,404",
		"100-999":            "100-999",
		"200-200":            "200",
		"":                   "", "99": "", "1000": "", "300-200": "", "200-": "", "-200": "", "200,": "", "2xx": "", "200-300-400": "", "70000": "",
	} {
		s, err := ParseStatus(text)
		if (err == nil) != (want != "") || s.String() != want {
			t.Errorf("%q is %q, %v, want %q", text, s, err, want)
		}
	}
	s, _ := ParseStatus("200,301-302")
	for status, want := range map[int]bool{199: false, 200: true, 201: false, 300: false, 301: true, 302: true, 303: false, 65736: false} {
		if s.Has(status) != want {
			t.Errorf("%d is in %v: %v, want %v", status, s, !want, want)
		}
	}
}

func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		spec       Spec
		line, host string
	}{
		{Spec{Kind: HTTP, Addr: netip.MustParseAddrPort("192.0.2.1:80")}, "GET / HTTP/1.1", "192.0.2.1"},
		{Spec{Kind: HTTP, Addr: netip.MustParseAddrPort("192.0.2.1:443"), Path: "/a?b=c"}, "GET /a?b=c HTTP/1.1", "192.0.2.1:443"},
		{Spec{Kind: HTTPS, Addr: netip.MustParseAddrPort("[2001:db8::1]:443")}, "GET / HTTP/1.1", "[2001:db8::1]"},
		{Spec{Kind: HTTPS, Addr: netip.MustParseAddrPort("[2001:db8::1]:80")}, "GET / HTTP/1.1", "[2001:db8::1]:80"},
		{Spec{Kind: HTTP, Addr: netip.MustParseAddrPort("192.0.2.1:80"), Host: "a.example:8080"}, "GET / HTTP/1.1", "a.example:8080"},
	} {
		want := tt.line + "\r\nHost: " + tt.host + "\r\nUser-Agent: piranha\r\nAccept: */*\r\nConnection: close\r\n\r\n"
		if got := mustNew(t, tt.spec).request; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestSource: a check comes from where it is told to.
func TestSource(t *testing.T) {
	addr := listen(t, func(c net.Conn) {
		from := c.RemoteAddr().(*net.TCPAddr).IP.String()
		readRequest(c)
		_, _ = io.WriteString(c, page("200 OK", "from "+from))
	})
	judge(t, attemptAt(t, Spec{Kind: HTTP, Addr: addr, Source: netip.MustParseAddr("127.0.0.9"), Body: "from 127.0.0.9"}), "")
	for _, udp := range []bool{false, true} {
		r := attemptAt(t, Spec{Kind: DNS, UDP: udp, Addr: addr, Source: netip.MustParseAddr("192.0.2.77")})
		judge(t, r, "cannot check: cannot assign requested address")
		if r.Outcome != probe.NoSocket {
			t.Errorf("outcome %v, want trouble of this host", r.Outcome)
		}
	}
}

// TestSteps: an operator is told what was done.
func TestSteps(t *testing.T) {
	cert := authority.issue(-1, 40.5, host)
	s := Spec{Kind: HTTPS, Host: host, Verify: true, Path: "/health", Body: "well"}
	s.Addr = listen(t, over(cert, answers(ok)))
	var steps []string
	mustNew(t, s).Run(t.Context(), func(step string) { steps = append(steps, step) })
	want := []string{
		"connected to " + s.Addr.String() + " from 127.0.0.1:", "TLS 1.3, TLS_", "certificate CN=server for a.example, expires in 40 days",
		"GET /health: 200 OK", `body: 11 bytes, contains "well"`,
	}
	if len(steps) != len(want) {
		t.Fatalf("%q", steps)
	}
	for i := range want {
		if !strings.HasPrefix(steps[i], want[i]) {
			t.Errorf("step %q, want %q", steps[i], want[i])
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                             "plain",
		"a\r\nb\x00c\x1b[0m\u202ed\xffe":    "a??b?c?[0m?d?e",
		strings.Repeat("x", 240):            strings.Repeat("x", 240),
		strings.Repeat("x", 241):            strings.Repeat("x", 237) + "...",
		"x" + strings.Repeat("ü", 120):      "x" + strings.Repeat("ü", 118) + "...",
		"xx" + strings.Repeat("ü", 120):     "xx" + strings.Repeat("ü", 117) + "...",
		"xxx" + strings.Repeat("\xff", 300): "xxx" + strings.Repeat("?", 234) + "...",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestJoinedWithItself: a socket the kernel joined with itself is no server.
func TestJoinedWithItself(t *testing.T) {
	for _, udp := range []bool{false, true} {
		addr := netip.MustParseAddrPort("127.0.0.1:40053")
		c := mustNew(t, Spec{Kind: DNS, UDP: udp, Addr: addr})
		piped(c, silent)
		dial := c.dial
		c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return located{conn, net.TCPAddrFromAddrPort(addr)}, err
		}
		want := "connect refused"
		if udp {
			want = "port unreachable"
		}
		judge(t, c.Run(t.Context(), nil), want)
	}
}

// located is a connection with another address.
type located struct {
	net.Conn
	addr net.Addr
}

func (l located) LocalAddr() net.Addr { return l.addr }
