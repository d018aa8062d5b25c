package importer

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Keepalived reads keepalived.conf. Parameters, conditions, sequences, lists and included files are not followed.
func Keepalived(text []byte, o Options) (*Result, error) {
	return run(text, o, "keepalived", "keepalived.conf", func(f *file, text string) error {
		root, err := parseBraces(text)
		if err != nil {
			return err
		}
		k := &keepalived{
			file: f, grouped: make(map[string]bool), floating: make(map[netip.Addr]*floating), groups: make(map[string]*node), parameters: make(map[string]bool),
		}
		return k.read(root)
	})
}

// keepalived is a keepalived.conf being read.
type keepalived struct {
	*file
	parameters map[string]bool
	groups     map[string]*node
	instance   string // the first vrrp_instance
	floating   map[netip.Addr]*floating
	order      []*floating
	timed      bool            // the note about times stands already
	grouped    map[string]bool // groups that are used
}

// floating is an address of a vrrp_instance.
type floating struct {
	line   int
	addr   netip.Addr
	device string // perhaps with a label
	prefix int
	used   bool
}

func (k *keepalived) read(root *node) error {
	k.define(root)
	// Addresses and groups may come behind what uses them.
	for _, n := range root.children {
		var err error
		switch {
		case k.skip(n, &k.notes):
			continue
		case n.words[0] == "vrrp_instance" && n.block:
			err = k.vrrpInstance(n)
		case n.words[0] == "virtual_server_group" && n.block && len(n.words) == 2:
			k.groups[n.words[1]] = n
		}
		if err != nil {
			return err
		}
	}
	for _, n := range root.children {
		if k.opaque(n) {
			continue
		}
		var err error
		switch n.words[0] {
		case "vrrp_instance", "virtual_server_group":
			if !n.block {
				return at(n.line, "%s without a block", n.words[0])
			}
		case "virtual_server":
			err = k.virtualServer(n)
		case "global_defs":
			err = k.globalDefs(n)
		case "include", "includer", "includem", "includew", "includeb", "includea":
			k.notes.lost(n.line, "%s, because only this one file is read: import that one too", show(n))
		case "vrrp_sync_group":
			k.notes.lost(n.line, "%s, because pulse moves all floating addresses at once", show(n))
		default:
			k.notes.lost(n.line, "%s, because lvs.cf has nothing like it", show(n))
		}
		if err != nil {
			return err
		}
	}
	for _, n := range root.children {
		if name := strings.Join(n.words[1:], " "); n.words[0] == "virtual_server_group" && k.groups[name] == n && !k.grouped[name] {
			k.notes.lost(n.line, "%s, because no virtual_server uses it", show(n))
		}
	}
	k.unusedAddresses()
	return nil
}

// define collects the parameters of the whole file.
func (k *keepalived) define(n *node) {
	for _, c := range n.children {
		if name, ok := strings.CutPrefix(c.words[0], "$"); ok && c.opaque {
			k.parameters[name] = true
		}
		k.define(c)
	}
}

// opaque reports whether a statement cannot be understood by itself.
func (k *keepalived) opaque(n *node) bool {
	return n.opaque || slices.ContainsFunc(n.words, k.hasParameter)
}

// skip notes a statement that cannot be understood by itself.
func (k *keepalived) skip(n *node, to *notes) bool {
	if !k.opaque(n) {
		return false
	}
	why := "it has a parameter; write its value instead"
	switch first := n.words[0]; {
	case strings.HasPrefix(first, "@"):
		why = "it is for one configuration id only; write what this router has"
	case strings.HasPrefix(first, "$") && n.opaque:
		why = "parameters are not replaced"
	case strings.HasPrefix(first, "~"):
		why = "it is for repeating; write the lines it stands for"
	}
	to.lost(n.line, "%s, because %s", show(n), why)
	return true
}

