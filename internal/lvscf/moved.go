package lvscf

import (
	"net/netip"
	"slices"
	"strconv"
)

// moved is an enabled real server with another port than its service, or what shares its address.
type moved struct {
	forwarded
	first int // line of the server before it with the same address, 0: none
}

// noteMoved notes the servers whose port has no effect where packets keep the one they came with. Whether they do is
// known at the end of the file. With a firewall mark there is no port of the service to differ from.
func (b *builder) noteMoved(vs *VirtualServer) {
	other := func(rs RealServer) bool { return rs.Enabled && rs.Addr.IsValid() && rs.Port != vs.Port }
	if vs.Mark != 0 || !slices.ContainsFunc(b.servers, other) {
		return
	}
	seen := make(map[netip.Addr]*RealServer, len(b.servers))
	for i := range b.servers {
		rs := &b.servers[i]
		if !rs.Enabled || !rs.Addr.IsValid() || len(b.moved) > 2*maxFindings {
			continue
		}
		m := moved{forwarded: forwarded{rs.Forward, at{line: int(b.portLines[i]), key: "port", value: strconv.Itoa(int(rs.Port)),
			block: b.serviceBlock() + " server " + quoteName(rs.Name)}}}
		if m.line <= 0 {
			m.line = rs.Line
		}
		if before := seen[rs.Addr]; before == nil {
			seen[rs.Addr] = rs
		} else if before.Port != rs.Port { // the same port is another finding
			m.first = before.Line
		}
		if m.first > 0 || rs.Port != vs.Port {
			b.moved = append(b.moved, m)
		}
	}
}

// checkSorry looks for the sorry server among the real servers: as one of them it cannot stand in for them.
func (b *builder) checkSorry(vs *VirtualServer) {
	if !vs.SorryServer.IsValid() {
		return
	}
	where := at{line: b.lineOf(inService, "sorry_server"), key: "sorry_server", value: vs.SorryServer.String(), block: b.serviceBlock()}
	near := 0
	for i := range b.servers {
		rs := &b.servers[i]
		switch {
		case !rs.Enabled || rs.Addr != vs.SorryServer:
		case rs.Port == vs.Port:
			b.report(Warning, where, 0, "", "not used: it is the real server of line %d", rs.Line)
			return
		case near == 0 && vs.Mark == 0:
			near = rs.Line
		}
	}
	if near > 0 {
		b.moved = append(b.moved, moved{forwarded{0, where}, near})
	}
}

// checkMoved reports them if packets keep their port: with direct routing and tunnelling.
func (b *builder) checkMoved() {
	for _, m := range b.moved {
		network := b.forward(m.by)
		if network == Masq || network == 0 {
			continue
		}
		how := "network = " + network.String()
		if m.by != 0 {
			how = "forward = " + network.String()
		}
		if m.first > 0 {
			b.report(Warning, m.at, 0, "", "not served: with %s packets keep the port of the service, and the server of line %d has the same address",
				how, m.first)
			continue
		}
		b.report(Warning, m.at, 0, "", "only the check uses this port: with %s packets keep the one of the service", how)
	}
}
