package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// settle decides what lvs.cf has once where the source has it many times: how packets are forwarded for the file, how real
// servers are checked and packets packed for a virtual server. What most have becomes the rule, the first of equals; the
// others get a key of their own, or a note where there is none.
func (f *file) settle() error {
	network := f.network()
	if network != "" {
		f.global = append(f.global, pair{key: "network", value: network})
	}
	names := make(unique)
	labels := newLabels(f.o.Device)
	rows := make(map[string]int)
	for _, v := range f.virtual {
		if first := rows[v.row()]; first > 0 {
			v.notes.lost(v.line, "this virtual server, because for the kernel it is the one of line %d", first)
		} else {
			rows[v.row()] = v.line
		}
		v.name = names.of(v.name, v.service())
		v.settleAddress(labels)
		if err := v.settleFamilies(); err != nil {
			return err
		}
		v.settleRows()
		v.settleTunnel()
		v.settleCheck()
		v.settleQuiesce()
		v.settleSorry(network)
		v.settleServers(network)
		v.settlePorts()
		v.put("active", map[bool]string{false: "1", true: "0"}[v.waits])
	}
	return nil
}

// network is how most real servers are reached, "" if there are none.
func (f *file) network() string {
	var ways []string
	for _, v := range f.virtual {
		for _, s := range v.servers {
			ways = append(ways, s.forward.way)
		}
	}
	return most(ways)
}

// most returns what occurs most often, the first of equals; the zero value if there is nothing.
func most[T comparable](list []T) (best T) {
	count := make(map[T]int)
	for _, x := range list {
		count[x]++
	}
	times := 0
	for _, x := range list {
		if count[x] > times {
			best, times = x, count[x]
		}
	}
	return best
}

// unique hands out names: how often each was asked for.
type unique map[string]int

// of returns the wish if that can be a name, else the other, with a number behind it if it is taken.
func (u unique) of(wish, other string) string {
	if !isWord(wish) {
		wish = other
	}
	name := wish
	for u[name] > 0 {
		u[wish]++
		name = wish + "-" + strconv.Itoa(u[wish])
	}
	u[name] = 1
	return name
}

