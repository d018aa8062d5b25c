package lvscf

import (
	"net/netip"
	"strconv"
	"time"
)

// servicePort reads the port of a virtual or real server. A name is looked up for the protocol of the block so far; if
// that has not been given yet the port may turn out to be udp's.
func (b *builder) servicePort(k *Key, text string) (value, problem) {
	b.res.protocol = b.vs.Protocol.String()
	v, p := b.res.read(k, text)
	if b.in != InServer {
		b.udpPort = false
	}
	if p.code != 0 && b.res.Service != nil && b.vs.Protocol == TCP && b.in != InServer && b.lineOf(inService, "protocol") == 0 {
		b.res.protocol = "udp"
		if v2, p2 := b.res.read(k, text); p2.code == 0 {
			b.udpPort = true
			return v2, p2
		}
	}
	return v, p
}

// checkServer judges a real server once its block is complete.
func (b *builder) checkServer() {
	address := b.lineOf(InServer, "address")
	if b.rs.Enabled && !b.rs.Addr.IsValid() && address >= 0 {
		b.report(Error, at{line: b.rs.Line}, 0, "add address = ADDRESS, or set active = 0", "no address")
	}
	if port := b.lineOf(InServer, "port"); port > 0 && b.rs.Port == 0 {
		b.zeroPorts = append(b.zeroPorts, at{line: port, block: b.block(), key: "port", value: "0"})
	}
	if b.rs.Addr.IsValid() && address > 0 {
		b.serverAddress(b, address)
	}
}

// checkService judges a virtual or failover block once it is complete.
func (b *builder) checkService() {
	vs := &b.vs.VirtualServer
	if vs.Reentry == 0 {
		vs.Reentry = b.freshService.Reentry
	}
	b.checkMask(inService, "vip_nmask", b.vipMask, vs.VIP.Addr)
	b.checkMask(inService, "pmask", b.persistMask, vs.VIP.Addr)
	vs.Prefix = b.vipMask.bits
	vs.PersistPrefix = persistPrefix(b.persistMask, vs.VIP.Addr)
	b.checkPorts(vs)
	b.checkFamilies(vs)
	if !vs.Enabled {
		return
	}
	if !vs.VIP.Addr.IsValid() && vs.Mark == 0 && b.lineOf(inService, "address") >= 0 && b.lineOf(inService, "fwmark") >= 0 {
		b.report(Error, at{line: vs.Line}, 0, "add address = ADDRESS DEVICE, or set active = 0", "no address")
	}
	if b.serviceScope == InVirtual {
		b.serviceRow(b)
		b.checkMonitor(vs)
		b.noteMoved(vs)
		b.checkSorry(vs)
		b.checkOptions(vs)
	}
}

// checkMonitor judges how the real servers of an enabled virtual server are watched.
func (b *builder) checkMonitor(vs *VirtualServer) {
	enabled := false
	for i := range b.servers {
		enabled = enabled || b.servers[i].Enabled
	}
	if !enabled {
		b.report(Warning, at{line: vs.Line}, 0, "", "no real server is active")
	}
	b.checkKind(vs)
	if vs.Check != 0 {
		return
	}
	program, send, expect := b.lineOf(inService, "send_program"), b.lineOf(inService, "send"), b.lineOf(inService, "expect")
	if vs.Protocol == UDP && program == 0 && (send == 0 || expect == 0) {
		b.report(Warning, at{line: vs.Line}, 0, "add send_program, or send and expect",
			"a udp service without a check: the original took every real server for down")
	}
	if program > 0 && send > 0 {
		b.report(Warning, at{line: send, key: "send"}, 0, "", "ignored, because there is a send_program")
	}
}

// checkMask reports a mask that cannot go with its address. pmask 255.255.255.255 stands for none, whatever the family.
func (b *builder) checkMask(in Scope, name string, m mask, addr netip.Addr) {
	line := b.lineOf(in, name)
	if line <= 0 || m.fits(addr) || name == "pmask" && m.dotted && m.bits == 32 {
		return
	}
	hint := "write a dotted mask or a prefix length up to 32"
	if addr.Is6() {
		hint = "write a prefix length"
	}
	b.report(Error, at{line: line, key: name}, CodeMask, hint, "bad subnet mask for %s", addr)
}

// persistPrefix is the prefix length of pmask, 0 if every client stands for itself.
func persistPrefix(m mask, addr netip.Addr) int {
	full := 32
	if addr.Is6() {
		full = 128
	}
	if m.bits == full || m.dotted && m.bits == 32 {
		return 0
	}
	return m.bits
}

