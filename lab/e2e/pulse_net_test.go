package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// steady expects that router i serves throughout, and the other never, for twice deadtime.
func (p *pair) steady(i int) {
	p.t.Helper()
	for end := time.Now().Add(2 * deadtime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		mine, err := p.holds(i)
		other, err2 := p.holds(3 - i)
		if err != nil || err2 != nil || !mine || other {
			p.t.Fatalf("router%d has the addresses: %v, the other: %v (%v, %v)", i, mine, other, err, err2)
		}
	}
}

// TestOneChannelCut: as long as one way between the routers works, nobody takes over.
func TestOneChannelCut(t *testing.T) {
	p := newPair(t, pairConf("primary_private = 10.11.12.1\nbackup_private = 10.11.12.2"))
	p.startBoth()
	for _, dev := range []string{"eth0", "eth1"} {
		if err := p.net.Router(2).Cut(dev); err != nil {
			t.Fatal(err)
		}
		p.steady(1)
		if err := p.net.Router(2).Heal(dev); err != nil {
			t.Fatal(err)
		}
		p.steady(1)
	}
	p.served()
}

// TestPartitionHeals: whichever router is cut off, exactly one serves those that still reach one within deadtime and a
// keepalive. As soon again after the heal only the primary serves: it was active as well, alone or not.
func TestPartitionHeals(t *testing.T) {
	for _, tt := range []struct{ active, cut int }{{1, 1}, {1, 2}, {2, 2}, {2, 1}} {
		t.Run(fmt.Sprintf("router%d active, router%d cut off", tt.active, tt.cut), func(t *testing.T) {
			p := newPair(t, pairConf(""))
			p.startBoth()
			if tt.active == 2 {
				p.switchover(1)
				p.wantActive(2)
				p.wantAcquainted()
			}
			died := p.cut(tt.cut)
			rest := 3 - tt.cut
			p.wantHolding(rest)
			if rest != tt.active {
				p.wantTakeover("taken over", rest, died, p.owners.since(rest))
				p.owners.wantAnnounced(rest)
			}
			p.wantHolding(1, 2) // the other one does not know that it is the one cut off
			p.served()
			p.pulse[0].Mark()
			p.pulse[1].Mark()
			began := time.Now()
			p.heal(tt.cut)
			p.wantHolding(1)
			p.slow.wantWithin(t, "one of two active", began, 0, deadtime+keepalive)
			p.pulse[1].WaitLog("partner active: deactivating LVS", patience)
			p.pulse[0].WaitLog("partner active: resending arps", patience)
			p.wantActive(1)
			p.served()
			p.steady(1)
		})
	}
}

// wantHolding waits until these routers have the floating addresses. Those cut off from the client may have them too.
func (p *pair) wantHolding(routers ...int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		for i := 1; i <= 2; i++ {
			has, err := p.holds(i)
			want := slices.Contains(routers, i) || has && p.owners.isApart(p.net.Router(i).Name, time.Now())
			if err != nil || has != want {
				return fmt.Errorf("router%d has the addresses: %v, %v; want %v", i, has, err, want)
			}
		}
		return nil
	})
}
