package lvs

import (
	"slices"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// state is what is known of a real server's health.
type state uint8

const (
	// unknown: no monitor has reported since lvsd began to look after the server.
	unknown state = iota
	up
	down
)

func (s state) String() string { return [...]string{"checking", "up", "down"}[s] }

// placement is what decides a real server's row in the table.
type placement struct {
	state state
	// installed: the server has a row, or had one while quiescing. A quiescing virtual server keeps it at weight 0
	// (nanny(8), quiesce_server).
	installed bool
	// adopted is the weight of the row that was there before a monitor reported; -1 if there was none.
	adopted int
	// weighed is the weight by the server's load, if byLoad; otherwise it has the one of lvs.cf.
	byLoad  bool
	weighed int
	// share is how much of its weight it has while slow_start lasts, in percent; 0: all.
	share int
	// order is what an operator wants of it.
	order order
}

// undecided tells whether the server may be about to take connections: its first check is not over.
func (p placement) undecided() bool { return p.order.mode == Serve && p.state == unknown }

// desired is the table to be in the kernel: the configuration times the health of its real servers. serving lists the rows by
// which connections to a service are answered now.
func (p plan) desired(of func(rowKey) placement, serving func(ipvs.ServiceKey) []ipvs.Destination) ipvs.Table {
	table := make(ipvs.Table, 0, len(p))
	for _, s := range p {
		e := ipvs.Entry{Service: s.row, Destinations: make([]ipvs.Destination, 0, len(s.servers)+1)}
		living, undecided := false, false
		for _, rs := range s.servers {
			row, place := rs.row, of(rs.key)
			undecided = undecided || place.undecided()
			weight, present := place.weight(row.Weight, s.quiesce)
			if present {
				living = living || weight > 0
				row.Weight = weight
				e.Destinations = append(e.Destinations, row)
			}
		}
		if !living {
			e.Destinations = append(e.Destinations, s.standIns(undecided, serving(s.row.Key))...)
		}
		table = append(table, e)
	}
	return table
}

// standIns answer while no real server does. While some are still being checked for the first time the sorry server is not called
// in, as it would come and go at every start, unless nobody were left to answer who does now. Without a sorry server those that
// answer now go on until then, if they have left lvs.cf: else a reload that names new ones only would leave nobody.
func (s *service) standIns(undecided bool, serving []ipvs.Destination) []ipvs.Destination {
	switch {
	case s.sorry != nil && (!undecided || len(serving) > 0):
		return []ipvs.Destination{*s.sorry}
	case s.sorry != nil || !undecided:
		return nil
	}
	return slices.DeleteFunc(serving, func(d ipvs.Destination) bool {
		return slices.ContainsFunc(s.servers, func(rs server) bool { return rs.key.addr == d.Addr })
	})
}

// weight decides whether the server has a row, and with which weight, given the one of lvs.cf.
func (p placement) weight(configured int, quiesce bool) (weight int, present bool) {
	if p.order.mode == Maint {
		return 0, false
	}
	weight, present = p.healthy(configured, quiesce)
	if p.order.mode == Drain {
		weight = 0
	}
	return weight, present
}

// healthy is weight as long as no operator takes the server out.
func (p placement) healthy(configured int, quiesce bool) (weight int, present bool) {
	share := p.share
	switch {
	case p.order.weighted:
		configured, share = p.order.weight, 0
	case p.byLoad:
		configured = p.weighed
	}
	switch p.state {
	case up:
		return part(configured, share), true
	case unknown: // what an earlier lvsd left goes on until its server is known to be down
		if p.adopted > 0 {
			return configured, true
		}
		return 0, p.adopted == 0
	case down:
		return 0, quiesce && p.installed
	}
	return 0, false
}
