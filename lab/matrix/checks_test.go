package matrix

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"
)

// heavy are the reports of a check that takes its time for all of an attempt, up to the first reply: in which phase that comes,
// what it says if it is not what it should be, and what it makes of "500 no".
func heavy(phase, expected, wrong string) reports {
	late := "down timed out after 400ms in " + phase + ": "
	return always(up).but(reports{
		"wrong":               wrong,
		"wrong and closes":    wrong,
		"too slow":            late + "no reply",
		"silent":              late + "no reply",
		"deaf":                late + "no reply",
		"closing":             "down closed by peer in " + phase + ": no reply",
		"half-closing":        "down closed by peer in " + phase + ": no reply",
		"half-closing amid":   "down closed by peer in " + phase + ": got 2 bytes",
		"resetting":           "down reset by peer in " + phase + ": no reply",
		"resetting amid":      "down reset by peer in " + phase + ": got 2 bytes",
		"dripping":            late + "got 1 byte",
		"dripping, with time": "down timed out after 2.5s in " + phase + ": got 3 bytes",
		"100 MB, wrong":       expected + `"` + strings.Repeat("x", sample) + `"...`,
		"100 MB of NUL":       expected + `"` + strings.Repeat(zeros, sample/8) + `"...`,
		"SSH":                 expected + `"SSH-2.0-OpenSSH_9.2p1 Debian-2"`,
	})
}

const (
	page     = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nall is well\r\n"
	noHTTP   = "down expected HTTP, got "
	greeting = "220 mail.example ESMTP\r\n"
	noSMTP   = "down SMTP greeting: expected 220, got "
)

// TestHTTP: --check=http.
func TestHTTP(t *testing.T) {
	t.Parallel()
	want := heavy("HTTP header", noHTTP, noHTTP+`"500 no"`).but(reports{"NUL amid": noHTTP + `"H\x00TTP/1.1 200 OK"...`})
	row(t, []string{"--check=http"}, asked("\r\n\r\n", page), want)
}

// TestHTTPS: --check=https, with servers that speak TLS well and HTTP as they like. How many bytes came depends on the
// certificate.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	want := heavy("HTTP header", noHTTP, noHTTP+`"500 no"`).but(reports{
		"NUL amid":      noHTTP + `"H\x00TTP/1.1 200 OK"...`,
		"100 MB, wrong": noHTTP + `"xxxxxxxx…`,
		"100 MB of NUL": noHTTP + `"\x00\x00\x00\x00…`,
		"deaf":          "down timed out after 400ms in TLS handshake: no reply",
	})
	for name, report := range want {
		for _, end := range []string{"no reply", "got 1 byte", "got 2 bytes", "got 3 bytes"} {
			if before, ok := strings.CutSuffix(report, end); ok && name != "deaf" {
				want[name] = before + "got …"
			}
		}
	}
	config := &tls.Config{Certificates: []tls.Certificate{roots.sign(t, site, thisYear())}}
	for _, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			d := asked("\r\n\r\n", page)
			if act := b.act; act != nil && b.name != "deaf" {
				b.act = func(c conn, d dialogue) { overTLS(config, func(c conn) { act(c, d) })(c) }
			}
			cell(t, b.start(t, d), []string{"--check=https", "--check-host=" + site}, want[b.name])
		})
	}
}

// TestSMTP: --check=smtp.
func TestSMTP(t *testing.T) {
	t.Parallel()
	cut := "down closed by peer in SMTP EHLO: got 24 bytes\ndown reset by peer in SMTP EHLO: got 24 bytes"
	want := heavy("SMTP greeting", noSMTP, "down SMTP greeting 500 no").but(reports{
		"resetting":          "down reset by peer in SMTP greeting: no reply\ndown connect failed: connection reset by peer", // it waits for nothing
		"right and closes":   cut,
		"half-closing after": cut,
		"100 MB, right":      "down SMTP EHLO 220 mail.example ESMTP",
		"NUL amid":           noSMTP + `"2\x0020 mail.example ESMTP"`,
	})
	row(t, []string{"--check=smtp"}, dialogue{say: greeting, more: mail("250-mail.example\r\n250 PIPELINING\r\n")}, want)
}

