package pool

import (
	"sync"
	"time"
)

// crew does work that waits by itself in goroutines of its own, a limited number at a time; more of it queues. Its methods
// belong to one goroutine.
type crew struct {
	most, busy int
	waiting    []func()
	running    sync.WaitGroup
}

// do does the work beside its caller, soon or later. Whoever did it has the caller's goroutine call done.
func (c *crew) do(work func()) {
	if c.busy == c.most {
		c.waiting = append(c.waiting, work)
		return
	}
	c.busy++
	c.running.Go(work)
}

// done begins what waits for the place that has become free.
func (c *crew) done() {
	c.busy--
	if len(c.waiting) > 0 {
		work := c.waiting[0]
		c.waiting[0] = nil
		c.waiting = c.waiting[1:]
		c.do(work)
	}
}

// await waits for the end of all work that has begun, but no longer than limit.
func (c *crew) await(limit time.Duration) {
	ended := make(chan struct{})
	go func() { c.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(limit):
	}
}
