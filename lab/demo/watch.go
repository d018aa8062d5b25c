package demo

import (
	"context"
	"sync"
	"time"
)

// watch looks all the time for what the tour could miss between two looks of its own.
type watch struct {
	mu    sync.Mutex
	fault error
	lost  time.Duration
}

// Between two looks at the addresses, between two ticks of the clock, and what a tick may take on an idle machine.
const (
	lookInterval = 50 * time.Millisecond
	tick         = 10 * time.Millisecond
	usualTick    = 20 * time.Millisecond
)

// guard repeats a check until ctx is done and keeps its first error.
func (w *watch) guard(ctx context.Context, check func() error) {
	for pause(ctx, lookInterval) == nil {
		err := check()
		w.mu.Lock()
		if w.fault == nil {
			w.fault = err
		}
		w.mu.Unlock()
	}
}

// clock measures, until ctx is done, for how long a busy machine did not let the demo run: time that the routers cannot
// be blamed for.
func (w *watch) clock(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		time.Sleep(tick)
		if took := time.Since(began); took > usualTick {
			w.mu.Lock()
			w.lost += took - tick
			w.mu.Unlock()
		}
	}
}

// broken returns what guard has found.
func (w *watch) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

// lostTime is the time lost since the start.
func (w *watch) lostTime() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}
