package lvscf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// target is what a key's value goes into: the configuration and the blocks being read. Masks wait there until the
// address they belong to is known.
type target struct {
	cfg                           *Config
	vs                            *FailoverService
	rs                            *RealServer
	natMask, vipMask, persistMask mask
}

// value is a key's value, read by its kind.
type value struct {
	text   string        // without quotes; of a Floating as it stands in the file
	number int64         // Integer, Boolean, Port
	choice int           // place in Choices, from 1
	time   time.Duration // Time, Seconds
	addr   netip.Addr    // Host, Address: the zero Addr for an unspecified one
	vip    VIP           // Floating
	mask   mask          // Mask
	items  []string      // List

	statuses StatusRanges
}

func (v value) on() bool     { return v.number == 1 }
func (v value) port() uint16 { return uint16(v.number) }

// problem is what is wrong with a value. The zero value is none.
type problem struct {
	code       Code
	text, hint string
}

// resolver turns names into numbers. protocol is the one of the block so far.
type resolver struct {
	Lookup
	protocol string
}

// read reads a value by the kind of its key.
func (r *resolver) read(k *Key, text string) (value, problem) {
	v := value{text: text}
	switch k.Kind {
	case Integer, Boolean, Seconds:
		return v, readNumber(k, &v)
	case Time:
		return v, readTime(k, &v)
	case Port:
		return v, r.readPort(k, &v)
	case Host:
		return v, r.readHost(k, &v)
	case Address:
		return v, readAddress(k, &v)
	case Mask:
		m, why, ok := parseMask(text)
		if v.mask = m; !ok {
			return v, problem{CodeMask, why, "write a mask such as 255.255.255.0 or a prefix length"}
		}
	case Text:
		if k.refuse != nil {
			return v, k.refuse(text)
		}
	case Statuses:
		var ok bool
		if v.statuses, ok = parseStatuses(text); !ok {
			return v, problem{CodeArgument, "HTTP statuses expected", "write numbers and ranges from 100 to 999, such as 200,301-302"}
		}
	case Choice:
		if v.choice = slices.Index(k.Choices, text) + 1; v.choice == 0 {
			return v, problem{CodeArgument, "invalid argument", "write one of " + strings.Join(k.Choices, ", ")}
		}
	}
	return v, problem{}
}

func readNumber(k *Key, v *value) problem {
	n, err := scalar.Int(v.text)
	v.number, v.time = n, time.Duration(n)*time.Second
	switch {
	case errors.Is(err, scalar.ErrRange):
		return problem{CodeArgument, "number out of range", rangeHint(k)}
	case err != nil && k.Kind == Boolean:
		return problem{CodeInteger, "integer expected", "write 0 or 1"}
	case err != nil:
		return problem{CodeInteger, "integer expected", octalHint(v.text)}
	case k.Kind == Boolean && n != 0 && n != 1:
		return problem{CodeBoolean, "boolean expected", "write 0 or 1"}
	case k.Kind == Seconds && n < 0:
		return problem{CodeArgument, "a time cannot be negative", ""}
	case k.Kind == Integer && (n < k.min || n > k.max):
		return problem{CodeArgument, "number out of range", rangeHint(k)}
	}
	return problem{}
}

// octalHint explains the most surprising refusal: a leading zero makes a number octal.
func octalHint(text string) string {
	if len(text) > 1 && text[0] == '0' && strings.Trim(text, "0123456789") == "" {
		return "a number with a leading 0 is octal, and 8 and 9 are no octal digits"
	}
	return ""
}

func rangeHint(k *Key) string {
	if k.max == 0 {
		return ""
	}
	return fmt.Sprintf("write a number from %d to %d", k.min, k.max)
}

func readTime(k *Key, v *value) problem {
	d, err := scalar.Time(v.text)
	v.time = d
	switch {
	case errors.Is(err, scalar.ErrRange):
		return problem{CodeArgument, "number out of range", ""}
	case err != nil:
		return problem{CodeInteger, "integer expected", "write seconds (10), or a number with ms, s or m (250ms, 1.5s, 2m)"}
	case d < 0:
		return problem{CodeArgument, "a time cannot be negative", ""}
	case d < k.atLeast && k.atLeast >= time.Millisecond:
		return problem{CodeArgument, "shorter than " + k.atLeast.String(), "write at least " + k.atLeast.String()}
	case d < k.atLeast:
		return problem{CodeArgument, "must be longer than 0", "the default is " + k.Default}
	}
	return problem{}
}

