package lvscf

import (
	"slices"
	"strconv"
)

// checkOptions judges the keys that concern the kernel's rows and fit some services only.
func (b *builder) checkOptions(vs *VirtualServer) {
	useless := func(key, why string) {
		if line := b.lineOf(inService, key); line > 0 {
			b.report(Warning, at{line: line, key: key}, 0, "", "ignored: %s", why)
		}
	}
	if vs.Scheduler != "sh" && vs.Scheduler != "mh" {
		useless("scheduler_port", "for scheduler = sh and mh only")
		useless("scheduler_fallback", "for scheduler = sh and mh only")
	}
	if line := b.lineOf(inService, "slow_start"); line > 0 && vs.SlowStart > 0 {
		small := func(rs RealServer) bool { return rs.Enabled && rs.Weight == 1 }
		switch {
		case slices.Contains([]string{"rr", "lc", "dh"}, vs.Scheduler):
			useless("slow_start", "scheduler = "+vs.Scheduler+" does not look at weights")
		case slices.ContainsFunc(b.servers, small):
			b.report(Warning, at{line: line, key: "slow_start"}, 0, "use weights from 10", "a weight of 1 cannot be less")
		}
	}
	if line := b.lineOf(inService, "one_packet"); line > 0 && vs.OnePacket && vs.Protocol != UDP && vs.Mark == 0 {
		b.report(Error, at{line: line, key: "one_packet", value: "1"}, 0, "", "for protocol = udp only")
	}
	gue := vs.Tunnel.Encapsulation == GUE
	if line := b.lineOf(inService, "tunnel_type"); gue && line > 0 && b.lineOf(inService, "tunnel_port") == 0 {
		b.report(Error, at{line: line, key: "tunnel_type", value: "gue"}, 0, "add tunnel_port", "no port to send packets to")
	}
	if !gue {
		useless("tunnel_port", "for tunnel_type = gue only")
	}
	if vs.Tunnel.Encapsulation == IPIP {
		useless("tunnel_checksum", "for tunnel_type = gue and gre only")
	}
	if line := b.lineOf(inService, "protocol"); vs.Protocol == SCTP && line > 0 && vs.Check == 0 && vs.SendProgram == "" {
		b.report(Error, at{line: line, key: "protocol", value: "sctp"}, 0, "add check = ping, script, none, or tcp with check_port",
			"no check for an sctp service")
	}
	b.checkThresholds()
}

// checkSingle warns of single packets that come back from an address the client did not ask: the kernel keeps no connection
// by which to translate it.
func (b *builder) checkSingle() {
	for i := range b.cfg.Virtual {
		vs := &b.cfg.Virtual[i]
		behindNAT := func(rs RealServer) bool { return b.forward(rs.Forward) == Masq }
		if vs.OnePacket && (vs.Protocol == UDP || vs.Mark != 0) && slices.ContainsFunc(vs.Servers, behindNAT) {
			b.report(Warning, at{line: vs.Line, block: "virtual " + quoteName(vs.Name), key: "one_packet"}, 0,
				"set network or forward to direct or tunnel", "clients get no reply from a real server behind NAT")
		}
	}
}

// checkThresholds judges them in pairs.
func (b *builder) checkThresholds() {
	for i := range b.servers {
		rs := &b.servers[i]
		if rs.Lower > rs.Upper {
			b.report(Error, at{line: rs.Line, block: b.serviceBlock() + " server " + quoteName(rs.Name), key: "lower_threshold", value: strconv.FormatUint(uint64(rs.Lower), 10)}, 0,
				"write a smaller number, or a larger upper_threshold", "more than upper_threshold, %d", rs.Upper)
		}
	}
}