// checkPorts judges what depends on the whole block: port 0, a port name of the other protocol, and a port given after
// real servers that have taken the one before.
func (b *builder) checkPorts(vs *VirtualServer) {
	port := b.lineOf(inService, "port")
	if vs.Mark == 0 && b.lineOf(inService, "fwmark") >= 0 {
		if port > 0 && vs.Port == 0 {
			b.report(Error, at{line: port, key: "port", value: "0"}, CodeArgument, "write a number from 1 to 65535", "port 0 needs a fwmark")
		}
		for _, z := range b.zeroPorts {
			b.report(Error, z, CodeArgument, "write a number from 1 to 65535", "port 0 needs a fwmark in the %s block", keyword(b.serviceScope))
		}
	}
	if b.udpPort && vs.Protocol != UDP {
		b.report(Error, at{line: port, key: "port"}, CodeArgument, "add protocol = udp", "this service name is known for udp only")
	}
	if port > 0 && len(b.servers) > 0 && b.servers[0].Line < port {
		b.report(Warning, at{line: port, key: "port"}, 0, "move it before the first server",
			"the servers before this line do not take this port as their default")
	}
}

// forwarded is something that is wrong, or not, depending on how packets are forwarded.
type forwarded struct {
	by Forward // 0: as network says
	at
}

// forward is how packets are forwarded where a server has by; 0 if that is not known, because network is wrong.
func (b *builder) forward(by Forward) Forward {
	switch {
	case by != 0:
		return by
	case b.lineOf(InGlobal, "network") < 0:
		return 0
	}
	return b.cfg.Network
}

// checkFamilies notes the servers whose address is of another family than the service's. The kernel can reach those
// through a tunnel only; how the packets go is known at the end of the file.
func (b *builder) checkFamilies(vs *VirtualServer) {
	family := vs.VIP.Addr
	for i := range b.servers {
		rs := &b.servers[i]
		switch {
		case !rs.Addr.IsValid():
			continue
		case !family.IsValid():
			family = rs.Addr
		case family.Is4() != rs.Addr.Is4() && len(b.mixed) <= 2*maxFindings:
			b.mixed = append(b.mixed, forwarded{rs.Forward, at{line: int(b.addressLines[i]), key: "address", value: rs.Addr.String(),
				block: b.serviceBlock() + " server " + quoteName(rs.Name)}})
		}
	}
	if sorry := vs.SorryServer; sorry.IsValid() && family.IsValid() && family.Is4() != sorry.Is4() {
		b.mixed = append(b.mixed, forwarded{0, at{line: b.lineOf(inService, "sorry_server"), key: "sorry_server", value: sorry.String(), block: b.serviceBlock()}})
	}
}

// finish judges what concerns the file as a whole.
func (b *builder) finish() {
	cfg := b.cfg
	for _, d := range []*Director{&cfg.Primary, &cfg.Backup} {
		if !d.Private.IsValid() {
			d.PrivateName, d.Private = d.Name, d.Addr
		}
	}
	cfg.NATPrefix = b.natMask.bits
	b.checkMask(InGlobal, "nat_nmask", b.natMask, cfg.NATRouter.Addr)
	if cfg.BackupActive && !cfg.Backup.Addr.IsValid() {
		cfg.BackupActive = false
		if b.lineOf(InGlobal, "backup") >= 0 {
			b.report(Warning, at{line: b.lineOf(InGlobal, "backup_active"), key: "backup_active"}, 0, "add backup = ADDRESS",
				"ignored: there is no backup address")
		}
	}
	b.checkDeadtime()
	b.checkMoved()
	b.checkModes()
	b.checkSingle()
	for _, m := range b.mixed {
		if forward := b.forward(m.by); forward != Tunnel && forward != 0 {
			b.report(Error, m.at, 0, "set network = tunnel, or use addresses of one family",
				"an address of another family than the service's is reached through a tunnel only")
		}
	}
}

func (b *builder) checkDeadtime() {
	deadtime, keepalive := b.lineOf(InGlobal, "deadtime"), b.lineOf(InGlobal, "keepalive")
	if b.cfg.Deadtime > b.cfg.Keepalive || deadtime < 0 || keepalive < 0 {
		return
	}
	where := at{line: deadtime, key: "deadtime", value: seconds(b.cfg.Deadtime)}
	text := "must be longer than keepalive, " + seconds(b.cfg.Keepalive) + " s"
	if deadtime == 0 {
		where = at{line: keepalive, key: "keepalive", value: seconds(b.cfg.Keepalive)}
		text = "must be shorter than deadtime, by default " + seconds(b.cfg.Deadtime) + " s"
	}
	b.report(Error, where, 0, "the partner would be declared dead between two heartbeats", "%s", text)
}

// seconds formats a time as a number of seconds.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}
