package doctor

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

const conf = `
primary = 192.0.2.1
backup = 192.0.2.2
backup_active = 1
heartbeat = 1
network = nat
nat_router = 10.0.0.254 eth1:1
nat_nmask = 255.255.255.0
virtual web {
	active = 1
	address = 192.0.2.100 eth0:1
	vip_nmask = 255.255.255.0
	port = 80
	scheduler = wlc
	server one {
		address = 10.0.0.1
		active = 1
	}
}
virtual off {
	active = 0
	address = 192.0.2.101 eth7:1
	port = 81
	scheduler = mh
}
`

func config(t *testing.T, text string) *lvscf.Config {
	t.Helper()
	doc, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, found := doc.Config(lvscf.Lookup{})
	if len(found.Errors()) > 0 {
		t.Fatal(found)
	}
	return cfg
}

// healthy is an active router of conf with which nothing is wrong.
func healthy() *Facts {
	return &Facts{
		Sysctl: map[string]string{
			"kernel/osrelease": "6.1.0", "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "0",
			"net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/eth0/rp_filter": "1", "net/ipv4/conf/eth1/rp_filter": "1",
			"net/ipv4/conf/all/send_redirects": "1", "net/ipv4/conf/eth1/forwarding": "1",
			"net/ipv4/vs/run_estimation": "1", "net/ipv4/vs/conn_reuse_mode": "1", "net/ipv4/vs/conntrack": "0", "net/ipv4/vs/expire_nodest_conn": "1",
			"net/netfilter/nf_conntrack_count": "89", "net/netfilter/nf_conntrack_max": "100",
		},
		Modules: Modules{Present: map[string]bool{"ip_vs": true, "ip_vs_wlc": true}, Available: true},
		Devices: map[string]Device{
			"lo":   {Up: true, Loopback: true, MTU: 65536, Addresses: prefixes("127.0.0.1/8")},
			"eth0": {Up: true, MTU: 1500, Addresses: prefixes("192.0.2.1/24", "192.0.2.100/24")},
			"eth1": {Up: true, MTU: 1500, Addresses: prefixes("10.0.0.253/24", "10.0.0.254/24")},
		},
		Routes:    map[netip.Addr]Route{netip.MustParseAddr("10.0.0.1"): {Dev: "eth1"}},
		Default4:  Route{Dev: "eth0", Gateway: netip.MustParseAddr("192.0.2.254")},
		Sockets:   []Socket{{lvscf.UDP, netip.MustParseAddrPort("0.0.0.0:539")}, {lvscf.TCP, netip.MustParseAddrPort("127.0.0.1:80")}},
		Pulse:     &Pulse{State: "active", Serial: 4, Expected: true, Heard: true, SameConfig: true, PartnerSerial: 4},
		Passwords: Passwords{Set: true},
	}
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// device changes one.
func (f *Facts) device(name string, change func(*Device)) {
	d := f.Devices[name]
	change(&d)
	f.Devices[name] = d
}

// take removes an address.
func (f *Facts) take(name string) func(*Device) {
	return func(d *Device) {
		d.Addresses = slices.DeleteFunc(slices.Clone(d.Addresses), func(p netip.Prefix) bool { return p.Addr().String() == name })
	}
}

// compare wants exactly these findings: severity, what and command, parted by " | ".
func compare(t *testing.T, name string, got []Finding, want []string) {
	t.Helper()
	var lines []string
	for _, f := range got {
		if f.Why == "" {
			t.Errorf("%s: %s: no reason", name, f.What)
		}
		lines = append(lines, f.Severity.String()+": "+f.What+" | "+f.Command)
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%s:\n  %s\nwant:\n  %s", name, strings.Join(lines, "\n  "), strings.Join(want, "\n  "))
	}
}

type change struct {
	name string
	conf string // instead of conf
	f    func(*Facts)
	want []string
}

func sysctl(name, value string) func(*Facts) {
	return func(f *Facts) { f.Sysctl[name] = value }
}

func run(t *testing.T, examine func(*lvscf.Config, *Facts) []Finding, base string, well func() *Facts, changes []change) {
	t.Helper()
	for _, c := range changes {
		text, facts := base, well()
		if c.conf != "" {
			text = c.conf
		}
		if c.f != nil {
			c.f(facts)
		}
		compare(t, c.name, examine(config(t, text), facts), c.want)
	}
}

var (
	direct = strings.NewReplacer("network = nat", "network = direct", "nat_router = 10.0.0.254 eth1:1\n", "", "nat_nmask = 255.255.255.0\n", "")
	marked = strings.NewReplacer("port = 80", "fwmark = 21\n\tport = 80")
	six    = strings.NewReplacer("nat_router = 10.0.0.254 eth1:1\nnat_nmask = 255.255.255.0", "", "192.0.2.100", "2001:db8::100", "vip_nmask = 255.255.255.0", "",
		"10.0.0.1", "2001:db8:1::1")
)

func TestKernel(t *testing.T) {
	run(t, Director, conf, healthy, []change{
		{name: "all well"},
		{name: "nothing known", f: func(f *Facts) { f.Sysctl = nil }},
		{name: "no ip_vs", f: func(f *Facts) { f.Modules.Present = nil }, want: []string{"error: the kernel has no module ip_vs | "}},
		{name: "no scheduler", f: func(f *Facts) { f.Modules.Present["ip_vs_wlc"] = false }, want: []string{"error: the kernel has no module ip_vs_wlc | "}},
		{name: "no list", f: func(f *Facts) { f.Modules = Modules{Present: map[string]bool{"ip_vs": true}} },
			want: []string{"note: whether the kernel has ip_vs_wlc cannot be told: it is not loaded | modprobe ip_vs_wlc"}},
		{name: "no forwarding", f: sysctl("net/ipv4/ip_forward", "0"), want: []string{"error: net.ipv4.ip_forward is 0 | sysctl -w net.ipv4.ip_forward=1"}},
		{name: "no forwarding on a device", f: sysctl("net/ipv4/conf/eth1/forwarding", "0"),
			want: []string{"error: net.ipv4.conf.eth1.forwarding is 0 | sysctl -w net.ipv4.conf.eth1.forwarding=1"}},
		{name: "direct routing forwards nothing", conf: direct.Replace(conf), f: sysctl("net/ipv4/ip_forward", "0")},
		{name: "IPv6 forwards nothing", conf: six.Replace(conf), f: func(f *Facts) {
			f.Routes[netip.MustParseAddr("2001:db8:1::1")] = Route{Dev: "eth1"}
			f.device("eth0", func(d *Device) { d.Addresses = append(d.Addresses, prefixes("2001:db8::100/128")...) })
		}, want: []string{"error: net.ipv6.conf.all.forwarding is 0 | sysctl -w net.ipv6.conf.all.forwarding=1"}},
		{name: "redirects on one link", conf: strings.Replace(conf, "10.0.0.254 eth1:1", "10.0.0.254 eth0:2", 1), f: func(f *Facts) {
			f.Routes[netip.MustParseAddr("10.0.0.1")] = Route{Dev: "eth0"}
			f.device("eth0", func(d *Device) { d.Addresses = append(d.Addresses, prefixes("10.0.0.254/24")...) })
		}, want: []string{"warning: this router sends ICMP redirects on eth0 | sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0"}},
		{name: "strict, other way out", f: func(f *Facts) { f.Default4.Dev = "eth1" },
			want: []string{"warning: rp_filter is strict on eth0, and the default route leaves by eth1 | sysctl -w net.ipv4.conf.eth0.rp_filter=2"}},
		{name: "loose, other way out", f: func(f *Facts) { f.Default4.Dev = "eth1"; f.Sysctl["net/ipv4/conf/all/rp_filter"] = "2" }},
		{name: "strict, no way out", f: func(f *Facts) { f.Default4 = Route{} }},
		{name: "counters", f: sysctl("net/ipv4/vs/run_estimation", "0"), want: []string{"warning: net.ipv4.vs.run_estimation is 0 | sysctl -w net.ipv4.vs.run_estimation=1"}},
		{name: "reuse", f: sysctl("net/ipv4/vs/conn_reuse_mode", "0"), want: []string{"warning: net.ipv4.vs.conn_reuse_mode is 0 | sysctl -w net.ipv4.vs.conn_reuse_mode=1"}},
		{name: "conntrack of new", f: sysctl("net/ipv4/vs/conntrack", "1")},
		{name: "conntrack of old", f: func(f *Facts) {
			f.Sysctl["net/ipv4/vs/conntrack"], f.Sysctl["kernel/osrelease"] = "1", "5.4.0-91-generic"
		},
			want: []string{"warning: net.ipv4.vs.conntrack is 1 on Linux 5.4.0-91-generic | sysctl -w net.ipv4.vs.conntrack=0"}},
		{name: "expiry", f: sysctl("net/ipv4/vs/expire_nodest_conn", "0"),
			want: []string{"note: net.ipv4.vs.expire_nodest_conn is 0 | sysctl -w net.ipv4.vs.expire_nodest_conn=1"}},
		{name: "conntrack full", f: sysctl("net/netfilter/nf_conntrack_count", "90"),
			want: []string{"warning: the table of tracked connections is nearly full: 90 of 100 | sysctl -w net.netfilter.nf_conntrack_max=200"}},
		{name: "clock", f: func(f *Facts) { f.Unsynchronised = true }, want: []string{"warning: the clock is not synchronised | timedatectl set-ntp true"}},
	})
}

func TestNetwork(t *testing.T) {
	elsewhere := netip.MustParseAddr("10.0.0.250")
	run(t, Director, conf, healthy, []change{
		{name: "no device", f: func(f *Facts) { delete(f.Devices, "eth1") }, want: []string{"error: there is no device eth1 for 10.0.0.254 | "}},
		{name: "device down", f: func(f *Facts) { f.device("eth1", func(d *Device) { d.Up = false }) }, want: []string{"error: device eth1 is down | ip link set eth1 up"}},
		{name: "address lost", f: func(f *Facts) { f.device("eth0", f.take("192.0.2.100")) },
			want: []string{"error: this router is active, and 192.0.2.100 is not on eth0 | ip address add 192.0.2.100/24 dev eth0"}},
		{name: "addresses kept", f: func(f *Facts) { f.Pulse.State = "inactive" }, want: []string{
			"error: this router is not active, and 10.0.0.254 is on eth1 | ip address del 10.0.0.254/24 dev eth1",
			"error: this router is not active, and 192.0.2.100 is on eth0 | ip address del 192.0.2.100/24 dev eth0",
		}},
		{name: "on the way", f: func(f *Facts) { f.Pulse.State = "activating"; f.device("eth0", f.take("192.0.2.100")) }},
		{name: "inactive", f: func(f *Facts) {
			f.Pulse.State = "inactive"
			f.device("eth0", f.take("192.0.2.100"))
			f.device("eth1", f.take("10.0.0.254"))
		}},
		{name: "MTU", f: func(f *Facts) { f.device("eth1", func(d *Device) { d.MTU = 1400 }) },
			want: []string{"warning: the MTU of eth1 is 1400, that of eth0 is 1500 | ip link set eth1 mtu 1500"}},
		{name: "greater MTU", f: func(f *Facts) { f.device("eth1", func(d *Device) { d.MTU = 9000 }) }},
		{name: "no route", f: func(f *Facts) { f.Routes = nil }, want: []string{"error: there is no route to real server one (10.0.0.1) | ip route get 10.0.0.1"}},
		{name: "other device", f: func(f *Facts) { f.Routes[netip.MustParseAddr("10.0.0.1")] = Route{Dev: "eth2"} },
			want: []string{"warning: real server one (10.0.0.1) is reached by eth2, and nat_router is on eth1 | ip route get 10.0.0.1"}},
		{name: "gateway", f: func(f *Facts) { f.Routes[netip.MustParseAddr("10.0.0.1")] = Route{Dev: "eth1", Gateway: elsewhere} },
			want: []string{"warning: real server one (10.0.0.1) is behind the gateway 10.0.0.250 | ip route get 10.0.0.1"}},
		{name: "direct by a gateway", conf: direct.Replace(conf), f: func(f *Facts) {
			f.Routes[netip.MustParseAddr("10.0.0.1")] = Route{Dev: "eth1", Gateway: elsewhere}
		}, want: []string{"error: real server one (10.0.0.1) is behind the gateway 10.0.0.250 | ip route get 10.0.0.1"}},
		{name: "real server here", f: func(f *Facts) {
			f.Routes[netip.MustParseAddr("10.0.0.1")] = Route{Dev: "lo", Local: true}
			f.Sockets = append(f.Sockets, Socket{lvscf.TCP, netip.MustParseAddrPort("[::]:80")})
		}},
		{name: "listener", f: func(f *Facts) { f.Sockets = append(f.Sockets, Socket{lvscf.TCP, netip.MustParseAddrPort("[::]:80")}) },
			want: []string{"warning: a program of this router listens on [::]:80, where web is | ss -tlnp 'sport = :80'"}},
		{name: "heartbeat port", f: func(f *Facts) { f.Pulse, f.PulseGone, f.NoPulse = nil, true, "pulse does not run here" }, want: []string{
			"note: pulse does not run here | ",
			"error: another program has UDP port 539 | ss -ulnp 'sport = :539'",
		}},
		{name: "pulse hangs", f: func(f *Facts) { f.Pulse, f.NoPulse = nil, "pulse does not answer" }, want: []string{"note: pulse does not answer | "}},
		{name: "heartbeat port free", f: func(f *Facts) { f.Pulse, f.PulseGone, f.NoPulse, f.Sockets = nil, true, "pulse does not run here", nil }, want: []string{"note: pulse does not run here | "}},
	})
}

func TestMarks(t *testing.T) {
	rules := func(from, text string) func(*Facts) {
		return func(f *Facts) { f.Rules = Rules{Text: text, From: strings.Fields(from)} }
	}
	const missing = "error: no rule of the firewall sets mark 21 for web | "
	run(t, Director, marked.Replace(conf), healthy, []change{
		{name: "nft", f: rules("nft", "table ip mangle {\n\t\tip daddr 192.0.2.100 tcp dport { 80, 443 } meta mark set 0x00000015\n}\n")},
		{name: "iptables", f: rules("iptables-save", "-A PREROUTING -d 192.0.2.100/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x15/0xffffffff\n")},
		{name: "another mark, the same number", f: rules("nft", "tcp dport 21 accept\nmeta mark set 0x00000016\n"), want: []string{missing +
			"nft 'add table ip piranha; add chain ip piranha prerouting { type filter hook prerouting priority mangle; }; " +
			"add rule ip piranha prerouting ip daddr 192.0.2.100 meta l4proto tcp tcp dport 80 meta mark set 21'"}},
		{name: "none", f: rules("iptables-save", ""), want: []string{missing + "iptables -t mangle -A PREROUTING -d 192.0.2.100 -p tcp --dport 80 -j MARK --set-mark 21"}},
		{name: "nobody knows", want: []string{"note: whether a rule sets mark 21 for web cannot be told | "}},
	})
}

func TestRouters(t *testing.T) {
	const other = "ssh 192.0.2.2 cat /etc/sysconfig/ha/lvs.cf | diff /etc/sysconfig/ha/lvs.cf -"
	run(t, Director, conf, healthy, []change{
		{name: "not heard", f: func(f *Facts) { f.Pulse.Heard = false }, want: []string{"warning: the other router, 192.0.2.2, is not heard | tcpdump -ni any udp port 539"}},
		{name: "alone", f: func(f *Facts) { f.Pulse.Expected, f.Pulse.Heard = false, false }},
		{name: "other lvs.cf", f: func(f *Facts) { f.Pulse.SameConfig = false }, want: []string{"warning: the lvs.cf of the other router means something else | " + other}},
		{name: "original partner", f: func(f *Facts) { f.Pulse.SameConfig, f.Pulse.Original = false, true }},
		{name: "refused reload", f: func(f *Facts) { f.Pulse.LoadError = "line 3" }, want: []string{"error: the last reload was refused: line 3 | piranhactl check"}},
	})
	for serial, want := range map[int64]string{3: "copy it here", 5: "copy it there", 4: "decide which is right"} {
		f := healthy()
		f.Pulse.SameConfig, f.Pulse.Serial = false, serial
		if list := Director(config(t, conf), f); len(list) != 1 || !strings.Contains(list[0].Why, want) {
			t.Errorf("serial_no %d against 4: %+v", serial, list)
		}
	}
}

func TestFiles(t *testing.T) {
	bad := errors.New("key file /k: mode is 0644")
	run(t, Director, conf, healthy, []change{
		{name: "no key", f: func(f *Facts) { f.Key = FileFact{bad, true} }, want: []string{"error: there is no /etc/sysconfig/ha/heartbeat.key | " +
			"(umask 077; head -c 32 /dev/urandom | base64 > /etc/sysconfig/ha/heartbeat.key)"}},
		{name: "open key", f: func(f *Facts) { f.Key = FileFact{Err: bad} }, want: []string{"error: key file /k: mode is 0644 | " +
			"chown root /etc/sysconfig/ha/heartbeat.key && chmod 600 /etc/sysconfig/ha/heartbeat.key"}},
		{name: "name of a key", conf: "heartbeat_key = /k;reboot\n" + conf, f: func(f *Facts) { f.Key = FileFact{Err: bad} },
			want: []string{"error: key file /k: mode is 0644 | chown root '/k;reboot' && chmod 600 '/k;reboot'"}},
		{name: "not root", f: func(f *Facts) { f.Passwords, f.Unprivileged = Passwords{}, true }, want: []string{"note: not everything could be looked at | "}},
		{name: "no passwords", f: func(f *Facts) { f.Passwords = Passwords{FileFact: FileFact{bad, true}} }, want: []string{"note: there is no file of passwords | piranha-passwd"}},
		{name: "unreadable passwords", f: func(f *Facts) { f.Passwords.Err = bad }, want: []string{"warning: the passwords of the web panels: key file /k: mode is 0644 | "}},
		{name: "password not set", f: func(f *Facts) { f.Passwords.Set = false }, want: []string{"warning: account piranha has no password that can be used | piranha-passwd"}},
		{name: "open passwords", f: func(f *Facts) { f.Passwords.Readable = true }, want: []string{
			"error: everyone can read /etc/sysconfig/ha/conf/piranha.passwd | chmod o= /etc/sysconfig/ha/conf/piranha.passwd"}},
		{name: "old hashes", f: func(f *Facts) { f.Passwords.Weak = []string{"it's", "piranha"} }, want: []string{
			`warning: passwords are kept by an old method, not bcrypt: it's, piranha | piranha-passwd -u 'it'\''s'`}},
	})
}

// behind is a real server of direct routing with which nothing is wrong.
func behind() *Facts {
	return &Facts{
		Sysctl: map[string]string{"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2", "net/ipv4/conf/eth0/arp_ignore": "0",
			"net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/tunl0/rp_filter": "0"},
		Devices: map[string]Device{
			"lo":    {Up: true, Loopback: true, Addresses: prefixes("127.0.0.1/8", "192.0.2.100/32")},
			"eth0":  {Up: true, Addresses: prefixes("10.0.0.1/24")},
			"tunl0": {Up: true},
		},
		Default4: Route{Dev: "eth0", Gateway: netip.MustParseAddr("10.0.0.254")},
		Sockets:  []Socket{{lvscf.TCP, netip.MustParseAddrPort("0.0.0.0:80")}},
	}
}

func TestRealServer(t *testing.T) {
	tunnel := strings.Replace(direct.Replace(conf), "network = direct", "network = tunnel", 1)
	noVIP := func(f *Facts) { f.device("lo", f.take("192.0.2.100")) }
	run(t, RealServer, direct.Replace(conf), behind, []change{
		{name: "all well"},
		{name: "another machine", f: func(f *Facts) { f.device("eth0", f.take("10.0.0.1")) },
			want: []string{"error: no active real server of lvs.cf has an address of this machine | ip -br address"}},
		{name: "no VIP", f: noVIP, want: []string{"error: no device has 192.0.2.100 of web | ip address add 192.0.2.100/32 dev lo"}},
		{name: "VIP on the link", f: func(f *Facts) {
			noVIP(f)
			f.device("eth0", func(d *Device) { d.Addresses = append(d.Addresses, prefixes("192.0.2.100/24")...) })
		}, want: []string{"error: 192.0.2.100 of web is on eth0, whose link leads to the router | ip address del 192.0.2.100/24 dev eth0 && ip address add 192.0.2.100/32 dev lo"}},
		{name: "VIP on the link too", f: func(f *Facts) {
			f.device("eth0", func(d *Device) { d.Addresses = append(d.Addresses, prefixes("192.0.2.100/24")...) })
		}, want: []string{"error: 192.0.2.100 of web is on eth0, whose link leads to the router | ip address del 192.0.2.100/24 dev eth0"}},
		{name: "network on lo", f: func(f *Facts) {
			f.device("lo", func(d *Device) { d.Addresses = prefixes("192.0.2.100/24") })
		}, want: []string{"error: 192.0.2.100 of web is on lo with the mask of a whole network, /24 | ip address del 192.0.2.100/24 dev lo && ip address add 192.0.2.100/32 dev lo"}},
		{name: "answers ARP", f: sysctl("net/ipv4/conf/all/arp_ignore", "0"), want: []string{"error: arp_ignore is 0 on eth0 | sysctl -w net.ipv4.conf.all.arp_ignore=1"}},
		{name: "silent on the device alone", f: func(f *Facts) {
			f.Sysctl["net/ipv4/conf/all/arp_ignore"], f.Sysctl["net/ipv4/conf/eth0/arp_ignore"] = "0", "1"
		}},
		{name: "announces", f: sysctl("net/ipv4/conf/all/arp_announce", "1"), want: []string{"error: arp_announce is not 2 on eth0 | sysctl -w net.ipv4.conf.all.arp_announce=2"}},
		{name: "nobody listens", f: func(f *Facts) { f.Sockets[0].Addr = netip.MustParseAddrPort("10.0.0.1:80") },
			want: []string{"warning: no program listens on 192.0.2.100:80 | ss -tln"}},
		{name: "clock", f: func(f *Facts) { f.Unsynchronised = true }, want: []string{"warning: the clock is not synchronised | timedatectl set-ntp true"}},

		{name: "tunnel", conf: tunnel},
		{name: "tunnel, no VIP", conf: tunnel, f: noVIP, want: []string{"error: no device has 192.0.2.100 of web | ip address add 192.0.2.100/32 dev tunl0"}},
		{name: "tunnel down", conf: tunnel, f: func(f *Facts) { f.device("tunl0", func(d *Device) { d.Up = false }) },
			want: []string{"error: device tunl0 is down | ip link set tunl0 up"}},
		{name: "no tunnel", conf: tunnel, f: func(f *Facts) { delete(f.Devices, "tunl0") }, want: []string{"error: there is no device tunl0 | modprobe ipip && ip link set tunl0 up"}},
		{name: "strict tunnel", conf: tunnel, f: sysctl("net/ipv4/conf/all/rp_filter", "1"),
			want: []string{"error: rp_filter is strict on tunl0 | sysctl -w net.ipv4.conf.tunl0.rp_filter=2"}},

		{name: "nat", conf: conf, f: func(f *Facts) { noVIP(f); f.Sysctl = nil }},
		{name: "nat, nobody listens", conf: conf, f: func(f *Facts) { f.Sockets = nil }, want: []string{"warning: no program listens on 10.0.0.1:80 | ss -tln"}},
		{name: "nat, other way back", conf: conf, f: func(f *Facts) { f.Default4.Gateway = netip.MustParseAddr("10.0.0.9") },
			want: []string{"error: the default route is not by nat_router 10.0.0.254: it is by 10.0.0.9 | ip route replace default via 10.0.0.254"}},
		{name: "nat, no way back", conf: conf, f: func(f *Facts) { f.Default4 = Route{} },
			want: []string{"error: the default route is not by nat_router 10.0.0.254: there is none | ip route replace default via 10.0.0.254"}},
	})
}
