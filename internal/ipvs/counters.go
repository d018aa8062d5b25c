package ipvs

import (
	"net/netip"
	"time"
)

// Counters are what the kernel has counted for a row since the row was made. Packets and bytes from servers to clients (Out) are
// counted only where they pass the director: with masquerading.
type Counters struct {
	Connections, InPackets, OutPackets, InBytes, OutBytes uint64

	// How many connections a destination has now: established, others, and templates of persistence. 0 for a service.
	Active, Inactive, Persistent uint32
}

// Count is the counters of a service and of its destinations.
type Count struct {
	Service      ServiceKey
	Counters     Counters
	Destinations map[netip.AddrPort]Counters
}

// Rates are changes a second.
type Rates struct {
	Connections float64 `json:"connections"`
	InPackets   float64 `json:"in_packets"`
	OutPackets  float64 `json:"out_packets"`
	InBytes     float64 `json:"in_bytes"`
	OutBytes    float64 `json:"out_bytes"`
}

// Since is how fast the counters grew from before, which was d earlier. A row that was made anew meanwhile began at 0.
func (c Counters) Since(before Counters, d time.Duration) Rates {
	if d <= 0 {
		return Rates{}
	}
	if c.Connections < before.Connections || c.InPackets < before.InPackets || c.InBytes < before.InBytes {
		before = Counters{}
	}
	rate := func(now, then uint64) float64 { return float64(now-min(then, now)) / d.Seconds() }
	return Rates{
		Connections: rate(c.Connections, before.Connections),
		InPackets:   rate(c.InPackets, before.InPackets), OutPackets: rate(c.OutPackets, before.OutPackets),
		InBytes: rate(c.InBytes, before.InBytes), OutBytes: rate(c.OutBytes, before.OutBytes),
	}
}
