package ipvs

import (
	"net/netip"
	"slices"
)

// Only returns the rows of t for which mine reports true. mine is asked with the zero AddrPort for a service row and
// with its address for a destination. A service that is not kept itself is kept as far as it has kept destinations.
func (t Table) Only(mine func(ServiceKey, netip.AddrPort) bool) Table {
	var kept Table
	for _, e := range t {
		k := Entry{Service: e.Service}
		for _, d := range e.Destinations {
			if mine(e.Service.Key, d.Addr) {
				k.Destinations = append(k.Destinations, d)
			}
		}
		if len(k.Destinations) > 0 || mine(e.Service.Key, netip.AddrPort{}) {
			kept = append(kept, k)
		}
	}
	return kept
}

// Diff returns the fewest changes that turn have into want. Rows of have that want lacks are removed, so pass only
// rows that may be (see Table.Only). A row that occurs twice counts once, the first time.
//
// The order never leaves a service without a usable destination when it had one before and has one after: everything
// that adds or strengthens comes before everything that weakens or removes.
func Diff(have, want Table) []Op {
	d := differ{have: index(have), present: map[netip.AddrPort]Destination{}, seen: map[netip.AddrPort]bool{}}
	d.grow = make([]Op, 0, d.missing(want))
	seen := make(map[ServiceKey]bool, len(want))
	for _, w := range want {
		if !seen[w.Service.Key] {
			seen[w.Service.Key] = true
			d.service(w)
		}
	}
	for _, h := range have {
		if !seen[h.Service.Key] {
			seen[h.Service.Key] = true
			d.drop = append(d.drop, Op{Kind: RemoveService, Service: h.Service})
		}
	}
	return append(append(d.grow, d.shrink...), d.drop...)
}

// differ collects the changes in the three groups of their order.
type differ struct {
	have               map[ServiceKey]Entry
	grow, shrink, drop []Op

	// Of the service that is looked at.
	present map[netip.AddrPort]Destination
	seen    map[netip.AddrPort]bool
}

func index(t Table) map[ServiceKey]Entry {
	m := make(map[ServiceKey]Entry, len(t))
	for _, e := range t {
		if _, twice := m[e.Service.Key]; !twice {
			m[e.Service.Key] = e
		}
	}
	return m
}

// missing counts the rows of services that are not there at all: with thousands of them growing the list costs more than
// filling it.
func (d *differ) missing(want Table) (n int) {
	for _, w := range want {
		if _, exists := d.have[w.Service.Key]; !exists {
			n += 1 + len(w.Destinations)
		}
	}
	return n
}

func (d *differ) service(w Entry) {
	h, exists := d.have[w.Service.Key]
	switch {
	case !exists:
		d.grow = append(d.grow, Op{Kind: AddService, Service: w.Service})
	case h.Service != w.Service:
		d.grow = append(d.grow, Op{Kind: SetService, Service: w.Service})
	}
	clear(d.present)
	for _, dst := range h.Destinations {
		d.present[dst.Addr] = dst
	}
	clear(d.seen)
	for _, dst := range w.Destinations {
		if !d.seen[dst.Addr] {
			d.seen[dst.Addr] = true
			d.destination(w.Service, dst)
		}
	}
	for _, dst := range h.Destinations {
		if !d.seen[dst.Addr] {
			d.seen[dst.Addr] = true
			d.shrink = append(d.shrink, Op{Kind: RemoveDestination, Service: w.Service, Destination: dst})
		}
	}
}

func (d *differ) destination(s Service, want Destination) {
	have, exists := d.present[want.Addr]
	switch {
	case !exists:
		d.grow = append(d.grow, Op{Kind: AddDestination, Service: s, Destination: want})
	case have == want:
	case want.Weight == 0:
		d.shrink = append(d.shrink, Op{Kind: SetDestination, Service: s, Destination: want})
	default:
		d.grow = append(d.grow, Op{Kind: SetDestination, Service: s, Destination: want})
	}
}

// Patch returns t after the changes, as a kernel that refuses none of them would hold it; t itself stays as it is. It is
// meant for what Diff returns: nothing is checked.
func Patch(t Table, ops []Op) Table {
	if len(ops) == 0 {
		return t
	}
	byService := make(map[ServiceKey][]*Op)
	var added Table
	for i := range ops {
		o := &ops[i]
		byService[o.Service.Key] = append(byService[o.Service.Key], o)
		if o.Kind == AddService {
			added = append(added, Entry{Service: o.Service})
		}
	}
	patched := make(Table, 0, len(t)+len(added))
	for _, e := range slices.Concat(t, added) {
		if e, kept := patch(e, byService[e.Service.Key]); kept {
			patched = append(patched, e)
		}
	}
	return patched
}

func patch(e Entry, ops []*Op) (Entry, bool) {
	if len(ops) == 0 {
		return e, true
	}
	e.Destinations = slices.Grow(slices.Clone(e.Destinations), len(ops))
	for _, o := range ops {
		named := func(d Destination) bool { return d.Addr == o.Destination.Addr }
		switch o.Kind {
		case AddService: // which made e
		case RemoveService:
			return e, false
		case SetService:
			e.Service = o.Service
		case AddDestination:
			e.Destinations = append(e.Destinations, o.Destination)
		case SetDestination:
			if at := slices.IndexFunc(e.Destinations, named); at >= 0 {
				e.Destinations[at] = o.Destination
			}
		case RemoveDestination:
			e.Destinations = slices.DeleteFunc(e.Destinations, named)
		}
	}
	return e, true
}
