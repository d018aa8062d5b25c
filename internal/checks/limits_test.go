package checks

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/piranha-lvs/piranha/internal/porttest"
)

// TestFlood: a server that sends 100 MB costs neither memory nor time, whatever it sends them as.
func TestFlood(t *testing.T) {
	const much = 100 << 20
	cert := authority.issue(-1, 1, host)
	tests := []struct {
		name      string
		spec      Spec
		beginning string
		what      string
		want      string
	}{
		{"body", Spec{Kind: HTTP}, "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", "x", ""},
		{"https body", Spec{Kind: HTTPS}, "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", "x", ""},
		{"endless body", Spec{Kind: HTTP, Body: "xyx"}, "HTTP/1.0 200 OK\r\n\r\n", "yx", ""},
		{
			"body without the text", Spec{Kind: HTTP, Body: "z"}, "HTTP/1.0 200 OK\r\n\r\n", "xy",
			`body of 65536 bytes does not contain "z", begins with "` + strings.Repeat("xy", 24) + `"...`,
		},
		{"small chunks", Spec{Kind: HTTP, Body: "xxx"}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", ""},
		{"header", Spec{Kind: HTTP}, "HTTP/1.1 200 OK\r\n", "a:\r\n", "HTTP header is longer than 64 KiB"},
		{"header line", Spec{Kind: HTTP}, "HTTP/1.1 200 OK\r\n", "a:", "HTTP header is longer than 64 KiB"},
		{"status line", Spec{Kind: HTTP}, "HTTP/1.1 200 ", "a", "HTTP header is longer than 64 KiB"},
		{"NUL bytes", Spec{Kind: HTTP}, "", "\x00", `expected HTTP, got "` + strings.Repeat(`\x00`, 48) + `"...`},
		{"tls", Spec{Kind: TLS}, "", "x", `expected TLS, got "xxxxx"`},
		{"smtp lines", Spec{Kind: SMTP}, "", "220-\n", "SMTP greeting is longer than 64 KiB"},
		{"dns", Spec{Kind: DNS}, "", "x", `expected DNS answer, got "` + strings.Repeat("x", 14) + `"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			told := make(chan int, 1)
			serve := floods(tt.beginning, tt.what, much, told)
			if tt.spec.Kind == HTTPS {
				serve = over(cert, serve)
			}
			tt.spec.Addr = listen(t, serve)
			judge(t, attemptAt(t, tt.spec), tt.want)
			// What the kernels on both sides hold is sent, too.
			if sent := <-told; sent > 32<<20 {
				t.Errorf("%d bytes were sent", sent)
			}
		})
	}
}

// TestMemory measures what attempts allocate at servers that say as much as they may.
func TestMemory(t *testing.T) {
	const most = 4 << 20 // 64 KiB of the smallest headers, each of which takes a place in a map
	for name, tt := range map[string]struct {
		spec Spec
		says string
	}{
		"header":  {Spec{Kind: HTTP}, "HTTP/1.1 200 OK\r\n" + distinct(20000)},
		"body":    {Spec{Kind: HTTP, Body: "none"}, "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1<<20)},
		"chunks":  {Spec{Kind: HTTP, Body: "none"}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 1<<18)},
		"replies": {Spec{Kind: SMTP}, strings.Repeat("220-\r\n", 1<<18)},
		"line":    {Spec{Kind: SMTP}, "220-" + strings.Repeat("x", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			tt.spec.Addr = netip.MustParseAddrPort("192.0.2.1:80")
			c := mustNew(t, tt.spec)
			piped(c, func(c net.Conn) {
				go silent(c)
				_, _ = io.WriteString(c, tt.says)
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := c.Run(t.Context(), nil)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > most {
				t.Errorf("%d bytes allocated until %q", got, r.Reason())
			}
		})
	}
}

// distinct is so many header lines, none twice.
func distinct(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(string([]byte{'a' + byte(i%26), 'a' + byte(i/26%26), 'a' + byte(i/676%26), 'a' + byte(i/17576%26)}) + ":\n")
	}
	return b.String()
}

// TestLeak: ten thousand checks, half of them refused, leave nothing behind.
func TestLeak(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 500
	}
	up := mustNew(t, Spec{Kind: HTTP, Addr: listen(t, answers(ok))})
	down := mustNew(t, Spec{Kind: HTTP, Addr: porttest.Closed(t)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	both := func() {
		if r := up.Run(ctx, nil); !r.Up() {
			t.Fatal(r.Reason())
		}
		if r := down.Run(ctx, nil); r.Reason() != "connect refused" {
			t.Fatalf("up = %v, reason %q", r.Up(), r.Reason())
		}
	}
	both()
	descriptors, goroutines := inUse(t)
	for range n {
		both()
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // the server ends its own later
		d, g := inUse(t)
		if d <= descriptors && g <= goroutines {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors and %d goroutines, before %d and %d", d, g, descriptors, goroutines)
		}
	}
}

// inUse counts descriptors and goroutines.
func inUse(t *testing.T) (descriptors, goroutines int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries), runtime.NumGoroutine()
}

// anyPeer makes an attempt at a peer that says what it likes and hangs up.
func anyPeer(t *testing.T, s Spec, data []byte) {
	s.Timeout = 2 * patience
	s.Addr = netip.MustParseAddrPort("192.0.2.1:80")
	c := mustNew(t, s)
	piped(c, func(c net.Conn) {
		go silent(c)
		_, _ = c.Write(data)
	})
	line := func(what, text string) {
		if !utf8.ValidString(text) || len(text) > maxReason || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s %q", what, text)
		}
	}
	r := c.Run(t.Context(), func(step string) { line("step", step) })
	line("reason", r.Reason())
	if r.Up() != (r.Reason() == "") {
		t.Errorf("up = %v, reason %q", r.Up(), r.Reason())
	}
	if r.Duration > s.Timeout/2 {
		t.Errorf("%v", r.Duration)
	}
}

func FuzzHTTP(f *testing.F) {
	for _, s := range []string{ok, http503, chunked, untilEnd, other, nuls, "HTTP/1.1 100 x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { anyPeer(t, Spec{Kind: HTTP, Body: "well"}, data) })
}

func FuzzTLS(f *testing.F) {
	f.Add([]byte("\x16\x03\x03\x00\x7a\x02\x00\x00\x76"))
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x28"))
	f.Fuzz(func(t *testing.T, data []byte) { anyPeer(t, Spec{Kind: TLS}, data) })
}

func FuzzSMTP(f *testing.F) {
	for _, s := range []string{greeting + ehlo + bye, "554 no\r\n", "220\n250\n", "220-x\r\n", other, nuls} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { anyPeer(t, Spec{Kind: SMTP}, data) })
}

func FuzzDNS(f *testing.F) {
	q, err := (&Spec{Host: host}).question()
	if err != nil {
		f.Fatal(err)
	}
	p, _ := query(7, q)
	f.Add(p)
	p[2] |= 0x80
	f.Add(p)
	f.Fuzz(func(t *testing.T, data []byte) {
		anyPeer(t, Spec{Kind: DNS}, data)
		if h, ok := answer(data, 7, q); ok && (h.ID != 7 || !h.Response) {
			t.Errorf("%v is an answer", h)
		}
		if h, ok := answer(data, 7, dnsmessage.Question{Name: q.Name, Type: dnsmessage.TypeMX}); ok && h.RCode == dnsmessage.RCodeSuccess {
			t.Errorf("%v is an answer to a question of no class", h)
		}
	})
}
