package pool

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTimers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	checks := make([]*check, 200)
	for i := range checks {
		checks[i] = &check{place: -1}
	}
	var heap timers
	for range 20000 {
		c := checks[rnd.IntN(len(checks))]
		if rnd.IntN(3) == 0 {
			heap.drop(c)
			c.at = -1
		} else {
			heap.set(c, time.Duration(rnd.IntN(1000)))
		}
		least := time.Duration(1000)
		for _, c := range checks {
			if c.at >= 0 && c.place >= 0 {
				least = min(least, c.at)
			}
		}
		switch first := heap.first(); {
		case first == nil && least < 1000, first != nil && first.at != least:
			t.Fatalf("first is %+v, want one at %d", first, least)
		}
		for i, c := range heap {
			if c.place != i {
				t.Fatalf("check at %d believes to be at %d", i, c.place)
			}
		}
	}
}
