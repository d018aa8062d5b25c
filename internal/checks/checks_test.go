package checks

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piranha-lvs/piranha/internal/porttest"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// mustNew returns a check with patience.
func mustNew(t testing.TB, s Spec) *Check {
	t.Helper()
	if s.Timeout == 0 {
		s.Timeout = patience
	}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// attemptAt makes one attempt and logs its steps.
func attemptAt(t testing.TB, s Spec) probe.Result {
	t.Helper()
	return mustNew(t, s).Run(t.Context(), func(step string) { t.Log(step) })
}

// judge compares a result with the reason that is wanted, "" for success. One that ends in a blank is only the beginning: how
// many bytes a handshake has is nobody's business.
func judge(t testing.TB, r probe.Result, want string) {
	t.Helper()
	same := r.Reason() == want
	if strings.HasSuffix(want, " ") {
		same = strings.HasPrefix(r.Reason(), want)
	}
	if r.Up() != (want == "") || !same {
		t.Errorf("up = %v, reason %q, want %q", r.Up(), r.Reason(), want)
	}
	if r.Duration <= 0 {
		t.Errorf("duration %v", r.Duration)
	}
}

const (
	host  = "a.example"
	other = "SSH-2.0-OpenSSH_9.2p1\r\n"
	nuls  = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

var (
	ok       = page("200 OK", "all is well")
	http503  = page("503 Service Unavailable", "sorry")
	chunked  = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nall is \r\n4\r\nwell\r\n0\r\n\r\n"
	untilEnd = "HTTP/1.0 200 OK\r\n\r\nall is well"
)

// row is a kind of check against a server: how it behaves, and the reason it is down for.
type row struct {
	name  string
	spec  Spec
	serve handler // nil: nobody listens
	want  string
}

func runRows(t *testing.T, rows []row) {
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.serve == nil {
				tt.spec.Addr = porttest.Closed(t)
			} else {
				tt.spec.Addr = listen(t, tt.serve)
			}
			judge(t, attemptAt(t, tt.spec), tt.want)
		})
	}
}