// mail answers EHLO so, and everything else well.
func mail(ehlo string) func(c conn) {
	return func(c conn) {
		b := make([]byte, 512)
		for {
			n, err := c.Read(b)
			switch {
			case err != nil:
				return
			case strings.HasPrefix(string(b[:n]), "EHLO"):
				c.say(ehlo)
			case strings.HasPrefix(string(b[:n]), "QUIT"):
				c.say("221 bye\r\n")
				return
			default:
				c.say("250 well\r\n")
			}
		}
	}
}

// TestTLS: handshakes, of https as of tls.
func TestTLS(t *testing.T) {
	t.Parallel()
	const (
		late   = "down timed out after 400ms in TLS handshake: "
		closed = "down closed by peer in TLS handshake: no reply"
	)
	other, err := newAuthority("Others")
	if err != nil {
		t.Fatal(err)
	}
	with := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	good := with(roots.sign(t, site, thisYear()))
	old := with(good.Certificates[0])
	old.MaxVersion = tls.VersionTLS12
	older := with(good.Certificates[0])
	older.MinVersion, older.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	well := func(config *tls.Config) func(conn) {
		return overTLS(config, func(c conn) { c.hear("\r\n\r\n"); c.say(page); _ = c.CloseWrite(); c.stay() })
	}
	heard := func(act func(c conn)) func(conn) {
		return func(c conn) { _, _ = c.Read(make([]byte, 4096)); act(c) }
	}
	for _, tt := range []struct {
		name     string
		act      func(c conn)
		verified string
		trusted  string // with --check-verify=no
	}{
		{"right", well(good), up, up},
		{"TLS 1.2", well(old), up, up},
		{"TLS 1.1", well(older), "down TLS alert in TLS handshake: protocol version not supported", up},
		{"slow", func(c conn) { c.pause(slow); well(good)(c) }, up, up},
		{"too slow", func(c conn) { c.pause(2 * short); well(good)(c) }, late + "no reply", late + "no reply"},
		{"silent", func(c conn) { c.stay() }, late + "no reply", late + "no reply"},
		{"closing", heard(func(conn) {}), closed, closed},
		{"half-closing", heard(func(c conn) { _ = c.CloseWrite(); c.stay() }), closed, closed},
		{"resetting", heard(func(c conn) { c.reset() }), "down reset by peer in TLS handshake: no reply", "down reset by peer in TLS handshake: no reply"},
		{"dripping", func(c conn) { _ = tls.Server(dripping{c.tcp, c}, good).Handshake() }, late + "got 1 byte", late + "got 1 byte"},
		{"100 MB", heard(func(c conn) { c.flood("x") }), `down expected TLS, got "xxxxx"`, `down expected TLS, got "xxxxx"`},
		{"100 MB of records", heard(func(c conn) { c.flood("\x16\x03\x03\x00\x04\x02\x00\x00\x00") }), "down TLS handshake: …\ndown TLS alert …", "down TLS handshake: …\ndown TLS alert …"},
		{"NUL", heard(func(c conn) { c.say("\x00\x00\x00\x00\x00\x00"); c.stay() }), `down expected TLS, got "\x00\x00\x00\x00\x00"`, `down expected TLS, got "\x00\x00\x00\x00\x00"`},
		{"HTTP", heard(func(c conn) { c.say("HTTP/1.1 400 Bad Request\r\n\r\n") }), `down expected TLS, got "HTTP/"`, `down expected TLS, got "HTTP/"`},
		{"SSH", func(c conn) { c.say("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"); c.stay() }, `down expected TLS, got "SSH-2"`, `down expected TLS, got "SSH-2"`},
		{"expired", well(with(roots.sign(t, site, validity{-90 * day, -3*day - time.Minute}))), "down certificate expired 3 days ago", up},
		{"not yet valid", well(with(roots.sign(t, site, validity{5*day + time.Minute, 90 * day}))), "down certificate is not valid before …", up},
		{"other name", well(with(roots.sign(t, "mail.example", thisYear()))), "down certificate is for mail.example, not web.example", up},
		{"unknown authority", well(with(other.sign(t, site, thisYear()))), "down certificate is signed by an authority unknown here: CN=Others", up},
		{"signed by itself", well(with((*authority)(nil).sign(t, site, thisYear()))), "down certificate is signed by itself, or its authority is unknown here: CN=web.example", up},
	} {
		for _, kind := range []string{"tls", "https"} {
			for verify, want := range map[string]string{"yes": tt.verified, "no": tt.trusted} {
				t.Run(kind+"/"+tt.name+"/"+verify, func(t *testing.T) {
					t.Parallel()
					cell(t, serve(t, tt.act), []string{"--check=" + kind, "--check-host=" + site, "--check-verify=" + verify}, want)
				})
			}
		}
	}
}

