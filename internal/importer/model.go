package importer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// file is an lvs.cf to be.
type file struct {
	o       Options
	command string // the word for the source's format
	global  []pair
	notes   notes
	virtual []*virtual
	servers int // real servers so far

	portless int // line of a virtual server that is left out for that; 0 for none
}

// pair is a key of lvs.cf and its value. A draft is written as a comment.
type pair struct {
	key, value string
	draft      bool
}

// host is an address, or a name and the address it has now.
type host struct {
	text string // as lvs.cf has it
	addr netip.Addr
}

// virtual is a virtual server to be.
type virtual struct {
	line     int
	name     string // that the source has for it; "" for none
	host     host   // with a mark: none
	mark     uint32 // 0: none
	ipv6     bool   // the family of a mark
	protocol string // tcp, udp or sctp
	port     uint16 // 0 with a mark
	device   string // with or without a label; "" if the source does not say
	prefix   int    // bits of the address's mask; 0 if the source does not say
	set      []pair // keys that are the same in both worlds, in the order of lvs.cf(5)
	sorry    *sorry
	check    check // of those without one of their own, and in the end of all
	quiesce  bool
	servers  []*server
	waits    bool // for the operator: active = 0
	notes    notes
}

// sorry is a server for when there is no other.
type sorry struct {
	line    int
	host    host
	port    uint16  // 0: the service's
	forward forward // zero: the source does not say
}

// server is a real server to be.
type server struct {
	line         int
	host         host
	port         uint16
	off          bool // active = 0
	weight       uint16
	forward      forward
	upper, lower uint32
	check        check
	checkAddr    host   // zero: its own
	checkPort    uint16 // 0: its own
	quiesce      bool
}

// forward is how packets reach a server.
type forward struct {
	way string // nat, direct, tunnel; "" for unknown
	tunnel
}

// tunnel is how they are packed. The zero value is IP in IP.
type tunnel struct {
	kind     string // "", gue, gre
	port     uint16
	checksum bool
}

// check is how real servers are checked, in lvs.cf's words; "" and 0 leave a key out.
type check struct {
	kind                     string
	path, host, status, body string
	send, expect, program    string
	regex                    bool
	trusting                 bool // check_verify = 0
	source                   string
	timeout                  time.Duration
	fall                     int
}

// service names the virtual server: uniquely, and as a word.
func (v *virtual) service() string {
	if v.mark != 0 {
		name := "fwmark-" + strconv.FormatUint(uint64(v.mark), 10)
		if v.ipv6 {
			name += "-ipv6"
		}
		return name
	}
	name := v.host.text + "-" + strconv.Itoa(int(v.port))
	if v.protocol != "tcp" {
		name += "-" + v.protocol
	}
	return name
}

// row names what the kernel tells virtual servers apart by.
func (v *virtual) row() string {
	if v.mark != 0 {
		return v.service()
	}
	return v.protocol + " " + netip.AddrPortFrom(v.host.addr, v.port).String()
}

// addVirtual appends a virtual server.
func (f *file) addVirtual(v *virtual) error {
	if len(f.virtual) == maxVirtual {
		return at(v.line, "more than %d virtual servers", maxVirtual)
	}
	f.virtual = append(f.virtual, v)
	return f.count(v.line, len(v.servers))
}

// maxVirtual is how many virtual servers lvs.cf may have.
const maxVirtual = 32768

// count counts real servers before they are made.
func (f *file) count(line, n int) error {
	if f.servers += n; f.servers > maxServers {
		return at(line, "more than %d real servers", maxServers)
	}
	return nil
}

// host reads an address or a name.
func (f *file) host(line int, text string) (host, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		switch {
		case addr.Zone() != "":
			return host{}, at(line, "address %s: an address with a zone is of one host only", quote(text))
		case addr.IsUnspecified():
			return host{}, at(line, "address %s: this stands for none", quote(text))
		}
		addr = addr.Unmap()
		return host{addr.String(), addr}, nil
	}
	if !isName(text) || f.o.Lookup.Host == nil {
		return host{}, at(line, "%s is no address", quote(text))
	}
	addr, err := f.o.Lookup.Host(text)
	if err != nil || !addr.IsValid() || addr.IsUnspecified() || addr.Zone() != "" {
		return host{}, at(line, "%s is no address, and the name was not found", quote(text))
	}
	return host{text, addr.Unmap()}, nil
}

// isName reports whether a text can be the name of a host. One of digits and dots alone is a mistyped address.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i] | 0x20
		if (c < 'a' || c > 'z') && (text[i] < '0' || text[i] > '9') && !strings.ContainsRune("-._", rune(text[i])) {
			return false
		}
	}
	return len(text) <= 253 && strings.ContainsFunc(text, func(r rune) bool { return r > '9' && r != '_' }) && text[0] != '-' && text[0] != '.'
}

// port reads a number or the name of a service.
func (f *file) port(line int, text, protocol string) (uint16, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return uint16(n), nil
	}
	if f.o.Lookup.Service != nil && isName(text) {
		if port, err := f.o.Lookup.Service(text, protocol); err == nil && port != 0 {
			return port, nil
		}
	}
	return 0, at(line, "%s is no port", quote(text))
}

// number reads a decimal number.
func number(line int, what, text string, least, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, at(line, "%s %s: a number from %d to %d expected", what, quote(text), least, most)
	}
	return n, nil
}

// put gives a key a value, in place of one it had.
func (v *virtual) put(key, value string) {
	v.unset(key)
	v.set = append(v.set, pair{key: key, value: value})
}

func (v *virtual) unset(key string) {
	v.set = slices.DeleteFunc(v.set, func(p pair) bool { return p.key == key })
}

// get finds a key that was put before; drafts do not count.
func (v *virtual) get(key string) string {
	for _, p := range v.set {
		if p.key == key && !p.draft {
			return p.value
		}
	}
	return ""
}

// family is that of the virtual server's address; a mark has the one its source says.
func (v *virtual) is6() bool {
	if v.mark != 0 {
		return v.ipv6
	}
	return v.host.addr.Is6()
}
