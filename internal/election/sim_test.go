package election

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// TestSimulation runs PIRANHA_SCHEDULES schedules per pairing, from seed PIRANHA_SEED on.
func TestSimulation(t *testing.T) {
	count := number(t, "PIRANHA_SCHEDULES", 1500)
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
