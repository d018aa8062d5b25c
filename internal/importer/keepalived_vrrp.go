package importer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// instance is what a vrrp_instance says that concerns pulse.
type instance struct {
	name, state, device string
	own                 netip.Addr // unicast_src_ip or mcast_src_ip
	ownLine             int
	peers               []netip.Addr
	mechanics           []string // statements that only VRRP needs
	lines               []int    // theirs
}

// vrrpInstance takes the floating addresses of an instance, and how fast it is, and asks who the routers are.
func (k *keepalived) vrrpInstance(n *node) error {
	i := &instance{name: bare(strings.Join(n.words[1:], " "))}
	for _, c := range n.children { // addresses may come before it
		if c.words[0] == "interface" && !k.opaque(c) && len(c.words) > 1 {
			i.device = c.words[1]
		}
	}
	for _, c := range n.children {
		if k.skip(c, &k.notes) {
			continue
		}
		if err := k.vrrpStatement(i, c); err != nil {
			return err
		}
	}
	if len(i.mechanics) > 0 {
		k.notes.add(NotCarried, i.lines, strings.Join(i.mechanics, ", ")+" of vrrp_instance "+i.name+", because pulse has heartbeats instead of VRRP")
	}
	if k.instance != "" {
		k.notes.differs(n.line, "the addresses of vrrp_instance %s are always on the router that has those of %s, because pulse moves all at once", i.name, k.instance)
		return nil
	}
	k.instance = i.name
	k.askInstance(i)
	return nil
}

func (k *keepalived) vrrpStatement(i *instance, n *node) error {
	switch n.words[0] {
	case "interface":
		device, err := word(n)
		if err != nil {
			return err
		}
		return deviceWord(n.line, device)
	case "virtual_ipaddress", "virtual_ipaddress_excluded":
		for _, c := range n.children {
			if k.skip(c, &k.notes) {
				continue
			}
			if err := k.floatingAddress(i, c); err != nil {
				return err
			}
		}
	case "advert_int":
		return k.advert(n)
	case "unicast_src_ip", "mcast_src_ip":
		addr, err := netip.ParseAddr(strings.Join(n.words[1:], " "))
		if err != nil {
			return at(n.line, "%s: an address expected", n.words[0])
		}
		i.own, i.ownLine = addr, n.line
	case "unicast_peer":
		for _, c := range n.children {
			if addr, err := netip.ParseAddr(c.words[0]); err == nil {
				i.peers = append(i.peers, addr)
			}
		}
	case "lvs_sync_daemon_interface", "lvs_sync_daemon_inteface":
		return k.lvsSyncDaemon(n)
	case "state":
		i.state = strings.Join(n.words[1:], " ")
		i.mechanic(n)
	case "virtual_router_id", "priority", "nopreempt", "preempt", "preempt_delay", "version", "unicast_ttl", "down_timer_adverts",
		"accept", "no_accept", "use_vmac", "vmac_xmit_base", "native_ipv6", "mcast_dst_ip", "check_unicast_src", "strict_mode":
		i.mechanic(n)
	case "authentication":
		k.notes.lost(n.line, "authentication of vrrp_instance %s, because pulse has heartbeat_auth with a key in a file for that", i.name)
	case "notify", "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify_master_rx_lower_pri":
		k.notes.lost(n.line, "%s, because active_cmd and inactive_cmd, which are for that, run with other arguments and as another user", show(n))
	case "track_interface":
		k.notes.lost(n.line, "track_interface of vrrp_instance %s, because lvs.cf has monitor_links for that, which names no devices", i.name)
	default:
		k.notes.lost(n.line, "%s of vrrp_instance %s, because lvs.cf has nothing like it", show(n), i.name)
	}
	return nil
}

func (i *instance) mechanic(n *node) {
	i.mechanics = append(i.mechanics, show(n))
	i.lines = append(i.lines, n.line)
}

