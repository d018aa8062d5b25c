package checks

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// reply answers a question with what change makes of the right answer.
func reply(t testing.TB, question []byte, change func(m *dnsmessage.Message)) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		t.Errorf("question %q: %v", question, err)
		return nil
	}
	m.Response = true
	if change != nil {
		change(&m)
	}
	p, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return p
}

func rcode(code dnsmessage.RCode) func(m *dnsmessage.Message) {
	return func(m *dnsmessage.Message) { m.RCode = code }
}

// dnsRows is how servers answer, over either protocol, and what follows; stray is the reason over TCP where it is not want.
var dnsRows = []struct {
	name   string
	host   string
	change func(m *dnsmessage.Message)
	want   string
	stray  bool // over UDP waited for another
}{
	{"right", "www.a.example", nil, "", false},
	{"root", "", func(m *dnsmessage.Message) {
		if q := m.Questions[0]; q.Type != dnsmessage.TypeNS || q.Name.String() != "." || !m.RecursionDesired {
			m.RCode = dnsmessage.RCodeFormatError
		}
	}, "", false},
	{"other case", "www.a.example", func(m *dnsmessage.Message) {
		m.Questions[0].Name = dnsmessage.MustNewName("WWW.a.Example.")
	}, "", false},
	{"truncated", host, func(m *dnsmessage.Message) { m.Truncated = true }, "", false},
	{"trouble", host, rcode(dnsmessage.RCodeServerFailure), "DNS SERVFAIL for a.example. A", false},
	{"trouble, of few words", host, func(m *dnsmessage.Message) {
		m.RCode, m.Questions = dnsmessage.RCodeServerFailure, nil
	}, "DNS SERVFAIL for a.example. A", false},
	{"refuses", "", rcode(dnsmessage.RCodeRefused), "DNS REFUSED for . NS: check_host can be a name it serves", false},
	{"no such name", host, rcode(dnsmessage.RCodeNameError), "DNS NXDOMAIN for a.example. A", false},
	{"strange trouble", host, rcode(11), "DNS RCODE 11 for a.example. A", false},
	{"another id", host, func(m *dnsmessage.Message) { m.ID++ }, "expected DNS answer, got ", true},
	{"echo", host, func(m *dnsmessage.Message) { m.Response = false }, "expected DNS answer, got ", true},
	{"another question", host, func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeMX }, "expected DNS answer, got ", true},
	{"no question", host, func(m *dnsmessage.Message) { m.Questions = nil }, "expected DNS answer, got ", true},
}

func TestDNSOverTCP(t *testing.T) {
	for _, tt := range dnsRows {
		t.Run(tt.name, func(t *testing.T) {
			addr := listen(t, func(c net.Conn) {
				_, _ = c.Write(answerTCP(t, c, tt.change))
			})
			judge(t, attemptAt(t, Spec{Kind: DNS, Addr: addr, Host: tt.host}), tt.want)
		})
	}
	s := Spec{Kind: DNS}
	runRows(t, []row{
		{"refused", s, nil, "connect refused"},
		{"closes", s, hears, "closed by peer in DNS answer: no reply"},
		{"half-closes", s, halfCloses, "closed by peer in DNS answer: no reply"},
		{"resets", s, resets, "reset by peer in DNS answer: no reply"},
		{"closes in the answer", s, func(c net.Conn) { _, _ = c.Write(answerTCP(t, c, nil)[:16]) }, "closed by peer in DNS answer: got 16 bytes"},
		{"NUL bytes", s, says(nuls), `expected DNS answer, got "` + strings.Repeat(`\x00`, 14) + `"`},
		{"another protocol", s, says(other), `expected DNS answer, got "SSH-2.0-OpenSS"`},
	})
}

func answerTCP(t testing.TB, c io.Reader, change func(m *dnsmessage.Message)) []byte {
	b := make([]byte, 512)
	if _, err := io.ReadFull(c, b[:2]); err != nil {
		return nil
	}
	n, _ := io.ReadFull(c, b[:binary.BigEndian.Uint16(b)])
	p := reply(t, b[:n], change)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)
}

func TestDNSOverUDP(t *testing.T) {
	for _, tt := range dnsRows {
		t.Run(tt.name, func(t *testing.T) {
			addr := listenUDP(t, func(got []byte) [][]byte {
				answers := [][]byte{[]byte("junk"), nil, reply(t, got, tt.change)}
				if tt.stray {
					answers = append(answers, reply(t, got, nil)) // the right one after the wrong one
				}
				return answers
			})
			want := tt.want
			if tt.stray {
				want = ""
			}
			judge(t, attemptAt(t, Spec{Kind: DNS, UDP: true, Addr: addr, Host: tt.host}), want)
		})
	}
	t.Run("port unreachable", func(t *testing.T) {
		judge(t, attemptAt(t, Spec{Kind: DNS, UDP: true, Addr: nobodyUDP(t)}), "port unreachable")
	})
	t.Run("silent", func(t *testing.T) {
		addr := listenUDP(t, func([]byte) [][]byte { return nil })
		judge(t, attemptAt(t, Spec{Kind: DNS, UDP: true, Addr: addr, Timeout: 50 * time.Millisecond}),
			"timed out after 50ms in DNS answer: no reply")
	})
	t.Run("flood", func(t *testing.T) {
		addr := listenUDP(t, func(got []byte) [][]byte {
			var junk [][]byte
			for range 100 {
				junk = append(junk, append(got, nuls...)[:40])
			}
			return junk
		})
		judge(t, attemptAt(t, Spec{Kind: DNS, UDP: true, Addr: addr}), "no answer among 16 datagrams")
	})
}