// hasParameter looks for $NAME and ${NAME} with a NAME that is defined, here or by keepalived.
func (k *keepalived) hasParameter(word string) bool {
	for {
		_, rest, found := strings.Cut(word, "$")
		if !found {
			return false
		}
		word = rest
		name := rest
		if inner, ok := strings.CutPrefix(rest, "{"); ok {
			name, _, _ = strings.Cut(inner, "}")
		}
		name, _, _ = strings.Cut(name, " ")
		if k.parameters[name] || strings.HasPrefix(name, "_") {
			return true
		}
	}
}

// secrets are statements whose words must not be shown.
var secrets = []string{"auth_pass", "auth_hmac", "auth_hmac_key", "password", "key"}

// show is a statement as notes name it.
func show(n *node) string {
	switch {
	case slices.Contains(secrets, n.words[0]) || n.words[0] == "authentication":
		return n.words[0]
	case n.block && len(n.words) == 1:
		return bare(n.words[0]) + " with all in it"
	case n.block:
		return bare(strings.Join(n.words, " ")) + " with all in it"
	}
	return bare(strings.Join(n.words, " "))
}

// word is the only argument of a statement.
func word(n *node) (string, error) {
	if len(n.words) != 2 {
		return "", at(n.line, "%s: one word expected", bare(n.words[0]))
	}
	return n.words[1], nil
}

// flag is the argument of a statement that may be left out for yes.
func flag(n *node) (bool, error) {
	if len(n.words) == 1 {
		return true, nil
	}
	switch n.words[1] {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no":
		return false, nil
	}
	return false, at(n.line, "%s %s: yes or no expected", bare(n.words[0]), quote(n.words[1]))
}

