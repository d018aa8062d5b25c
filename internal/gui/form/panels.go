package form

import (
	"slices"
	"strings"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Masks are those the original offered, and in its order. Others can be typed.
func Masks() []string {
	return []string{
		"255.255.255.255", "255.255.255.252", "255.255.255.248", "255.255.255.240", "255.255.255.224", "255.255.255.192", "255.255.255.128",
		"255.255.255.0", "255.255.254.0", "255.255.252.0", "255.255.248.0", "255.255.240.0", "255.255.224.0", "255.255.192.0", "255.255.128.0",
		"255.255.0.0",
	}
}

// Global is GLOBAL SETTINGS.
func Global() Panel {
	p := Panel{
		{Legend: "Environment", Fields: []Field{
			{Name: "PriLVSIP", Label: "Primary server public IP", Key: "primary", Width: "w10"},
			{Name: "primary_private", Label: "Primary server private IP (may be blank)", Key: "primary_private", Width: "w10",
				Hint: "A second path for the heartbeat. If it is blank, that of the redundant server is cleared too."},
			{Name: "tcp_timeout", Label: "TCP timeout (seconds)", Key: "tcp_timeout", Width: "w4", Number: true,
				Hint: "How long the kernel remembers an idle connection. Blank: as the kernel has it."},
			{Name: "tcpfin_timeout", Label: "TCP FIN timeout (seconds)", Key: "tcpfin_timeout", Width: "w4", Number: true},
			{Name: "udp_timeout", Label: "UDP timeout (seconds)", Key: "udp_timeout", Width: "w4", Number: true},
			{Name: "network", Label: "Use network type", Key: "network", Input: Radio, Absent: "nat",
				Choices: []Choice{{"nat", "NAT"}, {"direct", "Direct Routing"}, {"tunnel", "Tunneling"}}},
		}},
		{Legend: "NAT router", Class: "natonly", Fields: []Field{
			{Name: "NATRtrIP", Label: "NAT Router IP", Key: "nat_router", Word: 1, Width: "w10", Hint: "The real servers' gateway. The active router holds it."},
			{Name: "nat_nmask", Label: "NAT Router netmask", Key: "nat_nmask", Width: "w10", List: "masks", Default: "Unused"},
			{Name: "NATRtrDev", Label: "NAT Router device", Key: "nat_router", Word: 2, Width: "w10", List: "devices", Hint: "A device and a label, such as eth1:1."},
		}},
	}
	return append(p, more(lvscf.InGlobal, "rsh_command", "nanny_mode")).withDefaults(lvscf.InGlobal)
}

// Redundancy is REDUNDANCY.
func Redundancy(private bool) Panel {
	router := []Field{{Name: "redundant", Label: "Redundant server public IP", Key: "backup", Width: "w10"}}
	if private {
		router = append(router, Field{Name: "redundant_private", Label: "Redundant server private IP", Key: "backup_private", Width: "w10",
			Hint: "A second path for the heartbeat."})
	}
	return Panel{
		{Legend: "Redundant server", Fields: router},
		{Legend: "Heartbeat", Fields: []Field{
			{Name: "hb_interval", Label: "Heartbeat interval (seconds)", Key: "keepalive", Width: "w4", Hint: "500ms is half a second. An original router needs whole seconds."},
			{Name: "dead_after", Label: "Assume dead after (seconds)", Key: "deadtime", Width: "w4",
				Hint: "Silence of the active router after which the other one takes over. Several intervals, so that lost packets are no failure."},
			{Name: "hb_port", Label: "Heartbeat runs on port", Key: "heartbeat_port", Width: "w4", Number: true, Hint: "UDP. Let it pass between the two routers."},
			{Name: "monitor_links", Label: "Monitor NIC links for failures", Key: "monitor_links", Input: Tick, Absent: "0",
				Hint: "A router whose public link is lost gives up its active role."},
		}},
		{Legend: "Sync daemon", Fields: []Field{
			{Name: "syncdaemon", Label: "Use sync daemon", Key: "syncdaemon", Input: Tick, Absent: "0", Hint: "Open connections survive a takeover."},
			{Name: "syncd_iface", Label: "Sync daemon interface", Key: "syncd_iface", Width: "w10", List: "devices"},
			{Name: "syncd_id", Label: "Sync daemon ID", Key: "syncd_id", Width: "w4", Number: true},
		}},
		more(lvscf.InGlobal, "heartbeat", "heartbeat_auth", "heartbeat_key", "standby"),
	}.withDefaults(lvscf.InGlobal)
}

// Virtual is EDIT VIRTUAL SERVER.
func Virtual() Panel {
	return Panel{
		{Legend: "Service", Fields: []Field{
			{Name: "hostname", Label: "Name", Width: "w10", Hint: "A description, not a host name."},
			{Name: "port", Label: "Application port", Key: "port", Width: "w4"},
			{Name: "protocol", Label: "Protocol", Key: "protocol", Input: Select, Absent: "tcp", Choices: words("protocol", lvscf.InVirtual)},
			{Name: "address", Label: "Virtual IP Address", Key: "address", Word: 1, Width: "w10", Hint: "Clients connect here; the active router holds it. IPv4 or IPv6."},
			{Name: "vip_nmask", Label: "Virtual IP Network Mask", Key: "vip_nmask", Width: "w10", List: "masks", Default: "Unused"},
			{Name: "sorry_server", Label: "Sorry Server", Key: "sorry_server", Width: "w10", Hint: "The address that answers when no real server is up."},
			{Name: "fwmark", Label: "Firewall Mark", Key: "fwmark", Width: "w4", Number: true,
				Hint: "Groups several ports. The firewall must mark the packets."},
			{Name: "device", Label: "Device", Key: "address", Word: 2, Width: "w10", List: "devices", Hint: "A device and a label, such as eth0:1."},
		}},
		{Legend: "Health", Fields: []Field{
			{Name: "reentry", Label: "Re-entry Time", Key: "reentry", Width: "w4", Unit: "seconds", Hint: "A real server must be healthy for this long to be used again."},
			{Name: "timeout", Label: "Service timeout", Key: "timeout", Width: "w4", Unit: "seconds",
				Hint: "The time between two checks, and the time one may take."},
			{Name: "quiesce_server", Label: "Quiesce server", Key: "quiesce_server", Input: Radio, Absent: "0", Choices: []Choice{{"1", "Yes"}, {"0", "No"}},
				Hint: "Yes: a failed server keeps its connections and gets no new ones."},
			{Name: "load", Label: "Load monitoring tool", Key: "load_monitor", Input: Select, Absent: "none",
				Choices: []Choice{{"none", "none"}, {"rup", "rup"}, {"ruptime", "ruptime"}, {"uptime", "uptime"}}},
		}},
		{Legend: "Scheduling", Fields: []Field{
			{Name: "sched", Label: "Scheduling", Key: "scheduler", Input: Select, Absent: "wlc", Choices: Schedulers()},
			{Name: "persistent", Label: "Persistence", Key: "persistent", Width: "w4", Unit: "seconds", Number: true,
				Hint: "A client stays with its real server for this long. Blank: no persistence."},
			{Name: "pmask", Label: "Persistence Network Mask", Key: "pmask", Width: "w10", List: "masks", Default: "Unused",
				Hint: "Clients that are equal under this mask count as one."},
		}},
		more(lvscf.InVirtual, "rise", "fall", "scheduler_port", "scheduler_fallback", "one_packet", "tunnel_type", "tunnel_port", "tunnel_checksum"),
	}.withDefaults(lvscf.InVirtual)
}

// Schedulers are those of the kernel, in the original's order and words.
func Schedulers() []Choice {
	return []Choice{
		{"rr", "Round robin (rr)"}, {"wlc", "Weighted least-connections (wlc)"}, {"wrr", "Weighted round robin (wrr)"},
		{"lc", "Least-connection (lc)"}, {"lblc", "Locality-Based Least-Connection Scheduling (lblc)"},
		{"lblcr", "Locality-Based Least-Connection Scheduling (R) (lblcr)"}, {"dh", "Destination Hash Scheduling (dh)"},
		{"sh", "Source Hash Scheduling (sh)"}, {"sed", "Shortest expected delay (sed)"}, {"nq", "Never queue (nq)"},
		{"fo", "Weighted failover (fo)"}, {"ovf", "Weighted overflow (ovf)"}, {"mh", "Maglev hashing (mh)"},
	}
}

// words are the choices of a key.
func words(key string, scope lvscf.Scope) []Choice {
	var list []Choice
	for _, k := range lvscf.Keys() {
		if k.Name == key && k.In&scope != 0 {
			for _, word := range k.Choices {
				list = append(list, Choice{word, word})
			}
		}
	}
	return list
}

// Real is the form of one real server.
func Real() Panel {
	return Panel{
		{Legend: "Real server", Fields: []Field{
			{Name: "name", Label: "Name", Width: "w10", Hint: "A description, not a host name."},
			{Name: "address", Label: "Address", Key: "address", Width: "w10"},
			{Name: "port", Label: "Port", Key: "port", Width: "w4", Hint: "Leave it blank to use the application port of the virtual server."},
			{Name: "weight", Label: "Weight", Key: "weight", Width: "w4", Number: true, Hint: "Its share of the connections, 0 to 65535. 0: no new ones."},
		}},
		more(lvscf.InServer, "forward", "upper_threshold", "lower_threshold", "check_address", "check_port"),
	}.withDefaults(lvscf.InServer)
}

// Scripts is EDIT MONITORING SCRIPTS.
func Scripts() Panel {
	return Panel{
		{Legend: "Send and expect", Fields: []Field{
			{Name: "send_program", Label: "Sending Program", Key: "send_program", Width: "full", Exact: true,
				Hint: "A command that is run instead of sending. %h in it stands for the address of the real server. What it prints must match what is expected."},
			{Name: "send", Label: "Send", Key: "send", Width: "full", Exact: true,
				Hint: `What is sent after the connection is made. \n, \r, \t and \\ stand for line ends, tabs and backslashes. Blank: nothing is sent.`},
			{Name: "expect", Label: "Expect", Key: "expect", Width: "full", Exact: true,
				Hint: "How the answer of a healthy real server begins. Blank: that a connection can be made is enough."},
			{Name: "use_regex", Label: "Treat expect string as a regular expression", Key: "use_regex", Input: Tick, Absent: "0"},
		}},
		more(lvscf.InVirtual, "check", "check_path", "check_host", "check_status", "check_body", "check_verify", "check_port", "check_source", "check_shared"),
	}
}

// more makes a folded section of keys that the original's panels did not have, from what lvs.cf(5) says of them.
func more(scope lvscf.Scope, names ...string) Section {
	s := Section{Legend: "More", More: true}
	keys := lvscf.Keys()
	for _, name := range names {
		if i := slices.IndexFunc(keys, func(k lvscf.Key) bool { return k.Name == name && k.In&scope != 0 }); i >= 0 {
			s.Fields = append(s.Fields, fieldOf(keys[i]))
		}
	}
	return s
}

// fieldOf makes a field of a key.
func fieldOf(k lvscf.Key) Field {
	f := Field{Name: k.Name, Label: capital(strings.ReplaceAll(k.Name, "_", " ")), Key: k.Name, Hint: capital(k.Meaning) + ".", Default: k.Default, Exact: k.Quoted}
	unset := Choice{"", "not set"}
	if k.Default != "" {
		unset.Text = "not set: " + k.Default
	}
	switch k.Kind {
	case lvscf.Boolean:
		unset.Text = "not set: " + yesNo(k.Default)
		f.Input, f.Choices = Select, []Choice{unset, {"1", "yes"}, {"0", "no"}}
	case lvscf.Choice:
		f.Input, f.Choices = Select, []Choice{unset}
		for _, word := range k.Choices {
			f.Choices = append(f.Choices, Choice{word, word})
		}
	case lvscf.Integer, lvscf.Seconds, lvscf.Time, lvscf.Port:
		f.Width = "w4"
	case lvscf.Text:
		f.Width = "full"
	default:
		f.Width = "w10"
	}
	return f
}

func yesNo(value string) string {
	if value == "1" {
		return "yes"
	}
	return "no"
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// withDefaults shows what counts for the fields that are empty.
func (p Panel) withDefaults(scope lvscf.Scope) Panel {
	keys := lvscf.Keys()
	p.fields(func(f *Field) {
		if f.Input != Text || f.Default != "" || f.Word > 0 {
			return
		}
		for _, k := range keys {
			if k.Name == f.Key && k.In&scope != 0 && k.Default != "0.0.0.0" && k.Default != "0" {
				f.Default = k.Default
				return
			}
		}
	})
	return p
}