// isWord reports whether a text can stand in lvs.cf without quotes, as a name that is typed often should.
func isWord(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' || strings.IndexByte(`"'#{}[]/\`, c) >= 0 {
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// maxDevice is the longest name the kernel has for a device or a label.
const maxDevice = 15

// labels hands out labels for floating addresses: the same address always has the same.
type labels struct {
	device string
	of     map[string]string // by address
	taken  map[string]bool
	last   map[string]int // by device
}

func newLabels(device string) *labels {
	return &labels{device, make(map[string]string), make(map[string]bool), make(map[string]int)}
}

// label returns a device with a label, or the bare device if there is no room for one.
func (l *labels) label(h host, device string) string {
	if device == "" {
		device = l.device
	}
	key := h.addr.String()
	if l.of[key] != "" || device == "" {
		return l.of[key]
	}
	label := device
	if !strings.Contains(device, ":") {
		for label == device || l.taken[label] {
			l.last[device]++
			label = device + ":" + strconv.Itoa(l.last[device])
		}
		if len(label) > maxDevice {
			label = device
		}
	}
	l.of[key], l.taken[label] = label, true
	return label
}

// settleAddress decides how the floating address stands in lvs.cf.
func (v *virtual) settleAddress(l *labels) {
	v.put("port", strconv.Itoa(int(v.port)))
	if v.protocol != "tcp" && v.mark == 0 {
		v.put("protocol", v.protocol)
	}
	if v.mark != 0 {
		v.put("fwmark", strconv.FormatUint(uint64(v.mark), 10))
	}
	switch {
	case v.mark != 0 && v.ipv6:
		v.waits = true
		v.set = append(v.set, pair{"address", "ADDRESS DEVICE:1", true})
		v.notes.ask(v.line, "address, an IPv6 one of the service, and then active = 1: from it lvsd knows that the mark is for IPv6")
	case v.mark != 0:
		v.set = append(v.set, pair{"address", "ADDRESS DEVICE:1", true})
		v.notes.ask(v.line, "address, if the routers are to have the one that packets with this mark go to as a floating address")
	default:
		if label := l.label(v.host, v.device); label != "" {
			v.put("address", v.host.text+" "+label)
			break
		}
		v.waits = true
		v.set = append(v.set, pair{"address", v.host.text + " DEVICE:1", true})
		v.notes.ask(v.line, "address with its device, and then active = 1")
	}
	if v.mark != 0 {
		return
	}
	if v.prefix > 0 {
		v.put("vip_nmask", maskText(v.prefix, v.host.addr.Is6()))
	} else if v.host.addr.Is4() {
		v.set = append(v.set, pair{"vip_nmask", "MASK", true})
	}
}

// maskText writes a mask as the original does where it can.
func maskText(bits int, ipv6 bool) string {
	if ipv6 {
		return strconv.Itoa(bits)
	}
	m := ^uint32(0) << (32 - bits)
	return fmt.Sprintf("%d.%d.%d.%d", m>>24, m>>16&255, m>>8&255, m&255)
}

// settleFamilies refuses what no kernel accepts.
func (v *virtual) settleFamilies() error {
	for _, s := range v.servers {
		if s.forward.way != "tunnel" && s.host.addr.Is6() != v.is6() {
			return at(s.line, "%s: an address of another family than the service's is reached through a tunnel only", s.host.text)
		}
	}
	if v.get("address") == "" { // the first real server has the service's family, then
		slices.SortStableFunc(v.servers, func(a, b *server) int {
			return cmp.Compare(otherFamily(a, v), otherFamily(b, v))
		})
	}
	return nil
}

// otherFamily is 1 for a server whose address is of another family than the service's, else 0.
func otherFamily(s *server, v *virtual) int {
	if s.host.addr.Is6() != v.is6() {
		return 1
	}
	return 0
}

// settleRows gives real servers the port at which packets arrive: the service's, unless addresses are rewritten. What else the
// source has can concern the check alone. Two of them may then be the same to the kernel.
func (v *virtual) settleRows() {
	seen := make(map[netip.AddrPort]int)
	for _, s := range v.servers {
		if v.mark == 0 && s.forward.way != "nat" && s.port != v.port {
			if s.checkPort == 0 {
				s.checkPort = s.port
			}
			s.port = v.port
		}
		row := netip.AddrPortFrom(s.host.addr, s.port)
		if first := seen[row]; first > 0 {
			v.notes.lost(s.line, "this real server, because for the kernel it is the one of line %d", first)
			continue
		}
		seen[row] = s.line
	}
}

// settleTunnel decides how packets are packed.
func (v *virtual) settleTunnel() {
	var kinds []tunnel
	for _, s := range v.servers {
		if s.forward.way == "tunnel" {
			kinds = append(kinds, s.forward.tunnel)
		}
	}
	rule := most(kinds)
	for _, s := range v.servers {
		if s.forward.way == "tunnel" && s.forward.tunnel != rule {
			v.notes.lost(s.line, "a tunnel of another type, port or checksum, because lvs.cf has one for all real servers of a virtual server")
		}
	}
	if rule.kind == "" {
		return
	}
	v.put("tunnel_type", rule.kind)
	if rule.port > 0 {
		v.put("tunnel_port", strconv.Itoa(int(rule.port)))
	}
	if rule.checksum {
		v.put("tunnel_checksum", "1")
	}
}

// settleCheck decides how the real servers are checked.
func (v *virtual) settleCheck() {
	var checks []check
	var ports []uint16
	for _, s := range v.servers {
		if s.checkPort == s.port {
			s.checkPort = 0
		}
		checks, ports = append(checks, s.check), append(ports, s.checkPort)
	}
	if len(checks) > 0 {
		v.check = most(checks)
	}
	for _, s := range v.servers {
		if s.check != v.check {
			v.notes.lost(s.line, "a check of its own for this real server, because lvs.cf checks all of a virtual server alike")
		}
	}
	v.putCheck(&v.check)
	if v.check.kind == "none" || v.check.kind == "ping" {
		for _, s := range v.servers {
			s.checkPort = 0
		}
		return
	}
	port := most(ports)
	if port == 0 {
		return
	}
	for _, s := range v.servers {
		if s.checkPort == 0 {
			return // one that is checked where it serves needs no key of its own
		}
	}
	v.put("check_port", strconv.Itoa(int(port)))
	for _, s := range v.servers {
		if s.checkPort == port {
			s.checkPort = 0
		}
	}
}

// putCheck writes the keys of a check.
func (v *virtual) putCheck(c *check) {
	v.put("check", c.kind)
	for _, p := range []pair{
		{key: "check_path", value: c.path}, {key: "check_host", value: c.host}, {key: "check_status", value: c.status},
		{key: "check_body", value: c.body}, {key: "send", value: c.send}, {key: "expect", value: c.expect},
		{key: "send_program", value: c.program}, {key: "check_source", value: c.source},
	} {
		if p.value != "" {
			v.set = append(v.set, p)
		}
	}
	if c.regex {
		v.put("use_regex", "1")
	}
	if c.trusting {
		v.put("check_verify", "0")
	}
	if c.timeout > 0 {
		v.put("timeout", scalar.FormatTime(c.timeout))
	}
	if c.kind != "none" {
		v.put("rise", "1")
		v.put("fall", strconv.Itoa(max(c.fall, 1)))
	}
}

func (v *virtual) settleQuiesce() {
	quiesce := v.quiesce
	if len(v.servers) > 0 {
		var all []bool
		for _, s := range v.servers {
			all = append(all, s.quiesce)
		}
		quiesce = most(all)
	}
	if quiesce {
		v.put("quiesce_server", "1")
	}
	for _, s := range v.servers {
		if s.quiesce != quiesce {
			v.notes.lost(s.line, "what happens to this real server when it fails, because lvs.cf has one quiesce_server for all of a virtual server")
		}
	}
}

// settleSorry carries the sorry server over if lvsd would reach it in the same way.
func (v *virtual) settleSorry(network string) {
	s := v.sorry
	if s == nil {
		return
	}
	local := s.host.addr.IsLoopback() // reached without being forwarded at all
	if network == "" {
		network = "nat"
	}
	switch {
	case (s.host.addr.Is6() != v.is6() || v.get("address") == "" && len(v.servers) > 0 && otherFamily(v.servers[0], v) > 0) && network != "tunnel":
		v.notes.lost(s.line, "sorry server %s, because its address is of another family than the service's", s.host.text)
		return
	case s.forward.way != "" && s.forward.way != network && !local:
		v.notes.lost(s.line, "sorry server %s, because it is reached by %s, and lvs.cf has network = %s for all sorry servers", s.host.text, s.forward.way, network)
		return
	case s.forward.way == "tunnel" && !local && s.forward.kind != v.get("tunnel_type"):
		v.notes.lost(s.line, "sorry server %s, because its tunnel is of another type than that of the real servers", s.host.text)
		return
	case s.port != 0 && s.port != v.port && (network == "nat" || local):
		v.notes.lost(s.line, "sorry server %s, because it has port %d, and lvs.cf has the port of the service, %d, for sorry servers", s.host.text, s.port, v.port)
		return
	case slices.ContainsFunc(v.servers, func(r *server) bool { return r.host.addr == s.host.addr && !r.off }):
		v.notes.lost(s.line, "sorry server %s, because it is a real server, too", s.host.text)
		return
	case s.host.text != s.host.addr.String():
		v.notes.differs(s.line, "the name %s of the sorry server is an address in lvs.cf, the one it has now", s.host.text)
	}
	v.put("sorry_server", s.host.addr.String())
}

// settleServers names the real servers, and gives those a key that are not as the rest.
func (v *virtual) settleServers(network string) {
	for _, s := range v.servers {
		if s.forward.way == network {
			s.forward.way = ""
		}
		if s.lower > s.upper {
			v.notes.lost(s.line, "lower threshold %d, because it is above the upper one, %d", s.lower, s.upper)
			s.lower = 0
		}
	}
}

// settlePorts asks for the port of a check that has none.
func (v *virtual) settlePorts() {
	if slices.Contains([]string{"none", "ping", "script"}, v.check.kind) || v.get("check_port") != "" {
		return
	}
	for _, s := range v.servers {
		if s.port == 0 && s.checkPort == 0 {
			v.waits = true
			v.set = append(v.set, pair{"check_port", "PORT", true})
			v.notes.ask(s.line, "check_port, and then active = 1: the real servers have no port that could be checked")
			return
		}
	}
}