func (k *keepalived) globalDefs(n *node) error {
	for _, c := range n.children {
		if k.skip(c, &k.notes) {
			continue
		}
		var err error
		switch c.words[0] {
		case "lvs_sync_daemon", "lvs_sync_daemon_interface", "lvs_sync_daemon_inteface":
			err = k.lvsSyncDaemon(c)
		case "lvs_timeouts":
			err = k.lvsTimeouts(c)
		case "notification_email", "notification_email_from", "smtp_server", "smtp_connect_timeout", "smtp_alert", "smtp_helo_name":
			k.notes.lost(c.line, "%s, because pulse and lvsd send no mail", show(c))
		case "enable_snmp_vrrp", "enable_snmp_checker", "enable_snmp_keepalived", "enable_snmp_rfc", "enable_traps", "snmp_socket":
			k.notes.lost(c.line, "%s, because pulse and lvsd speak no SNMP", show(c))
		default:
			k.notes.lost(c.line, "%s, because lvs.cf has nothing like it", show(c))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lvsSyncDaemon reads `lvs_sync_daemon DEVICE [[inst] INSTANCE] [id N] ...`.
func (k *keepalived) lvsSyncDaemon(n *node) error {
	if len(n.words) < 2 {
		return at(n.line, "%s: a device expected", n.words[0])
	}
	id := ""
	for i := 2; i < len(n.words); i++ {
		switch n.words[i] {
		case "id":
			if i+1 == len(n.words) {
				return at(n.line, "lvs_sync_daemon: a number expected behind id")
			}
			i++
			id = n.words[i]
		case "maxlen", "port", "ttl", "group":
			k.notes.lost(n.line, "%s of lvs_sync_daemon, because the kernel's default is used", n.words[i])
			i++
		}
	}
	return k.syncDaemon(n.line, n.words[1], id)
}

func (k *keepalived) lvsTimeouts(n *node) error {
	value := map[string]string{"tcp": "0", "tcpfin": "0", "udp": "0"}
	if len(n.words)%2 == 0 {
		return at(n.line, "lvs_timeouts: pairs of a protocol and seconds expected")
	}
	for i := 1; i < len(n.words); i += 2 {
		if value[n.words[i]] == "" {
			return at(n.line, "lvs_timeouts: %s is none of tcp, tcpfin and udp", quote(n.words[i]))
		}
		value[n.words[i]] = n.words[i+1]
	}
	return k.timeouts(n.line, value["tcp"], value["tcpfin"], value["udp"])
}

// groupServices lists the services of a virtual_server_group.
func (k *keepalived) groupServices(n *node, name string, protocol string) ([]*virtual, error) {
	group := k.groups[name]
	if group == nil {
		return nil, at(n.line, "no virtual_server_group %s", bare(name))
	}
	k.grouped[name] = true
	var list []*virtual
	for _, c := range group.children {
		if k.skip(c, &k.notes) {
			continue
		}
		if c.words[0] == "fwmark" {
			v, err := k.markService(c, c.words[1:])
			if err != nil {
				return nil, err
			}
			list = append(list, v)
			continue
		}
		hosts, err := k.addressRange(c.line, c.words[0])
		if err != nil {
			return nil, err
		}
		port := uint16(0)
		if len(c.words) > 1 {
			if port, err = k.port(c.line, c.words[1], protocol); err != nil {
				return nil, err
			}
		}
		for _, h := range hosts {
			list = append(list, &virtual{line: c.line, host: h, port: port})
		}
		if len(list) > maxVirtual {
			return nil, at(c.line, "more than %d virtual servers", maxVirtual)
		}
	}
	return list, nil
}

func (k *keepalived) markService(n *node, words []string) (*virtual, error) {
	if len(words) == 0 {
		return nil, at(n.line, "no firewall mark")
	}
	mark, err := number(n.line, "firewall mark", words[0], 1, math.MaxUint32)
	return &virtual{line: n.line, mark: uint32(mark), ipv6: len(words) > 1 && words[1] == "inet6"}, err
}

// addressRange reads an address, A.B.C.D-E, A.B.C.D-E.F.G.H or A.B.C.D/N, and the like of IPv6.
func (k *keepalived) addressRange(line int, text string) ([]host, error) {
	bad := at(line, "%s is no address and no range of at most %d", quote(text), maxRange)
	if prefix, err := netip.ParsePrefix(text); err == nil {
		prefix = prefix.Masked()
		if prefix.Addr().BitLen()-prefix.Bits() > maxRangeBits {
			return nil, bad
		}
		return k.hosts(line, prefix.Addr(), prefix.Contains)
	}
	first, last, ranged := strings.Cut(text, "-")
	from, err := netip.ParseAddr(first)
	if !ranged || err != nil || from.Zone() != "" {
		h, err := k.host(line, text)
		return []host{h}, err
	}
	to, err := netip.ParseAddr(last)
	if err != nil { // the last part alone
		cut := strings.LastIndexAny(first, ".:")
		if to, err = netip.ParseAddr(first[:cut+1] + last); err != nil {
			return nil, bad
		}
	}
	if to.BitLen() != from.BitLen() || to.Less(from) {
		return nil, bad
	}
	hosts, err := k.hosts(line, from, func(a netip.Addr) bool { return !to.Less(a) })
	if len(hosts) > maxRange {
		return nil, bad
	}
	return hosts, err
}

// Ranges hold at most this many addresses.
const (
	maxRangeBits = 12
	maxRange     = 1 << maxRangeBits
)

// hosts lists addresses from one on, as long as they are in a range; one more than maxRange if there are more.
func (k *keepalived) hosts(line int, from netip.Addr, in func(netip.Addr) bool) (list []host, err error) {
	for a := from; a.IsValid() && in(a) && len(list) <= maxRange; a = a.Next() {
		h, err := k.host(line, a.String())
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

// seconds reads a time as keepalived has it: a decimal number of seconds.
func seconds(n *node, what, text string) (float64, error) {
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s >= 0 && s <= 1e6) {
		return 0, at(n.line, "%s %s: seconds expected", what, quote(text))
	}
	return s, nil
}