func TestHTTP(t *testing.T) {
	well := Spec{Kind: HTTP, Body: "is well"}
	plain := Spec{Kind: HTTP}
	runRows(t, []row{
		{"right", plain, answers(ok), ""},
		{"refused", plain, nil, "connect refused"},
		{"body", well, answers(ok), ""},
		{"chunked", well, answers(chunked), ""},
		{"until the end", well, answers(untilEnd), ""},
		{"no content", plain, answers("HTTP/1.1 204 No Content\r\n\r\n"), ""},
		{"no words", plain, answers("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), ""},
		{"told to wait", plain, answers("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok), ""},
		{"redirect", plain, answers("HTTP/1.1 302 Found\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n"), ""},
		{"wrong status", plain, answers(http503), "status 503 Service Unavailable, expected 200-399"},
		{"wrong status without words", plain, answers("HTTP/1.1 404\r\n\r\n"), "status 404 Not Found, expected 200-399"},
		{
			"redirect is wrong", Spec{Kind: HTTP, Status: StatusSet{{200, 200}, {204, 206}}},
			answers(page("301 Moved Permanently", "")), "status 301 Moved Permanently, expected 200,204-206",
		},
		{"error is right", Spec{Kind: HTTP, Status: StatusSet{{401, 401}}}, answers(page("401 Unauthorized", "")), ""},
		{
			"status with evil words", plain, answers("HTTP/1.1 500 a\x1b[2Jb\xff" + strings.Repeat("c", 300) + "\r\n\r\n"),
			"status 500 a?[2Jb?" + strings.Repeat("c", 53) + "..., expected 200-399",
		},
		{"wrong body", well, answers(page("200 OK", "sick\r\nvery")), `body of 10 bytes does not contain "is well", begins with "sick"...`},
		{"no body", well, answers(page("200 OK", "")), `body of 0 bytes does not contain "is well", begins with ""`},
		{
			"regex", Spec{Kind: HTTP, Body: "we+ll", Match: func(b []byte) bool { return string(b) == "all is well" }}, answers(ok), "",
		},
		{
			"wrong regex", Spec{Kind: HTTP, Body: "ill", Match: func([]byte) bool { return false }}, answers(ok),
			`body of 11 bytes does not match "ill", begins with "all is well"`,
		},
		{"closes", plain, hears, "closed by peer in HTTP header: no reply"},
		{"half-closes", plain, halfCloses, "closed by peer in HTTP header: no reply"},
		{"resets", plain, resets, "reset by peer in HTTP header: no reply"},
		{"closes in the header", plain, answers("HTTP/1.1 200 OK\r\nServer: x\r\n"), "closed by peer in HTTP header: got 28 bytes"},
		{
			"closes in the body", plain, answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nall"),
			"closed by peer in HTTP body: got 43 bytes",
		},
		{
			"closes in the chunks", plain, answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nall"),
			"closed by peer in HTTP body: got 53 bytes",
		},
		{
			"bad chunks", plain, answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nall"),
			"HTTP body: invalid byte in chunk length",
		},
		{"NUL bytes", plain, answers(nuls), `expected HTTP, got "` + strings.Repeat(`\x00`, 16) + `"`},
		{"another protocol", plain, says(other), `expected HTTP, got "SSH-2.0-OpenSSH_9.2p1"`},
		{"TLS", plain, says("\x15\x03\x01\x00\x02\x02F"), `expected HTTP, got "\x15\x03\x01\x00\x02\x02F"`},
		{"bad status", plain, answers("HTTP/1.1 abc\r\n\r\n"), `HTTP header: malformed HTTP status code "abc"`},
		{
			"endless header", plain, answers("HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 64<<10)),
			"HTTP header is longer than 64 KiB",
		},
		{
			"told to wait for ever", plain, answers(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 8<<10)),
			"HTTP header is longer than 64 KiB",
		},
	})
}

func TestTLS(t *testing.T) {
	good := authority.issue(-1, 40.5, host, "www.a.example")
	trust := Spec{Kind: TLS, Host: host, Verify: true}
	any := Spec{Kind: TLS}
	runRows(t, []row{
		{"right", trust, over(good, silent), ""},
		{"refused", trust, nil, "connect refused"},
		{"not verified", any, over(stranger.issue(-9, -3), silent), ""},
		{"expired", trust, over(authority.issue(-9, -3.5, host), silent), "certificate expired 3 days ago"},
		{"expired and a stranger's", trust, over(stranger.issue(-9, -1.1, host), silent), "certificate expired 26 hours ago"},
		{"another name", trust, over(authority.issue(-1, 1, "b.example"), silent), "certificate is for b.example, not a.example"},
		{
			"other names", trust, over(authority.issue(-1, 1, "b.example", "c.example", "d.example", "e.example"), silent),
			"certificate is for b.example, c.example, d.example, others, not a.example",
		},
		{"no name", trust, over(authority.issue(-1, 1), silent), "certificate is for no host, only CN=server, not a.example"},
		{"no host", Spec{Kind: TLS, Verify: true}, over(good, silent), "certificate is for a.example, www.a.example, not 127.0.0.1"},
		{
			"unknown authority", trust, over(stranger.issue(-1, 1, host), silent),
			"certificate is signed by an authority unknown here: CN=Stranger",
		},
		{
			"vouches for itself", trust, over(selfSigned(host), silent),
			"certificate is signed by itself, or its authority is unknown here: CN=a.example",
		},
		{"expired authority", trust, over(byExpired(host), silent), "certificate of authority CN=Old expired 3 days ago"},
		{"old version", any, overConfig(&tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS10, MinVersion: tls.VersionTLS10}, silent), ""},
		{
			"old version, verified", trust,
			overConfig(&tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS10, MinVersion: tls.VersionTLS10}, silent),
			"TLS alert in TLS handshake: protocol version not supported",
		},
		{"closes", any, hears, "closed by peer in TLS handshake: no reply"},
		{"half-closes", any, halfCloses, "closed by peer in TLS handshake: no reply"},
		{"resets", any, resets, "reset by peer in TLS handshake: no reply"},
		{"NUL bytes", any, says(nuls), `expected TLS, got "\x00\x00\x00\x00\x00"`},
		{"another protocol", any, says(other), `expected TLS, got "SSH-2"`},
		{"HTTP", any, says("HTTP/1.1 400 Bad Request\r\n\r\n"), `expected TLS, got "HTTP/"`},
	})
}

func TestTLSTimes(t *testing.T) {
	tests := []struct {
		begin, end float64
		want       string
	}{
		{2.5, 9, "in 2 days"},
		{-9, -365.2, "certificate expired 365 days ago"},
		{-9, -.5 / 24 / 60, "certificate expired 0 minutes ago"},
		{-9, -1.5 / 24, "certificate expired 1 hour ago"},
	}
	for _, tt := range tests {
		addr := listen(t, over(authority.issue(tt.begin, tt.end, host), silent))
		r := attemptAt(t, Spec{Kind: TLS, Addr: addr, Host: host, Verify: true})
		if r.Up() || !strings.HasSuffix(r.Reason(), tt.want) {
			t.Errorf("valid from %v to %v: reason %q, want ... %q", tt.begin, tt.end, r.Reason(), tt.want)
		}
	}
}

func TestHTTPS(t *testing.T) {
	good := authority.issue(-1, 40.5, host)
	trust := Spec{Kind: HTTPS, Host: host, Verify: true, Body: "is well"}
	any := Spec{Kind: HTTPS}
	runRows(t, []row{
		{"right", trust, over(good, answers(ok)), ""},
		{"host with a port", Spec{Kind: HTTPS, Host: host + ":8443", Verify: true}, over(good, answers(ok)), ""},
		{"refused", trust, nil, "connect refused"},
		{"wrong status", trust, over(good, answers(http503)), "status 503 Service Unavailable, expected 200-399"},
		{"expired", trust, over(authority.issue(-9, -3.5, host), answers(ok)), "certificate expired 3 days ago"},
		{"closes", any, over(good, hears), "closed by peer in HTTP header: got "},
		{"plain", any, func(c net.Conn) { hears(c); _, _ = io.WriteString(c, http503) }, `expected TLS, got "HTTP/"`},
		{"another protocol in TLS", any, over(good, says(other)), `expected HTTP, got "SSH-2.0-OpenSSH_9.2p1"`},
		{"NUL bytes in TLS", any, over(good, answers(nuls)), `expected HTTP, got "` + strings.Repeat(`\x00`, 16) + `"`},
		{
			"wants a certificate", any,
			overConfig(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}, answers(ok)),
			"TLS alert in HTTP header: certificate required",
		},
		{"cut off", any, over(good, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, ok[:20])
			_ = c.(*tls.Conn).NetConn().(*net.TCPConn).CloseWrite()
		}), "closed by peer in HTTP header: got "},
	})
}

