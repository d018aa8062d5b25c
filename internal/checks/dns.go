package checks

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// maxStray is how many datagrams that answer something else are passed over.
const maxStray = 16

// rcodes names what servers answer, as their manuals do.
var rcodes = [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}

func rcodeName(r dnsmessage.RCode) string {
	if int(r) < len(rcodes) {
		return rcodes[r]
	}
	return fmt.Sprintf("RCODE %d", r)
}

// question is what a DNS server is asked: the address of Host, or else who serves the root, which every resolver knows and a
// server of zones may refuse to tell.
func (s *Spec) question() (dnsmessage.Question, error) {
	q := dnsmessage.Question{Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	name := strings.TrimSuffix(s.Host, ".") + "."
	if name == "." {
		q.Type = dnsmessage.TypeNS
	}
	var err error
	if q.Name, err = dnsmessage.NewName(name); err == nil {
		_, err = query(0, q)
	}
	return q, err
}

func query(id uint16, q dnsmessage.Question) ([]byte, error) {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: id, RecursionDesired: true}, Questions: []dnsmessage.Question{q}}
	return m.Pack()
}

func questionText(q dnsmessage.Question) string {
	return q.Name.String() + " " + strings.TrimPrefix(q.Type.String(), "Type")
}

// dns asks. An answer is good if the server has no trouble with the question, whatever it says.
func (a *attempt) dns() error {
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	q, err := a.spec.question()
	if err != nil {
		return errHost
	}
	packet, err := query(binary.BigEndian.Uint16(id[:]), q)
	if err != nil {
		return errHost
	}
	ask, read := a.askTCP, a.readTCP
	if a.spec.UDP {
		ask, read = a.askUDP, a.readUDP
	}
	if err := ask(packet); err != nil {
		return a.broken("DNS question", err)
	}
	h, err := read(binary.BigEndian.Uint16(id[:]), q)
	if err != nil {
		return err
	}
	a.say("%s: %s%s", questionText(q), rcodeName(h.RCode), flags(h))
	if h.RCode == dnsmessage.RCodeRefused && a.spec.Host == "" {
		// As a server of zones does that is nobody's resolver.
		return fail(kindAnswer+int(h.RCode), "DNS REFUSED for %s: check_host can be a name it serves", questionText(q))
	}
	if h.RCode != dnsmessage.RCodeSuccess {
		return fail(kindAnswer+int(h.RCode), "DNS %s for %s", rcodeName(h.RCode), questionText(q))
	}
	return nil
}

func flags(h dnsmessage.Header) string {
	s := ""
	if h.Authoritative {
		s += ", authoritative"
	}
	if h.Truncated {
		s += ", truncated"
	}
	return s
}

func (a *attempt) askUDP(packet []byte) error {
	_, err := a.peer.Write(packet)
	return err
}

func (a *attempt) askTCP(packet []byte) error {
	_, err := a.peer.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
	return err
}

// readUDP waits for the answer among what else may come to the socket.
func (a *attempt) readUDP(id uint16, q dnsmessage.Question) (dnsmessage.Header, error) {
	buf := make([]byte, 1<<10) // without EDNS an answer has 512 bytes at most
	for range maxStray {
		n, err := a.peer.Read(buf)
		if err != nil {
			return dnsmessage.Header{}, a.broken("DNS answer", err)
		}
		h, ok := answer(buf[:n], id, q)
		if ok {
			return h, nil
		}
		a.say("a datagram of %d bytes that is no answer: %s", n, probe.Quote(buf[:n]))
	}
	return dnsmessage.Header{}, fail(kindProtocol, "no answer among %d datagrams", maxStray)
}

func (a *attempt) readTCP(id uint16, q dnsmessage.Question) (dnsmessage.Header, error) {
	const phase, header = "DNS answer", 2 + 12
	// The question comes back at the beginning, in 255 + 4 bytes at most; what follows is left unread.
	var buf [512]byte
	if _, err := io.ReadFull(a.peer, buf[:header]); err != nil {
		return dnsmessage.Header{}, a.broken(phase, err)
	}
	got := buf[:min(2+int(binary.BigEndian.Uint16(buf[:])), len(buf))]
	const response = 0x80
	if len(got) < header || binary.BigEndian.Uint16(got[2:]) != id || got[4]&response == 0 {
		return dnsmessage.Header{}, a.notDNS(buf[:header])
	}
	if _, err := io.ReadFull(a.peer, got[header:]); err != nil {
		return dnsmessage.Header{}, a.broken(phase, err)
	}
	h, ok := answer(got[2:], id, q)
	if !ok {
		return h, a.notDNS(got)
	}
	return h, nil
}

func (a *attempt) notDNS(got []byte) error {
	return fail(kindProtocol, "expected DNS answer, got %s", probe.Quote(got))
}

// answer returns the header of an answer to the question; ok is false if it is something else. Servers that have trouble may leave
// the question out.
func answer(packet []byte, id uint16, q dnsmessage.Question) (h dnsmessage.Header, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || h.ID != id || !h.Response {
		return h, false
	}
	got, err := p.Question()
	if err != nil {
		return h, err == dnsmessage.ErrSectionDone && h.RCode != dnsmessage.RCodeSuccess //nolint:errorlint // as package dnsmessage returns it
	}
	return h, got.Type == q.Type && got.Class == q.Class && strings.EqualFold(got.Name.String(), q.Name.String())
}
