package kernel

import (
	"net/netip"
	"time"

	cloudflare "github.com/cloudflare/ipvs"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// service translates a row of the library's into ours.
func service(s cloudflare.Service) ipvs.Service {
	key := ipvs.ServiceKey{Mark: s.FWMark, Family: ipvs.Family(s.Family)}
	if key.Mark == 0 {
		key.Protocol = ipvs.Protocol(s.Protocol)
		key.Addr = netip.AddrPortFrom(s.Address, s.Port)
	}
	row := ipvs.Service{
		Key:       key,
		Scheduler: s.Scheduler,
		// The kernel reports bits of its own, as "hashed"; only those a caller sets take part in comparisons.
		Flags:  ipvs.Flags(s.Flags) & (ipvs.OnePacket | ipvs.Sched1 | ipvs.Sched2 | ipvs.Sched3),
		Prefix: s.Netmask.Bits(),
	}
	if s.Flags&cloudflare.ServicePersistent != 0 {
		row.Persistent = time.Duration(s.Timeout) * time.Second
	}
	return row
}

// destination translates a row of the library's into ours.
func destination(d cloudflare.Destination) ipvs.Destination {
	return ipvs.Destination{
		Addr:    netip.AddrPortFrom(d.Address, d.Port),
		Forward: forward(d.FwdMethod),
		Tunnel:  tunnel(d),
		Weight:  int(int32(d.Weight)),
		Upper:   d.UpperThreshold,
		Lower:   d.LowerThreshold,
	}
}

func counters(s cloudflare.Stats) ipvs.Counters {
	return ipvs.Counters{
		Connections: s.Connections,
		InPackets:   s.IncomingPackets, OutPackets: s.OutgoingPackets,
		InBytes: s.IncomingBytes, OutBytes: s.OutgoingBytes,
	}
}

// tunnel drops what a row without a tunnel cannot mean.
func tunnel(d cloudflare.Destination) ipvs.TunnelOptions {
	if d.FwdMethod != cloudflare.Tunnel {
		return ipvs.TunnelOptions{}
	}
	return ipvs.TunnelOptions{
		Encapsulation: ipvs.Encapsulation(d.TunnelType),
		Port:          d.TunnelPort,
		Checksum:      d.TunnelFlags&cloudflare.TunnelEncapChecksum != 0,
	}
}

func forward(f cloudflare.ForwardType) ipvs.Forward {
	switch f {
	case cloudflare.Masquerade:
		return ipvs.Masq
	case cloudflare.Local:
		return ipvs.Local
	case cloudflare.Tunnel:
		return ipvs.Tunnel
	case cloudflare.DirectRoute:
		return ipvs.Direct
	case cloudflare.Bypass:
		return ipvs.Bypass
	}
	return 0
}
