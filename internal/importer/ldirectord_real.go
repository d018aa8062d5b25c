package importer

import (
	"math"
	"net/netip"
	"strings"
)

func ldForward(line int, text string) (forward, error) {
	way := map[string]string{"gate": "direct", "masq": "nat", "ipip": "tunnel"}[text]
	if way == "" {
		return forward{}, at(line, "%s: gate, masq or ipip expected", quote(text))
	}
	return forward{way: way}, nil
}

// realServers reads `ADDRESS[->ADDRESS][:PORT] gate|masq|ipip [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N]`.
func (d *ldirectord) realServers(v *virtual, c *ldProbe, s setting) error {
	words, err := realWords(s)
	if err != nil {
		return err
	}
	first, _, ranged := strings.Cut(words[0].text, "->")
	last := words[0].text
	if ranged {
		_, last, _ = strings.Cut(words[0].text, "->")
	}
	to, port, err := d.hostPort(s.line, last, portProtocol(v), 0)
	if err != nil {
		return err
	}
	one := &server{line: s.line, weight: 1, host: to, port: port, quiesce: v.quiesce}
	if one.forward, err = ldForward(s.line, words[1].text); err != nil {
		return err
	}
	if v.mark == 0 && one.port != v.port && (one.port == 0 || one.forward.way != "nat") {
		if one.port != 0 {
			v.notes.differs(s.line, "port %d of this real server is %d, the virtual server's, which packets keep without masq", one.port, v.port)
		}
		one.port = v.port
	}
	request, receive, err := d.realOptions(v, one, words[2:])
	if err != nil {
		return err
	}
	if err := c.apply(one, request, receive); err != nil {
		return err
	}
	if !ranged {
		v.servers = append(v.servers, one)
		return nil
	}
	from, err := d.host(s.line, first)
	if err != nil {
		return err
	}
	return d.ranged(v, one, from.addr, to.addr)
}

// ranged adds a copy of a real server for each address of a range.
func (d *ldirectord) ranged(v *virtual, one *server, from, to netip.Addr) error {
	if !from.Is4() || !to.Is4() || to.Less(from) {
		return at(one.line, "%s->%s is no range of IPv4 addresses", from, to)
	}
	n := 0
	for a := from; a.IsValid() && !to.Less(a); a = a.Next() {
		if n++; n > maxRange {
			return at(one.line, "a range of more than %d addresses", maxRange)
		}
		s := *one
		s.host = host{a.String(), a}
		v.servers = append(v.servers, &s)
	}
	return nil
}

// realWord is a word of a real, perhaps in quotes.
type realWord struct {
	text   string
	quoted bool
}

// realWords cuts a real at blanks and commas that are not in quotes.
func realWords(s setting) (words []realWord, err error) {
	for rest := strings.TrimLeft(s.value, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		if rest[0] == '"' {
			text, after, _ := strings.Cut(rest[1:], `"`) // the quotes match: parseSetting has seen to it
			words = append(words, realWord{text, true})
			rest = after
			continue
		}
		n := strings.IndexAny(rest, " \t,\"")
		if n < 0 {
			n = len(rest)
		}
		words = append(words, realWord{rest[:n], false})
		rest = rest[n:]
	}
	if len(words) < 2 {
		return nil, at(s.line, "%s: an address and one of gate, masq and ipip expected", s.key)
	}
	return words, nil
}

// realOptions reads what follows the forwarding method. Texts that are not there are nil.
func (d *ldirectord) realOptions(v *virtual, s *server, words []realWord) (request, receive *string, err error) {
	for i, w := range words {
		bound := strings.Trim(w.text, "<>")
		switch {
		case strings.HasPrefix(bound, "l:") || strings.HasPrefix(bound, "u:"):
			n, err := number(s.line, "threshold", bound[2:], 0, math.MaxUint32)
			if err != nil {
				return nil, nil, err
			}
			if bound[0] == 'l' {
				s.lower = uint32(n)
			} else {
				s.upper = uint32(n)
			}
		case w.quoted && request == nil:
			request = &words[i].text
		case w.quoted && receive == nil:
			receive = &words[i].text
		case i == 0 && !w.quoted:
			if s.weight, err = v.weight(s.line, w.text); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, at(s.line, "%s is one word too many", quote(w.text))
		}
	}
	return request, receive, nil
}
