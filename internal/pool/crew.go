package pool

import (
	"sync"
	"time"
)

// crew does work that waits by itself in goroutines of its own, a limited number at a time; more of it queues. Its methods
// belong to one goroutine.
type crew struct {
	most, busy int
	waiting    []task
	running    sync.WaitGroup
}

// task is some work for a job.
type task struct {
	job  *job
	work func()
}

// do does the work beside its caller, soon or later, unless its job is removed before it has begun. Whoever did it has the
// caller's goroutine call done.
func (c *crew) do(t task) {
	if c.busy == c.most {
		c.waiting = append(c.waiting, t)
		return
	}
	c.busy++
	c.running.Go(t.work)
}

// done begins what waits for the place that has become free.
func (c *crew) done() {
	c.busy--
	for len(c.waiting) > 0 && c.busy < c.most {
		t := c.waiting[0]
		c.waiting[0] = task{}
		c.waiting = c.waiting[1:]
		if !t.job.removed {
			c.do(t)
		}
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
