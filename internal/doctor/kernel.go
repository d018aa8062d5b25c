package doctor

import (
	"fmt"
	"regexp"
	"strconv"
)

// modules looks for IPVS and the schedulers lvs.cf asks for.
func (p *patient) modules() {
	const why = "lvsd cannot balance %s: install the rest of this kernel's modules, or another kernel"
	if !p.f.Modules.Present["ip_vs"] && p.f.Modules.Available {
		p.say(Error, fmt.Sprintf(why, "anything"), "", "the kernel has no module ip_vs")
		return
	}
	seen := map[string]bool{}
	for i := range p.cfg.Virtual {
		vs := &p.cfg.Virtual[i]
		module := "ip_vs_" + vs.Scheduler
		if !vs.Enabled || seen[module] || p.f.Modules.Present[module] {
			continue
		}
		seen[module] = true
		if p.f.Modules.Available {
			p.say(Error, fmt.Sprintf(why, vs.Name), "", "the kernel has no module %s", module)
		} else {
			p.say(Note, "there is no list of the modules that could be", "modprobe "+module, "whether the kernel has %s cannot be told: it is not loaded", module)
		}
	}
}

// forwarding: replies of masqueraded real servers are forwarded, as by any router. Direct routing and tunnels need none.
func (p *patient) forwarding() {
	const why = "with network = nat the replies of the real servers are forwarded by this router"
	if p.masquerades(true) {
		if p.is("net/ipv4/ip_forward", 0) {
			p.say(Error, why, set("net/ipv4/ip_forward", 1), "net.ipv4.ip_forward is 0")
		} else if dev := p.cfg.NATRouter.Dev; dev != "" && p.is("net/ipv4/conf/"+dev+"/forwarding", 0) {
			p.say(Error, why, set("net/ipv4/conf/"+dev+"/forwarding", 1), "%s is 0", dotted("net/ipv4/conf/"+dev+"/forwarding"))
		}
	}
	if p.masquerades(false) && p.is("net/ipv6/conf/all/forwarding", 0) {
		p.say(Error, why, set("net/ipv6/conf/all/forwarding", 1), "net.ipv6.conf.all.forwarding is 0")
	}
}

// redirects: where clients and masqueraded real servers share a link, the kernel tells the servers of the shorter way. It
// does so if the setting of all devices or the device's own is on.
func (p *patient) redirects() {
	dev := p.cfg.NATRouter.Dev
	if dev == "" || !p.masquerades(true) || p.highest(dev, "send_redirects") == 0 {
		return
	}
	for _, public := range p.publicDevices() {
		if public == dev {
			p.say(Warning, "real servers on the clients' link are told to answer them directly, past the masquerading",
				set("net/ipv4/conf/all/send_redirects", 0)+" "+setting("net/ipv4/conf/"+dev+"/send_redirects", 0),
				"this router sends ICMP redirects on %s", dev)
		}
	}
}

// reversePaths: strict filtering drops what comes by another device than an answer would leave by.
func (p *patient) reversePaths() {
	out := p.f.Default4.Dev
	for _, dev := range p.publicDevices() {
		if out != "" && out != dev && p.highest(dev, "rp_filter") == 1 {
			p.say(Warning, "packets from clients elsewhere are dropped: the way back to them is another device",
				set("net/ipv4/conf/"+dev+"/rp_filter", 2), "rp_filter is strict on %s, and the default route leaves by %s", dev, out)
		}
	}
}

// fixedIn is the kernel in which a port used again no longer costs a second where connections are tracked.
var fixedIn = [2]int{5, 9}

// ipvsSettings are those of ip_vs itself (kernel documentation: ipvs-sysctl). The kernel has them once the module is loaded.
func (p *patient) ipvsSettings() {
	const vs = "net/ipv4/vs/"
	if p.is(vs+"run_estimation", 0) {
		p.say(Warning, "the counters of connections and bytes stand still", set(vs+"run_estimation", 1), "net.ipv4.vs.run_estimation is 0")
	}
	if p.is(vs+"conn_reuse_mode", 0) {
		p.say(Warning, "a client that uses a port again gets the real server it had before, be that drained or gone",
			set(vs+"conn_reuse_mode", 1), "net.ipv4.vs.conn_reuse_mode is 0")
	}
	reuse, _ := p.sysctl(vs + "conn_reuse_mode")
	if release := p.f.Sysctl["kernel/osrelease"]; reuse != 0 && p.is(vs+"conntrack", 1) && older(release, fixedIn) {
		p.say(Warning, "before Linux 5.9 a client that uses a port again waits a second, unless the distribution has mended that", set(vs+"conntrack", 0),
			"net.ipv4.vs.conntrack is 1 on Linux %s", release)
	}
	if p.is(vs+"expire_nodest_conn", 0) {
		p.say(Note, "clients of a real server that is removed wait for a time-out instead of being told", set(vs+"expire_nodest_conn", 1),
			"net.ipv4.vs.expire_nodest_conn is 0")
	}
}

var releaseForm = regexp.MustCompile(`^(\d+)\.(\d+)`)

// older tells whether a kernel release, as in 5.4.0-91-generic, is before a version.
func older(release string, than [2]int) bool {
	m := releaseForm.FindStringSubmatch(release)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major < than[0] || major == than[0] && minor < than[1]
}

// fullAt is how full the table of tracked connections may be, in percent.
const fullAt = 90

// connectionTracking: beyond the limit the kernel drops what would be a new entry.
func (p *patient) connectionTracking() {
	const name = "net/netfilter/nf_conntrack_max"
	now, _ := p.sysctl("net/netfilter/nf_conntrack_count")
	most, _ := p.sysctl(name)
	if most > 0 && now >= most/100*fullAt+most%100*fullAt/100 {
		p.say(Warning, "packets of new connections are dropped when it is full", set(name, 2*most),
			"the table of tracked connections is nearly full: %d of %d", now, most)
	}
}

// clock: nothing that decides depends on it.
func (p *patient) clock() {
	if p.f.Unsynchronised {
		p.say(Warning, "the logs of two routers cannot be compared, and certificates may seem expired", "timedatectl set-ntp true",
			"the clock is not synchronised")
	}
}
