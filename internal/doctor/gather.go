package doctor

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/passwd"
)

// PasswordFile is that of the web panels.
const PasswordFile = passwd.DefaultFile

// settings are what is read below /proc/sys, and for each device perDevice.
var (
	settings = strings.Fields(`kernel/osrelease net/ipv4/ip_forward net/ipv6/conf/all/forwarding
		net/ipv4/vs/run_estimation net/ipv4/vs/conn_reuse_mode net/ipv4/vs/conntrack net/ipv4/vs/expire_nodest_conn
		net/netfilter/nf_conntrack_count net/netfilter/nf_conntrack_max`)
	perDevice = strings.Fields("rp_filter arp_ignore arp_announce send_redirects forwarding")
)

// Gather reads what an examination of this machine needs. What cannot be read is left out, and what pulse says is for the caller to add.
func Gather(ctx context.Context, cfg *lvscf.Config) *Facts {
	f := &Facts{Unprivileged: os.Geteuid() != 0, Devices: devices(), Routes: map[netip.Addr]Route{}}
	f.read("/", cfg)
	f.Default4, f.Default6 = defaultRoute(netlink.FAMILY_V4), defaultRoute(netlink.FAMILY_V6)
	for i := range cfg.Virtual {
		for j := range cfg.Virtual[i].Servers {
			a := cfg.Virtual[i].Servers[j].Addr
			if _, known := f.Routes[a]; known || !a.IsValid() {
				continue
			}
			if r, there := routeTo(a); there {
				f.Routes[a] = r
			}
		}
		if cfg.Virtual[i].Mark != 0 && len(f.Rules.From) == 0 {
			f.Rules = readRules(ctx)
		}
	}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	f.Unsynchronised = err == nil && (state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0)
	if f.Unprivileged {
		return f
	}
	if cfg.HeartbeatAuth != lvscf.AuthOff {
		_, err := heartbeat.ReadKey(cfg.HeartbeatKey)
		f.Key = FileFact{Err: err, Missing: errors.Is(err, fs.ErrNotExist)}
	}
	f.Passwords = readPasswords(PasswordFile)
	return f
}

// read reads the files below root.
func (f *Facts) read(root string, cfg *lvscf.Config) {
	f.Sysctl = map[string]string{}
	names := slices.Clone(settings)
	devices, _ := filepath.Glob(filepath.Join(root, "proc/sys/net/ipv4/conf/*"))
	for _, path := range devices {
		for _, name := range perDevice {
			names = append(names, "net/ipv4/conf/"+filepath.Base(path)+"/"+name)
		}
	}
	for _, name := range names {
		if text, err := os.ReadFile(filepath.Join(root, "proc/sys", name)); err == nil {
			f.Sysctl[name] = strings.TrimSpace(string(text))
		}
	}
	f.Modules = readModules(root, f.Sysctl["kernel/osrelease"], cfg)
	for name, protocol := range map[string]lvscf.Protocol{"tcp": lvscf.TCP, "tcp6": lvscf.TCP, "udp": lvscf.UDP, "udp6": lvscf.UDP} {
		f.Sockets = append(f.Sockets, readSockets(filepath.Join(root, "proc/net", name), protocol)...)
	}
	slices.SortFunc(f.Sockets, func(a, b Socket) int { return a.Addr.Compare(b.Addr) })
}

// readModules looks for ip_vs and its schedulers. Those that are built in have no directory in /sys, unless they have parameters.
func readModules(root, release string, cfg *lvscf.Config) Modules {
	m := Modules{Present: map[string]bool{}}
	look := map[string]bool{"ip_vs": true}
	for i := range cfg.Virtual {
		look["ip_vs_"+cfg.Virtual[i].Scheduler] = true
	}
	for name := range look {
		_, err := os.Stat(filepath.Join(root, "sys/module", name))
		m.Present[name] = err == nil
	}
	if _, err := os.Stat(filepath.Join(root, "proc/net/ip_vs")); err == nil {
		m.Present["ip_vs"] = true
	}
	for _, list := range []string{"modules.builtin", "modules.dep"} {
		text, err := os.ReadFile(filepath.Join(root, "lib/modules", release, list))
		m.Available = m.Available || err == nil && list == "modules.dep"
		for line := range strings.Lines(string(text)) {
			path, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			name, _, _ := strings.Cut(filepath.Base(path), ".") // .ko, or compressed
			if name = strings.ReplaceAll(name, "-", "_"); look[name] {
				m.Present[name] = true
			}
		}
	}
	return m
}

