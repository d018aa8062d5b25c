package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// announceTime is how long a client that knows another owner of an address may send its packets to that one.
const announceTime = 100 * time.Millisecond

// owners knows who has had the floating addresses of a pair, and to whom the client sends what is for the VIP.
type owners struct {
	t     *testing.T
	net   *topology.Net
	watch *topology.Watch
	slow  *stall
	apart map[string][]span // when a router was cut off, by name; such a one may have what the other has too
	limit time.Duration     // instead of announceTime
	until time.Time         // when the end of the test began
}

// watchOwners watches until the test ends, and then expects that no address was on two routers.
func watchOwners(t *testing.T, n *topology.Net, slow *stall) *owners {
	t.Helper()
	watch, err := n.Watch()
	if err != nil {
		t.Fatal(err)
	}
	o := &owners{t: t, net: n, watch: watch, slow: slow, apart: map[string][]span{}, limit: announceTime}
	t.Cleanup(watch.Close)
	t.Cleanup(o.wantOne)
	return o
}

// events returns everything that has happened.
func (o *owners) events() []topology.Event {
	o.t.Helper()
	o.sync()
	events, err := o.watch.Events()
	if err != nil {
		o.t.Fatal(err)
	}
	return events
}

func (o *owners) sync() {
	o.t.Helper()
	if err := o.watch.Sync(); err != nil {
		o.t.Fatal(err)
	}
}

// leave and join say that router i is about to be cut off, and that it is so no longer.
func (o *owners) leave(i int) {
	o.sync()
	name := o.net.Router(i).Name
	o.apart[name] = append(o.apart[name], span{from: time.Now()})
}

func (o *owners) join(i int) {
	o.sync()
	if spans := o.apart[o.net.Router(i).Name]; len(spans) > 0 {
		spans[len(spans)-1].to = time.Now()
	}
}

// end says that from now on processes are killed because the test is over, which leaves what they had.
func (o *owners) end() {
	if o.until.IsZero() {
		o.sync()
		o.until = time.Now()
	}
}

func (o *owners) isApart(node string, at time.Time) bool {
	return slices.ContainsFunc(o.apart[node], func(s span) bool { return !at.Before(s.from) && (s.to.IsZero() || at.Before(s.to)) })
}

// wantOne expects that no router ever got an address that the other one still had, unless one of them was cut off.
func (o *owners) wantOne() {
	has := map[string]map[string]time.Time{} // since when, by address and router
	for _, e := range o.events() {
		addr := e.Addr.String()
		if !o.until.IsZero() && e.At.After(o.until) {
			return
		}
		if e.Neighbour || !slices.Contains([]string{topology.VIP, topology.NATRouter}, addr) {
			continue
		}
		if has[addr] == nil {
			has[addr] = map[string]time.Time{}
		}
		if e.Gone {
			delete(has[addr], e.Node)
			continue
		}
		for other, since := range has[addr] {
			if other != e.Node && !o.isApart(other, e.At) && !o.isApart(e.Node, e.At) {
				o.t.Errorf("%s got %s, which %s had had for %v", e.Node, addr, other, e.At.Sub(since))
			}
		}
		has[addr][e.Node] = e.At
	}
}

// activation is the newest time a router got addresses, and what it meant to the client.
type activation struct {
	began time.Time // with the first of its addresses; zero: it has none
	known string    // hardware address that the client had for the VIP then
	told  time.Time // when the client had that of the router
	now   string    // hardware address that the client has
}

func (o *owners) activation(node, mac string) (a activation) {
	count := 0
	for _, e := range o.events() {
		switch {
		case e.Neighbour && e.Node == "client" && e.Addr.String() == topology.VIP:
			a.now = e.MAC
			if e.Gone {
				a.now = ""
			}
			if count > 0 && a.told.IsZero() && a.now == mac {
				a.told = e.At
			}
		case e.Neighbour || e.Node != node || !slices.Contains([]string{topology.VIP, topology.NATRouter}, e.Addr.String()):
		case e.Gone:
			if count--; count == 0 {
				a = activation{now: a.now}
			}
		default:
			if count++; count == 1 {
				a.began, a.known = e.At, a.now
			}
		}
	}
	return a
}

// since returns when router i got the first of the addresses it has.
func (o *owners) since(i int) time.Time {
	o.t.Helper()
	began := o.activation(o.net.Router(i).Name, "").began
	if began.IsZero() {
		o.t.Fatalf("router%d has no address", i)
	}
	return began
}

// told returns when the client learned, after a moment, that the VIP is router i's.
func (o *owners) told(i int, after time.Time) time.Time {
	o.t.Helper()
	mac, err := o.net.Router(i).MAC("eth0")
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range o.events() {
		if e.Neighbour && e.Node == "client" && e.Addr.String() == topology.VIP && e.MAC == mac && !e.Gone && e.At.After(after) {
			return e.At
		}
	}
	o.t.Fatalf("the client was not told of router%d", i)
	return time.Time{}
}

// wantAnnounced expects that a client which sent to another owner of the VIP was told of router i within announceTime of
// its activation, and waits until the client sends to router i if it knows anybody.
func (o *owners) wantAnnounced(i int) {
	o.t.Helper()
	node := o.net.Router(i)
	mac, err := node.MAC("eth0")
	if err != nil {
		o.t.Fatal(err)
	}
	var a activation
	eventually(o.t, patience, func() error {
		a = o.activation(node.Name, mac)
		changed := a.known != "" && a.known != mac
		if a.began.IsZero() || changed && a.told.IsZero() || a.now != "" && a.now != mac {
			return fmt.Errorf("client sends to %q, want %q of %s; %+v", a.now, mac, node.Name, a)
		}
		return nil
	})
	if a.known != "" && a.known != mac && !o.isApart(node.Name, a.began) {
		o.slow.wantBetween(o.t, "client told of "+node.Name, a.began, a.told, 0, o.limit)
	}
}
