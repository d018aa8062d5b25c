// Package doctor looks at a machine for what LVS set-ups break on, and says what mends it.
//
// Gather reads the machine; Director and RealServer judge what it found, and touch nothing.
package doctor

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Severity is how much a finding matters.
type Severity uint8

// Severities. A note is advice, or something that could not be looked at.
const (
	Note Severity = iota + 1
	Warning
	Error
)

var severityNames = [...]string{Note: "note", Warning: "warning", Error: "error"}

// String returns the word that is printed.
func (s Severity) String() string { return severityNames[s] }

// MarshalJSON writes that word.
func (s Severity) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Finding is something that is not as it should be. Field names are an API, described in doc/api.md.
type Finding struct {
	Severity Severity `json:"severity"`
	What     string   `json:"what"`
	Why      string   `json:"why"`               // it matters
	Command  string   `json:"command,omitempty"` // that mends it, or shows who else must; empty if none does
}

// patient is what an examination works on.
type patient struct {
	cfg  *lvscf.Config
	f    *Facts
	list []Finding
}

// say adds a finding; what may be a format.
func (p *patient) say(s Severity, why, command, what string, args ...any) {
	p.list = append(p.list, Finding{s, fmt.Sprintf(what, args...), why, command})
}

// Director says what is wrong with a router of lvs.cf.
func Director(cfg *lvscf.Config, f *Facts) []Finding {
	p := &patient{cfg: cfg, f: f}
	p.modules()
	p.forwarding()
	p.redirects()
	p.reversePaths()
	p.ipvsSettings()
	p.connectionTracking()
	p.devices()
	p.addresses()
	p.sizes()
	p.routes()
	p.marks()
	p.heartbeatPort()
	p.listeners()
	p.routers()
	p.clock()
	p.key()
	p.passwords()
	return p.list
}

// served is an active real server of an active virtual server.
type served struct {
	vs      *lvscf.VirtualServer
	rs      *lvscf.RealServer
	forward lvscf.Forward
}

// served are all of them.
func (p *patient) served() (list []served) {
	for i := range p.cfg.Virtual {
		vs := &p.cfg.Virtual[i]
		for j := range vs.Servers {
			if rs := &vs.Servers[j]; vs.Enabled && rs.Enabled {
				list = append(list, served{vs, rs, p.cfg.ForwardTo(rs)})
			}
		}
	}
	return list
}

// masquerades tells whether replies to some client of that family pass this router.
func (p *patient) masquerades(v4 bool) bool {
	for _, s := range p.served() {
		if s.forward == lvscf.Masq && s.rs.Addr.Is4() == v4 {
			return true
		}
	}
	return false
}

// floating are the addresses that pulse moves between the routers, each once.
func (p *patient) floating() (list []float) {
	seen := map[netip.Addr]bool{}
	add := func(a lvscf.VIP, prefix int) {
		if a.Addr.IsValid() && a.Dev != "" && !seen[a.Addr] {
			seen[a.Addr] = true
			list = append(list, float{a, prefix})
		}
	}
	add(p.cfg.NATRouter, p.cfg.NATPrefix)
	for i := range p.cfg.Virtual {
		if vs := &p.cfg.Virtual[i]; vs.Enabled {
			add(vs.VIP, vs.Prefix)
		}
	}
	return list
}

// publicDevices are those of the virtual servers' IPv4 addresses, each once.
func (p *patient) publicDevices() (list []string) {
	seen := map[string]bool{}
	for i := range p.cfg.Virtual {
		vs := &p.cfg.Virtual[i]
		if dev := vs.VIP.Dev; vs.Enabled && vs.VIP.Addr.Is4() && dev != "" && !seen[dev] {
			seen[dev] = true
			list = append(list, dev)
		}
	}
	return list
}

// sysctl is the value of a setting, named as below /proc/sys; false where the kernel has none of that name.
func (p *patient) sysctl(name string) (value int, known bool) {
	value, err := strconv.Atoi(p.f.Sysctl[name])
	return value, err == nil
}

// is tells that a setting is known and has that value.
func (p *patient) is(name string, want int) bool {
	value, known := p.sysctl(name)
	return known && value == want
}

// highest is what is in force on a device of a setting whose greater value counts: all devices' or its own.
func (p *patient) highest(dev, name string) int {
	all, _ := p.sysctl("net/ipv4/conf/all/" + name)
	own, _ := p.sysctl("net/ipv4/conf/" + dev + "/" + name)
	return max(all, own)
}

// dotted is a setting's name as it is usually written, unless a dot in a device's name forbids that.
func dotted(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return strings.ReplaceAll(name, "/", ".")
}

// set is the command that gives a setting another value.
func set(name string, value int) string {
	return "sysctl -w " + setting(name, value)
}

func setting(name string, value int) string { return word(dotted(name) + "=" + strconv.Itoa(value)) }

// word is a text as one word of a shell. Commands are for people to copy, and who writes lvs.cf must not make them run another.
func word(text string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if text != "" && strings.TrimLeftFunc(text, safe) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