// advert carries the time between two adverts over. The longest that VRRP waits for one is four times that, for the lowest
// of priorities.
func (k *keepalived) advert(n *node) error {
	text, err := word(n)
	if err != nil {
		return err
	}
	s, err := seconds(n, "advert_int", text)
	if err != nil {
		return err
	}
	every := time.Duration(s * float64(time.Second)).Round(time.Millisecond)
	if every < 10*time.Millisecond || every > time.Hour {
		k.notes.lost(n.line, "advert_int %s, because keepalive is at least 10ms", bare(text))
		return nil
	}
	if k.instance != "" {
		return nil
	}
	k.setGlobal("keepalive", scalar.FormatTime(every))
	k.setGlobal("deadtime", scalar.FormatTime(4*every))
	k.notes.differs(n.line, "advert_int %s is keepalive, and deadtime four times that; VRRP waits three times that and, by priority, up to once more", bare(text))
	return nil
}

// floatingAddress reads `ADDRESS[/BITS] [dev DEVICE] [label LABEL] ...`.
func (k *keepalived) floatingAddress(i *instance, n *node) error {
	text, bits, masked := strings.Cut(n.words[0], "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr.IsUnspecified() {
		return at(n.line, "%s is no address", quote(n.words[0]))
	}
	a := &floating{line: n.line, addr: addr.Unmap(), device: i.device, prefix: addr.BitLen()}
	if masked {
		if a.prefix, err = prefixOf(n.line, bits, addr.Is6()); err != nil {
			return err
		}
	}
	label := ""
	for j := 1; j < len(n.words); j++ {
		argument := ""
		if j+1 < len(n.words) {
			argument = n.words[j+1]
		}
		switch n.words[j] {
		case "dev":
			a.device = argument
			j++
		case "label":
			label = argument
			j++
		case "brd", "scope":
			j++ // pulse finds them itself
		default:
			k.notes.lost(n.line, "%s of address %s, because lvs.cf has nothing like it", bare(strings.Join(n.words[j:], " ")), addr)
			j = len(n.words)
		}
	}
	if a.device != "" {
		if err := deviceWord(n.line, a.device); err != nil {
			return err
		}
	}
	if strings.HasPrefix(label, a.device+":") && len(label) <= maxDevice && isWord(label) {
		a.device = label
	}
	if k.floating[a.addr] == nil {
		k.floating[a.addr] = a
		k.order = append(k.order, a)
	}
	return nil
}

// askInstance drafts the addresses of the routers where the instance lets them be guessed.
func (k *keepalived) askInstance(i *instance) {
	if !i.own.IsValid() {
		return
	}
	own, other, peer := "primary", "backup", "ADDRESS"
	if i.state != "MASTER" {
		own, other = other, own
	}
	if len(i.peers) == 1 {
		peer = i.peers[0].String()
	}
	address := map[string]string{own: i.own.String(), other: peer}
	k.notes.ask(i.ownLine, "primary and backup, and backup_active = 1; the drafts take this file for that of the "+own)
	k.global = append(k.global, pair{"primary", address["primary"], true}, pair{"backup", address["backup"], true}, pair{"backup_active", "1", true})
}

// unusedAddresses notes the floating addresses no virtual server has. A single one may be the real servers' gateway.
func (k *keepalived) unusedAddresses() {
	var unused []*floating
	for _, a := range k.order {
		if !a.used {
			unused = append(unused, a)
		}
	}
	nat := slices.ContainsFunc(k.virtual, func(v *virtual) bool {
		return slices.ContainsFunc(v.servers, func(s *server) bool { return s.forward.way == "nat" })
	})
	if nat && len(unused) == 1 && unused[0].device != "" {
		a := unused[0]
		device := a.device
		if !strings.Contains(device, ":") && len(device) < maxDevice-1 {
			device += ":1"
		}
		k.notes.ask(a.line, "nat_router and nat_nmask: is it "+a.addr.String()+", the address no virtual server has?")
		k.global = append(k.global, pair{"nat_router", a.addr.String() + " " + device, true}, pair{"nat_nmask", maskText(a.prefix, a.addr.Is6()), true})
		return
	}
	for _, a := range unused {
		k.notes.lost(a.line, "floating address %s/%s, because no virtual server has it", a.addr, strconv.Itoa(a.prefix))
	}
}
