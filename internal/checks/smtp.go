package checks

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// maxSMTP is how much an SMTP server may say, in bytes; RFC 5321 4.5.3.1.5 allows 512 a line.
const maxSMTP = 64 << 10

type smtpReader struct {
	*bufio.Reader
	from *bounded
}

// smtp reads the greeting and says EHLO, or HELO to a server that knows no better.
func (a *attempt) smtp() error {
	from := &bounded{r: a.peer, left: maxSMTP}
	br, giveBack := borrowReader(from)
	defer giveBack()
	r := &smtpReader{br, from}
	if err := a.expectReply(r, "SMTP greeting", 220); err != nil {
		return err
	}
	name := a.helloName()
	err := a.ask(r, "EHLO", name)
	var f *failure
	if errors.As(err, &f) && f.kind/100 == 5 {
		err = a.ask(r, "HELO", name)
	}
	if err != nil {
		return err
	}
	a.farewell = leaveSMTP
	return nil
}

// leaveSMTP says farewell and waits for the answer: a server that has been left without logs it.
func leaveSMTP(a *attempt) {
	if _, err := io.WriteString(a.peer, "QUIT\r\n"); err == nil {
		_, _ = io.CopyN(io.Discard, a.peer, maxSMTP)
	}
}

// helloName is Host, or the address literal that stands for a name (RFC 5321 4.1.3).
func (a *attempt) helloName() string {
	if a.spec.Host != "" {
		return a.spec.Host
	}
	local, ok := a.conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return "localhost"
	}
	return addressLiteral(local.AddrPort().Addr().Unmap())
}

func addressLiteral(a netip.Addr) string {
	if a.Is4() {
		return "[" + a.String() + "]"
	}
	return "[IPv6:" + a.WithZone("").String() + "]"
}

// ask sends a line and wants it answered with 250.
func (a *attempt) ask(r *smtpReader, verb, name string) error {
	phase := "SMTP " + verb
	if _, err := io.WriteString(a.peer, verb+" "+name+"\r\n"); err != nil {
		return a.broken(phase, err)
	}
	return a.expectReply(r, phase, 250)
}

// expectReply reads a reply, which may have several lines, and wants its code.
func (a *attempt) expectReply(r *smtpReader, phase string, want int) error {
	for first := 0; ; {
		line, err := r.ReadSlice('\n')
		code, text, more := parseReply(line)
		switch {
		case err != nil && r.from.left <= 0:
			return fail(kindTooLong, "%s is longer than %d KiB", phase, maxSMTP>>10)
		case len(line) > 0 && (line[0] < '2' || line[0] > '5'), err == nil && (code == 0 || first != 0 && first != code),
			errors.Is(err, bufio.ErrBufferFull):
			return fail(kindProtocol, "%s: expected %d, got %s", phase, want, probe.Quote(line))
		case err != nil:
			return a.broken(phase, err)
		case more:
			first = code
			continue
		case code != want:
			return fail(code, "%s %d %s", phase, code, text)
		}
		a.say("%s: %d %s", phase, code, text)
		return nil
	}
}

// parseReply takes a line of a reply apart; code 0: it is none. More lines follow one with a hyphen behind the code.
func parseReply(line []byte) (code int, text string, more bool) {
	s := strings.TrimRight(string(line), "\r\n")
	if len(s) < 3 || len(s) > 3 && s[3] != ' ' && s[3] != '-' {
		return 0, "", false
	}
	n, err := strconv.ParseUint(s[:3], 10, 16)
	if err != nil || n < 200 || n > 599 {
		return 0, "", false
	}
	if len(s) > 3 {
		text, more = strings.TrimSpace(s[4:]), s[3] == '-'
	}
	return int(n), text, more
}