// TestSlow has the cells of what takes time: in no real time at all.
func TestSlow(t *testing.T) {
	cert := authority.issue(-1, 1, host)
	tests := []struct {
		name  string
		spec  Spec
		serve handler
		want  string
	}{
		{"http silent", Spec{Kind: HTTP}, silent, "timed out after 3.5s in HTTP header: no reply"},
		{"http dripping", Spec{Kind: HTTP}, drips(ok), "timed out after 3.5s in HTTP header: got 4 bytes"},
		{
			"http dripping body", Spec{Kind: HTTP}, func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, untilEnd)
				drips(untilEnd)(c)
			}, "timed out after 3.5s in HTTP body: got 34 bytes",
		},
		{
			"http stops in the body", Spec{Kind: HTTP}, func(c net.Conn) {
				answers(ok[:len(ok)-5])(c)
				silent(c)
			}, "timed out after 3.5s in HTTP body: got 45 bytes",
		},
		{"http does not read", Spec{Kind: HTTP}, func(net.Conn) { time.Sleep(time.Minute) }, "timed out after 3.5s in HTTP request: no reply"},
		{"https silent in TCP", Spec{Kind: HTTPS}, silent, "timed out after 3.5s in TLS handshake: no reply"},
		{"https dripping", Spec{Kind: HTTPS}, drips("\x16\x03\x03\x00\x7a"), "timed out after 3.5s in TLS handshake: got 4 bytes"},
		{"https silent in TLS", Spec{Kind: HTTPS}, over(cert, silent), "timed out after 3.5s in HTTP header: got "},
		{"https dripping in TLS", Spec{Kind: HTTPS}, over(cert, drips(ok)), "timed out after 3.5s in HTTP header: got "},
		{"tls silent", Spec{Kind: TLS}, silent, "timed out after 3.5s in TLS handshake: no reply"},
		{"smtp silent", Spec{Kind: SMTP}, silent, "timed out after 3.5s in SMTP greeting: no reply"},
		{"smtp dripping", Spec{Kind: SMTP}, drips("220 mail\r\n"), "timed out after 3.5s in SMTP greeting: got 4 bytes"},
		{"smtp silent after greeting", Spec{Kind: SMTP}, says("220 mail\r\n"), "timed out after 3.5s in SMTP EHLO: got 10 bytes"},
		{"dns silent", Spec{Kind: DNS}, silent, "timed out after 3.5s in DNS answer: no reply"},
		{"dns dripping", Spec{Kind: DNS}, drips("\x00\x20\x00\x00\x00\x00"), "timed out after 3.5s in DNS answer: got 4 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.spec.Timeout = 3500 * time.Millisecond
				tt.spec.Addr = netip.MustParseAddrPort("192.0.2.1:443")
				c := mustNew(t, tt.spec)
				piped(c, tt.serve)
				r := c.Run(t.Context(), nil)
				time.Sleep(time.Minute) // for what drips
				if r.Up() || !strings.HasPrefix(r.Reason(), tt.want) || r.Duration != tt.spec.Timeout {
					t.Errorf("up = %v, reason %q after %v, want %q", r.Up(), r.Reason(), r.Duration, tt.want)
				}
			})
		})
	}
}

// TestInterrupted: the end of the context ends every step at once.
func TestInterrupted(t *testing.T) {
	cert := authority.issue(-1, 1, host)
	for kind, serve := range map[Kind]handler{HTTP: silent, HTTPS: over(cert, silent), TLS: silent, SMTP: says("220 x\r\n"), DNS: silent} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := mustNew(t, Spec{Kind: kind, Addr: netip.MustParseAddrPort("192.0.2.1:443"), Timeout: time.Hour})
				piped(c, serve)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if r := c.Run(ctx, nil); r.Outcome != probe.Interrupted || r.Duration != time.Minute {
					t.Errorf("%q after %v, want an interruption after 1m", r.Reason(), r.Duration)
				}
			})
		})
	}
}
