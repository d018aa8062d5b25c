package checks

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// mail is an SMTP server that says greeting, and the answers to the lines it gets, in turn.
func mail(greeting string, answers ...string) handler {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, greeting)
		br := bufio.NewReader(c)
		for _, answer := range answers {
			if _, err := br.ReadString('\n'); err != nil {
				return
			}
			_, _ = io.WriteString(c, answer)
		}
	}
}

const (
	greeting = "220 mail.example ESMTP\r\n"
	ehlo     = "250-mail.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
	bye      = "221 Bye\r\n"
)

func TestSMTP(t *testing.T) {
	s := Spec{Kind: SMTP}
	runRows(t, []row{
		{"right", s, mail(greeting, ehlo, bye), ""},
		{"refused", s, nil, "connect refused"},
		{"long greeting", s, mail("220-mail.example\r\n220-no spam\r\n220\r\n", ehlo, bye), ""},
		{"only HELO", s, mail(greeting, "502 5.5.1 what?\r\n", "250 mail.example\r\n", bye), ""},
		{"no farewell", s, mail(greeting, ehlo), ""},
		{"refuses all", s, mail("554 5.7.1 no access\r\n"), "SMTP greeting 554 5.7.1 no access"},
		{"overloaded", s, mail("421-mail.example\r\n421 try later\r\n"), "SMTP greeting 421 try later"},
		{"refuses EHLO", s, mail(greeting, "550 go away\r\n", "550 I said go away\r\n"), "SMTP HELO 550 I said go away"},
		{"shuts down", s, mail(greeting, "421 shutting down\r\n"), "SMTP EHLO 421 shutting down"},
		{"evil text", s, mail("554 \x1b[31m\x00" + strings.Repeat("ü", 200) + "\r\n"), "SMTP greeting 554 ?[31m?" + strings.Repeat("ü", 106) + "..."},
		{"closes", s, mail(""), "closed by peer in SMTP greeting: no reply"},
		{"closes in a reply", s, mail("220-mail\r\n"), "closed by peer in SMTP greeting: got 10 bytes"},
		{"half-closes", s, func(c net.Conn) {
			_, _ = io.WriteString(c, greeting)
			halfCloses(c)
		}, "closed by peer in SMTP EHLO: got 24 bytes"},
		{"resets", s, func(c net.Conn) {
			_, _ = io.WriteString(c, greeting)
			resets(c)
		}, "reset by peer in SMTP EHLO: got 24 bytes"},
		{"NUL bytes", s, says(nuls + "\r\n"), `SMTP greeting: expected 220, got "` + strings.Repeat(`\x00`, 16) + `"`},
		{"another protocol", s, says(other), `SMTP greeting: expected 220, got "SSH-2.0-OpenSSH_9.2p1"`},
		{"codes differ", s, says("220-a\r\n250 b\r\n"), `SMTP greeting: expected 220, got "250 b"`},
		{"endless line", s, says("220 " + strings.Repeat("x", 64<<10)), `SMTP greeting: expected 220, got "220 ` + strings.Repeat("x", 44) + `"...`},
		{"endless reply", s, says(strings.Repeat("220-x\r\n", 64<<10)), "SMTP greeting is longer than 64 KiB"},
	})
}

// TestSMTPManners: what a server is told, to the last.
func TestSMTPManners(t *testing.T) {
	for name, want := range map[string]string{
		"":                "EHLO [127.0.0.1]\r\nQUIT\r\n",
		"monitor.example": "EHLO monitor.example\r\nQUIT\r\n",
	} {
		heard := make(chan string, 1)
		addr := listen(t, func(c net.Conn) {
			_, _ = io.WriteString(c, greeting)
			b := make([]byte, 512)
			n, _ := c.Read(b)
			_, _ = io.WriteString(c, ehlo)
			m, _ := c.Read(b[n:])
			_, _ = io.WriteString(c, bye)
			heard <- string(b[:n+m])
		})
		judge(t, attemptAt(t, Spec{Kind: SMTP, Addr: addr, Host: name}), "")
		if got := <-heard; got != want {
			t.Errorf("the server heard %q, want %q", got, want)
		}
	}
}
