package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// mixed is a pair of a router of ours and an original one that follows its own rules.
type mixed struct {
	*pair
	o    *original
	ours int
}

// wantOne waits until exactly one router has the addresses and says that it is active, and it is the one it should be.
func (m *mixed) wantOne(router int) {
	m.t.Helper()
	eventually(m.t, patience, func() error {
		for i := 1; i <= 2; i++ {
			if has, err := m.holds(i); err != nil || has != (i == router) {
				return fmt.Errorf("router%d has the addresses: %v, %v", i, has, err)
			}
		}
		if s := m.state(m.ours); (s == "active") != (m.ours == router) {
			return fmt.Errorf("router%d, ours, is %s", m.ours, s)
		}
		return nil
	})
}

// settled waits until exactly one router has the addresses, and had them for a deadtime; it returns that one. An original
// that starts activates beside a router that does the same, and then one of them gives way.
func (p *pair) settled() (router int) {
	p.t.Helper()
	var before int
	var since time.Time
	eventually(p.t, patience, func() error {
		first, err := p.holds(1)
		second, err2 := p.holds(2)
		switch {
		case err != nil || err2 != nil || first == second:
			router = 0
		case first:
			router = 1
		default:
			router = 2
		}
		if router == 0 || router != before {
			before, since = router, time.Now()
		}
		if router == 0 || time.Since(since) < deadtime {
			return fmt.Errorf("the routers have the addresses: %v, %v (%v, %v)", first, second, err, err2)
		}
		return nil
	})
	return router
}

// TestMixedPair: an original router in either place does with a new one what it did with its like: one of the two serves.
func TestMixedPair(t *testing.T) {
	for ours := 1; ours <= 2; ours++ {
		t.Run(fmt.Sprintf("ours is router%d", ours), func(t *testing.T) {
			p := newPair(t, pairConf(""))
			theirs := 3 - ours
			p.owners.leave(theirs) // the original activates beside an active router, and then one gives way
			m := &mixed{p, newOriginal(t, p.net, theirs, false), ours}
			m.start(ours)
			m.o.start()
			router := m.settled() // whichever it is
			m.steady(router)
			m.wantOne(router)

			if router == theirs { // it dies; we serve
				m.o.stop()
				m.wantOne(ours)
				m.o.start()
				m.steady(ours) // and it does not take back what it had
			}
			m.served()

			began := time.Now()
			m.pulse[ours-1].Signal(syscall.SIGTERM)
			m.wantHolding(theirs) // by our farewell, which an original understands
			m.slow.wantWithin(t, "handed over to the original", began, 0, deadtime-keepalive)
			m.pulse[ours-1].Wait(patience)
			m.start(ours)
			m.pulse[ours-1].WaitLog("STARTING PULSE AS", patience)
			m.steady(theirs)

			began = time.Now()
			m.o.stop()
			m.wantHolding(ours)
			m.wantTakeover("taken over from the original", ours, began, p.owners.since(ours))
			m.o.start()
			m.wantOne(ours)

			m.cut(ours)
			m.wantHolding(1, 2)
			began = time.Now()
			m.heal(ours)
			m.wantOne(1) // the primary stays
			m.slow.wantWithin(t, "one of two active", began, 0, deadtime+keepalive)
			m.steady(1)
			if ours == 1 {
				p.wantNeighbour(1)
				m.served()
			}
		})
	}
}

// wantNeighbour waits until the client sends to router i.
func (p *pair) wantNeighbour(i int) {
	p.t.Helper()
	want, err := p.net.Router(i).MAC("eth0")
	if err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, patience, func() error {
		if mac, err := p.net.Client().Neighbour(topology.VIP); err != nil || mac != want {
			return fmt.Errorf("the client sends to %q, %v; want %q of router%d", mac, err, want, i)
		}
		return nil
	})
}
