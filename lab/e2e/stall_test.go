package e2e

import (
	"context"
	"sync"
	"testing"
	"time"
)

// stall measures for how long a busy machine did not let the test's own clock tick: time that no program under test can
// be blamed for.
type stall struct {
	mu    sync.Mutex
	late  []span
	until time.Time // nothing is known of what comes after
}

type span struct{ from, to time.Time }

// watchStall measures until the test ends.
func watchStall(t *testing.T) *stall {
	const tick, usual = 10 * time.Millisecond, 20 * time.Millisecond // what a tick may take on an idle machine
	ctx, cancel := context.WithCancel(context.Background())
	s := &stall{}
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			time.Sleep(tick)
			s.ticked(span{began.Add(tick), time.Now()}, usual-tick)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return s
}

// ticked notes that a tick should have ended with the beginning of late, and ended with its end.
func (s *stall) ticked(late span, usual time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = late.to
	if late.to.Sub(late.from) > usual {
		s.late = append(s.late, late)
	}
}

// lost returns how much of the time between two moments the machine lost.
func (s *stall) lost(from, to time.Time) (sum time.Duration) {
	for !s.knows(to) {
		time.Sleep(time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.late {
		if l.from.Before(from) {
			l.from = from
		}
		if l.to.After(to) {
			l.to = to
		}
		sum += max(l.to.Sub(l.from), 0)
	}
	return sum
}

// stalls returns how often the machine stalled between two moments.
func (s *stall) stalls(from, to time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.late {
		if l.to.After(from) && l.from.Before(to) {
			n++
		}
	}
	return n
}

func (s *stall) knows(moment time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.until.Before(moment)
}

// wantWithin expects that what began then and has just been seen took between least and most, plus what the machine lost.
func (s *stall) wantWithin(t *testing.T, what string, began time.Time, least, most time.Duration) {
	t.Helper()
	s.wantBetween(t, what, began, time.Now(), least, most)
}

// wantBetween is wantWithin of what was seen then. Less time has passed since the last sign of life, or check, before began than
// there should have, by as much as the machine lost then.
func (s *stall) wantBetween(t *testing.T, what string, began, seen time.Time, least, most time.Duration) {
	t.Helper()
	took, lost, before := seen.Sub(began), s.lost(began, seen), s.lost(began.Add(-most), began)
	if took < least-before || took > most+lost {
		t.Errorf("%s after %v, want %v to %v (the machine itself lost %v)", what, took, least, most, lost)
	}
	t.Logf("%s after %v (%v lost)", what, took.Round(time.Millisecond), lost.Round(time.Millisecond))
}