func (r *resolver) readPort(k *Key, v *value) problem {
	n, err := scalar.Int(v.text)
	switch {
	case errors.Is(err, scalar.ErrRange) || err == nil && (n < k.min || n > k.max):
		return problem{CodeArgument, "not a port number", "write a number from 1 to 65535"}
	case err == nil:
		v.number = n
		return problem{}
	}
	bad := problem{CodeArgument, "not a port number or service name", ""}
	if r.Service == nil {
		return bad
	}
	port, err := r.Service(v.text, r.protocol)
	if err != nil || port == 0 {
		bad.hint = "services are listed in /etc/services"
		return bad
	}
	v.number = int64(port)
	return problem{}
}

func (r *resolver) readHost(k *Key, v *value) problem {
	addr, why, ok := parseAddr(v.text)
	switch {
	case ok:
	case why != "":
		return problem{CodeArgument, "invalid host name or ip address", why}
	case r.Host == nil || v.text == "":
		return problem{CodeArgument, "invalid host name or ip address", ""}
	default:
		var err error
		if addr, err = r.Host(v.text); err != nil {
			return problem{CodeArgument, "invalid host name or ip address", harmless(err.Error())}
		}
	}
	if !addr.IsValid() || addr.IsUnspecified() {
		if k.nonzero {
			return problem{CodeHost, "invalid host name or ip address", "this address stands for none"}
		}
		addr = netip.Addr{}
	}
	v.addr = addr.Unmap()
	return problem{}
}

// harmless makes a text from elsewhere fit for one line of a log.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

func readAddress(k *Key, v *value) problem {
	addr, why, ok := parseAddr(v.text)
	switch {
	case !ok && why == "":
		return problem{CodeHost, "invalid host name or ip address", "write an address, not a name"}
	case !ok:
		return problem{CodeHost, "invalid host name or ip address", why}
	case k.nonzero && addr.IsUnspecified():
		return problem{CodeHost, "invalid host name or ip address", "leave the key out for none"}
	}
	if !addr.IsUnspecified() {
		v.addr = addr
	}
	return problem{}
}

// readFloating reads a floating address and its device.
func (r *resolver) readFloating(k *Key, host, label string) (value, problem) {
	v := value{text: host}
	if p := r.readHost(k, &v); p.code != 0 {
		return v, p
	}
	if why := badDevice(label); why != "" {
		return v, problem{CodeArgument, why, "write a device and perhaps a label, such as eth0:1"}
	}
	dev, _, _ := strings.Cut(label, ":")
	v.vip = VIP{Addr: v.addr, Dev: dev, Label: label}
	return v, problem{}
}

// readList reads "[ word word ]" from the first bracket on. What follows the closing bracket is ignored, as ever. A #
// begins a comment only behind the list, because the original would take it for a word of the list.
func readList(text string, i, end int) (items []string, behind int, ok bool) {
	for first := true; ; first = false {
		if i = skipBlanks(text, i, end); i == end {
			return nil, end, false
		}
		t := readToken(text, i, end)
		i = t.end
		switch word := t.value(text); {
		case t.mismatch || first && word != "[":
			return nil, end, false
		case !first && word == "]":
			return items, i, true
		case len(items) == maxItems:
			return nil, end, false
		case !first:
			items = append(items, word)
		}
	}
}

// maxItems is the longest list; the original had room for 95 words.
const maxItems = 1000

// shortestKeepalive is the lower bound of keepalive: below it the heartbeat would compete with the traffic.
const shortestKeepalive = 10 * time.Millisecond

func doubtSyncdID(v value) string {
	if v.number < 0 || v.number > 255 {
		return fmt.Sprintf("only the low 8 bits count: this is %d", v.number&0xff)
	}
	return ""
}

func doubtMark(v value) string {
	if v.number < 0 {
		return fmt.Sprintf("a negative mark is the mark %d", uint32(v.number))
	}
	return ""
}

func doubtWeight(v value) string {
	if v.number == 0 {
		return "the original treated 0 as 1; here the server gets no new connections"
	}
	return ""
}

func doubtReentry(v value) string {
	if v.time == 0 {
		return "0 means the default of 180 seconds"
	}
	return ""
}

func doubtAbsolute(v value) string {
	if !strings.HasPrefix(v.text, "/") {
		return "not an absolute path: pulse will look for it in its own working directory"
	}
	return ""
}

func doubtDevice(v value) string { return badDevice(v.text) }
