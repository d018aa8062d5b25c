package monitor

import (
	"context"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
)

const (
	// callTime bounds a call to a daemon, and so how long a page may wait for it.
	callTime = 2 * time.Second
	// shared is how long an answer serves other pages too: many viewers ask the daemons no more often than one.
	shared = 500 * time.Millisecond
)

// Answer is what a daemon last said, and whether it still does.
type Answer[T any] struct {
	Status *T        // nil: it has never answered
	At     time.Time // when it said so
	Err    error     // why it does not answer now; nil: it does
	Gone   bool      // because it does not run
}

// Fresh tells whether the daemon answers.
func (a Answer[T]) Fresh() bool { return a.Err == nil && a.Status != nil }

// Source asks the daemons.
type Source struct {
	pulse asker[PulseStatus]
	lvsd  asker[LvsdStatus]

	pulseEvents, lvsdEvents eventLog
}

// NewSource asks the daemons whose sockets are in runDir.
func NewSource(runDir string) *Source {
	pulse, lvsd := control.NewClient(runDir, "pulse", "pulse"), control.NewClient(runDir, "lvs", "lvsd")
	return &Source{
		pulse: asker[PulseStatus]{client: pulse}, pulseEvents: eventLog{client: pulse},
		lvsd: asker[LvsdStatus]{client: lvsd}, lvsdEvents: eventLog{client: lvsd},
	}
}

// Ask asks both at the same time.
func (s *Source) Ask(ctx context.Context) (p Answer[PulseStatus], l Answer[LvsdStatus]) {
	var group sync.WaitGroup
	group.Go(func() { p = s.pulse.ask(ctx) })
	group.Go(func() { l = s.lvsd.ask(ctx) })
	group.Wait()
	return p, l
}

// asker asks one daemon, and remembers its last answer.
type asker[T any] struct {
	client control.Client

	mu    sync.Mutex
	tried time.Time
	last  Answer[T]
}

func (a *asker[T]) ask(ctx context.Context) Answer[T] {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.tried.IsZero() && time.Since(a.tried) < shared {
		return a.last
	}
	// A page that is closed must not spoil the answer for those who wait for the same one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	status := new(T)
	err := a.client.Call(ctx, "GET", "status", status)
	a.tried = time.Now()
	a.last.Err, a.last.Gone = err, err != nil && control.Gone(err)
	if err == nil {
		a.last.Status, a.last.At = status, a.tried
	}
	return a.last
}