// readSockets reads a file such as /proc/net/tcp: sockets that listen, or of UDP all that are not connected.
func readSockets(path string, protocol lvscf.Protocol) (list []Socket) {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	state := map[lvscf.Protocol]string{lvscf.TCP: "0A", lvscf.UDP: "07"}[protocol]
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 3 && fields[3] == state {
			if at, ok := socketAddr(fields[1]); ok {
				list = append(list, Socket{protocol, at})
			}
		}
	}
	return list
}

// socketAddr reads 0100007F:0050: the address as 32-bit words of this machine's order, and the port as a number.
func socketAddr(text string) (at netip.AddrPort, ok bool) {
	host, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b)%4 != 0 {
		return at, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

func devices() map[string]Device {
	list, _ := net.Interfaces()
	all := map[string]Device{}
	for _, i := range list {
		d := Device{Up: i.Flags&net.FlagUp != 0, Loopback: i.Flags&net.FlagLoopback != 0, MTU: i.MTU}
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				d.Addresses = append(d.Addresses, p)
			}
		}
		all[i.Name] = d
	}
	return all
}

func routeTo(a netip.Addr) (r Route, there bool) {
	list, err := netlink.RouteGet(net.IP(a.AsSlice()))
	if err != nil || len(list) == 0 {
		return r, false
	}
	return route(&list[0]), true
}

// defaultRoute is the preferred one of the main table.
func defaultRoute(family int) (r Route) {
	list, _ := netlink.RouteList(nil, family)
	best := -1
	for i := range list {
		ones := 0
		if list[i].Dst != nil {
			ones, _ = list[i].Dst.Mask.Size()
		}
		if ones == 0 && list[i].Type == unix.RTN_UNICAST && (best < 0 || list[i].Priority < list[best].Priority) {
			best = i
		}
	}
	if best >= 0 {
		r = route(&list[best])
	}
	return r
}

func route(l *netlink.Route) Route {
	r := Route{Local: l.Type == unix.RTN_LOCAL}
	if dev, err := net.InterfaceByIndex(l.LinkIndex); err == nil {
		r.Dev = dev.Name
	}
	if a, ok := netip.AddrFromSlice(l.Gw); ok {
		r.Gateway = a.Unmap()
	}
	return r
}

// rulesTime bounds a program that lists the firewall's rules.
const rulesTime = 5 * time.Second

// readRules asks the programs that know.
func readRules(ctx context.Context) (r Rules) {
	for _, argv := range [][]string{{"nft", "list", "ruleset"}, {"iptables-save", "-t", "mangle"}, {"ip6tables-save", "-t", "mangle"}} {
		ctx, cancel := context.WithTimeout(ctx, rulesTime)
		text, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
		cancel()
		if err == nil {
			r.From = append(r.From, argv[0])
			r.Text += string(text)
		}
	}
	return r
}

// readPasswords looks at the accounts of the web panels.
func readPasswords(path string) (p Passwords) {
	file, err := passwd.Read(path)
	if err != nil {
		p.FileFact = FileFact{Err: err, Missing: errors.Is(err, fs.ErrNotExist)}
		return p
	}
	if info, err := os.Stat(path); err == nil {
		p.Readable = info.Mode()&0o004 != 0
	}
	for _, account := range file.Accounts() {
		hash, _ := file.Hash(account)
		if passwd.Weak(hash) {
			p.Weak = append(p.Weak, account)
		}
	}
	hash, _ := file.Hash("piranha")
	p.Set = passwd.Usable(hash) == nil
	return p
}
