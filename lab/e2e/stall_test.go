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
	cancel context.CancelFunc
	done   sync.WaitGroup
	lost   time.Duration
}

// watchStall measures until lostTime is called.
func watchStall(t *testing.T) *stall {
	const tick, usual = 10 * time.Millisecond, 20 * time.Millisecond // what a tick may take on an idle machine
	ctx, cancel := context.WithCancel(context.Background())
	s := &stall{cancel: cancel}
	s.done.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			time.Sleep(tick)
			if took := time.Since(began); took > usual {
				s.lost += took - tick
			}
		}
	})
	t.Cleanup(func() { s.lostTime() })
	return s
}

// lostTime ends the measurement and returns its result.
func (s *stall) lostTime() time.Duration {
	s.cancel()
	s.done.Wait()
	return s.lost
}

// wantWithin expects that what began then and has just been seen took between least and most, plus what the machine lost.
func (s *stall) wantWithin(t *testing.T, what string, began time.Time, least, most time.Duration) {
	t.Helper()
	took, lost := time.Since(began), s.lostTime()
	if took < least || took > most+lost {
		t.Errorf("%s after %v, want %v to %v (the machine itself lost %v)", what, took, least, most, lost)
	}
	t.Logf("%s after %v (%v lost)", what, took.Round(time.Millisecond), lost.Round(time.Millisecond))
}