// TestPages: what servers of HTTP may answer.
func TestPages(t *testing.T) {
	const okay = "HTTP/1.1 200 OK\r\n"
	say := func(text string) func(conn) {
		return func(c conn) { c.hear("\r\n\r\n"); c.say(text); c.stay() }
	}
	for _, tt := range []struct {
		name    string
		act     func(c conn)
		options string
		want    string
	}{
		{"HTTP/1.0, until the end", func(c conn) { c.hear("\r\n\r\n"); c.say("HTTP/1.0 200 OK\r\n\r\nhello") }, "", up},
		{"no words", say("HTTP/1.1 204\r\n\r\n"), "", up},
		{"unavailable", say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), "",
			"down status 503 Service Unavailable, expected 200-399"},
		{"redirection", say("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"), "", up},
		{"redirection unwanted", say("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"), "--check-status=200",
			"down status 302 Found, expected 200"},
		{"status wanted", say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), "--check-status=200,400-402", up},
		{"interim", say("HTTP/1.1 100 Continue\r\n\r\n" + page), "", up},
		{"its request", func(c conn) {
			request := make([]byte, 512)
			n, _ := c.Read(request)
			if strings.HasPrefix(string(request[:n]), "GET /a?b=c HTTP/1.1\r\nHost: web.example:8080\r\n") {
				c.say(page)
			}
		}, "--check-path=/a?b=c --check-host=web.example:8080", up},
		{"body", say(page), "--check-body=is_well", `down body of 13 bytes does not contain "is_well", begins with "all is well"`},
		{"body found", say(page), "--check-body=well", up},
		{"body matches", say(page), "--check-body=(x|w)el{2} --regex", up},
		{"body does not match", say(page), "--check-body=wel{3} --regex", `down body of 13 bytes does not match "wel{3}", begins with "all is well"`},
		{"chunks", say(okay + "Transfer-Encoding: chunked\r\n\r\n3\r\nall\r\n5\r\n well\r\n0\r\n\r\n"), "--check-body=well", up},
		{"short body", func(c conn) { c.hear("\r\n\r\n"); c.say(okay + "Content-Length: 100\r\n\r\nhello") }, "", "down closed by peer in HTTP body: …"},
		{"silent body", say(okay + "Content-Length: 100\r\n\r\nhello"), "", "down timed out after 400ms in HTTP body: …"},
		{"reset body", func(c conn) {
			c.hear("\r\n\r\n")
			c.say(okay + "Content-Length: 100\r\n\r\nhello")
			c.pause(slow)
			c.reset()
		}, "", "down reset by peer in HTTP body: …"},
		{"dripping body", func(c conn) { c.hear("\r\n\r\n"); c.say(okay + "Content-Length: 100\r\n\r\n"); c.drip("hello") }, "", "down timed out after 400ms in HTTP body: …"},
		{"body of 100 MB", func(c conn) { c.hear("\r\n\r\n"); c.say(okay + "Content-Length: 104857600\r\n\r\n"); c.flood("x") }, "", up},
		{"chunks of 100 MB", func(c conn) {
			c.hear("\r\n\r\n")
			c.say(okay + "Transfer-Encoding: chunked\r\n\r\n")
			c.flood("1\r\nx\r\n")
		}, "", up},
		{"chunk after chunk of nothing", func(c conn) {
			c.hear("\r\n\r\n")
			c.say(okay + "Transfer-Encoding: chunked\r\n\r\n")
			c.flood("1;" + strings.Repeat("x", 4000) + "\r\nx\r\n")
		}, "--check-body=well", "down …"},
		{"NUL in the body", say(okay + "Content-Length: 5\r\n\r\na\x00\x00\x00b"), "--check-body=c", `down body of 5 bytes does not contain "c", begins with "a\x00\x00\x00b"`},
		{"NUL in the header", say(okay + "X-A: \x00\r\n\r\n"), "", "down HTTP header: …"},
		{"NUL in the status", say("HTTP/1.1 2\x00\x000 OK\r\n\r\n"), "", "down HTTP header: …"},
		{"header of 100 MB", func(c conn) { c.hear("\r\n\r\n"); c.say(okay); c.flood("X-A: x\r\n") }, "", "down HTTP header is longer than 64 KiB"},
		{"line of 100 MB", func(c conn) { c.hear("\r\n\r\n"); c.say("HTTP/1.1 200 "); c.flood("x") }, "", "down HTTP header is longer than 64 KiB"},
		{"interim 100 MB", func(c conn) { c.hear("\r\n\r\n"); c.flood("HTTP/1.1 100 Continue\r\n\r\n") }, "", "down HTTP header is longer than 64 KiB"},
		{"HTTP/2", say("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), "", `down expected HTTP, got "\x00\x00\x12\x04\x00\x00\x00\x00\x00"`},
		{"TLS", func(c conn) { _, _ = io.WriteString(c, "\x15\x03\x01\x00\x02\x02\x46"); c.stay() }, "", `down expected HTTP, got "\x15\x03\x01\x00\x02\x02F"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cell(t, serve(t, tt.act), append(strings.Fields(tt.options), "--check=http"), tt.want)
		})
	}
}

// TestMail: what servers of SMTP may answer.
func TestMail(t *testing.T) {
	for name, tt := range map[string]struct {
		greeting string
		more     func(c conn)
		want     string
	}{
		"several lines":  {"220-mail.example\r\n220 ready\r\n", mail("250 well\r\n"), up},
		"no service":     {"554 no service here\r\n", mail(""), "down SMTP greeting 554 no service here"},
		"busy":           {"421 too many connections\r\n", mail(""), "down SMTP greeting 421 too many connections"},
		"HELO only":      {greeting, mail("502 what?\r\n"), up},
		"EHLO later":     {greeting, mail("421 later\r\n"), "down SMTP EHLO 421 later"},
		"EHLO, no SMTP":  {greeting, mail("hello\r\n"), `down SMTP EHLO: expected 250, got "hello"`},
		"EHLO, silent":   {greeting, mail(""), "down timed out after 400ms in SMTP EHLO: got 24 bytes"},
		"EHLO, 100 MB":   {greeting, func(c conn) { c.hear("\r\n"); c.flood("250-x\r\n") }, "down SMTP EHLO is longer than 64 KiB"},
		"line of 100 MB": {"220 ", func(c conn) { c.flood("x") }, noSMTP + `"220 xxxxxxxx…`},
		"codes mixed":    {"220-mail.example\r\n221 ready\r\n", mail(""), noSMTP + `"221 ready"`},
		"QUIT ignored":   {greeting, func(c conn) { c.hear("\r\n"); c.say("250 well\r\n"); c.stay() }, up},
		"FTP":            {"220 FTP server ready\r\n", mail("500 'EHLO': command not understood\r\n"), up}, // it takes HELO as well as our mail does
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cell(t, serve(t, func(c conn) { c.say(tt.greeting); tt.more(c) }), []string{"--check=smtp"}, tt.want)
		})
	}
}
