package election

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestSimulation runs PIRANHA_SCHEDULES schedules per pairing, from seed PIRANHA_SEED on.
func TestSimulation(t *testing.T) {
	count := number(t, "PIRANHA_SCHEDULES", 1200)
	first := number(t, "PIRANHA_SEED", 1)
	for _, p := range pairings {
		t.Run(p.name, func(t *testing.T) {
			for seed := first; seed < first+count; seed++ {
				if w := simulate(seeded(seed), p, Step, false); w.failed != "" {
					t.Fatal(explain(seed, p, Step))
				}
			}
		})
	}
}

func seeded(seed int) rand.Source { return rand.NewPCG(uint64(seed), 0x9e3779b97f4a7c15) }

// explain repeats a schedule that failed and tells all of it.
func explain(seed int, p pairing, step stepFunc) string {
	w := simulate(seeded(seed), p, step, true)
	return fmt.Sprintf("seed %d, %s, keepalive %v, deadtime %v: %s\n%s\nrerun: PIRANHA_SEED=%d PIRANHA_SCHEDULES=1 go test -run 'TestSimulation/%s' ./internal/election",
		seed, p.name, w.keepalive, w.deadtime, w.failed, w.dump(), seed, p.name)
}

func number(t *testing.T, name string, otherwise int) int {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// FuzzSchedule lets the fuzzer choose what happens.
func FuzzSchedule(f *testing.F) {
	for i := range pairings {
		f.Add(uint8(i), []byte("some schedule or other"))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		p := pairings[int(which)%len(pairings)]
		source := func() rand.Source { return &bytesSource{data, rand.NewPCG(1, uint64(len(data)))} }
		if w := simulate(source(), p, Step, false); w.failed != "" {
			w = simulate(source(), p, Step, true)
			t.Fatalf("%s: %s\n%s", p.name, w.failed, w.dump())
		}
	})
}

// TestClocksDoNotMatter: what clocks show makes no difference, only how much time passes.
func TestClocksDoNotMatter(t *testing.T) {
	for _, p := range pairings {
		for seed := 1; seed <= 50; seed++ {
			q := p
			q.later = 20 * 365 * 24 * time.Hour
			a := simulate(seeded(seed), p, Step, true).dump()
			if b := simulate(seeded(seed), q, Step, true).dump(); a != b {
				t.Fatalf("%s, seed %d: twenty years later\n%s\ninstead of\n%s", p.name, seed, b, a)
			}
		}
	}
}

// TestPlannedOutage is invariant 6: a switchover or stop costs a packet, the deactivation and the activation.
func TestPlannedOutage(t *testing.T) {
	tests := []struct {
		name string
		ask  func(active, other *modern)
	}{
		{"switchover on the active router", func(a, _ *modern) { a.event(Switchover{}) }},
		{"switchover on the other router", func(_, b *modern) { b.event(Switchover{}) }},
		{"standby", func(a, _ *modern) { a.event(EnterStandby{}) }},
		{"stop", func(a, _ *modern) { a.event(Stop{15}) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := 1; seed <= 200; seed++ {
				if outage, most := plannedOutage(t, seed, tt.ask); outage > most {
					t.Errorf("seed %d: outage %v, want at most %v", seed, outage, most)
				}
			}
		})
	}
}

// TestColdStart: on a calm network two new routers never serve both, whenever they start.
func TestColdStart(t *testing.T) {
	if seed := coldStartBoth(Step, 2000); seed != 0 {
		t.Errorf("seed %d: both were active", seed)
	}
	eager := func(s State, e Event, now time.Time) (State, []Action) {
		s.waitUntil = time.Unix(0, 0)
		return Step(s, e, now)
	}
	if coldStartBoth(eager, 2000) == 0 {
		t.Error("a router that does not let the primary go first is not found")
	}
}

// coldStartBoth returns the first seed with which both are active at some time, or 0.
func coldStartBoth(step stepFunc, seeds int) int {
	for seed := 1; seed <= seeds; seed++ {
		w := newWorld(seeded(seed), pairings[0], step, false)
		for _, r := range w.nodes {
			w.after(w.between(0, w.deadtime), r.start)
		}
		for w.now < 3*w.deadtime && w.failed == "" {
			w.run(w.now + w.keepalive/50)
			if w.nodes[0].serving() && w.nodes[1].serving() {
				return seed
			}
		}
	}
	return 0
}

// plannedOutage runs a calm pair until one serves and measures from the beginning of its deactivation to the end of
// the other's activation.
func plannedOutage(t *testing.T, seed int, ask func(active, other *modern)) (outage, most time.Duration) {
	w := newWorld(seeded(seed), pairings[0], Step, false)
	for _, r := range w.nodes {
		w.after(w.between(0, w.deadtime), r.start)
	}
	w.run(4*w.deadtime + 2*w.judge.slack + w.between(0, w.keepalive))
	a, b := w.nodes[0].(*modern), w.nodes[1].(*modern)
	if b.state.Phase == Active {
		a, b = b, a
	}
	if a.state.Phase != Active || b.state.Phase != Inactive {
		t.Fatalf("seed %d: %v and %v before anything is asked", seed, a.state.Phase, b.state.Phase)
	}
	w.judge.operatorAt = w.now
	ask(a, b)
	for a.state.Phase == Active && w.now < 100*w.deadtime {
		w.run(w.now + w.keepalive/1000)
	}
	from := w.now
	for b.state.Phase != Active && w.now < 100*w.deadtime {
		w.run(w.now + w.keepalive/1000)
	}
	if w.failed != "" {
		t.Errorf("seed %d: %s", seed, w.failed)
	}
	return w.now - from, 2*a.slow + w.channels[Public].delay + w.keepalive/50
}
