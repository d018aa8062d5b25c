package pool

import "testing"

// TestRemovedQueue: what queues for servers that are gone is not done before what there is to do for others.
func TestRemovedQueue(t *testing.T) {
	c := crew{most: 1}
	done := make(chan int, 1)
	jobs := make([]job, 5)
	for i := range jobs {
		c.do(task{job: &jobs[i], work: func() { done <- i }})
	}
	jobs[1].removed, jobs[2].removed, jobs[4].removed = true, true, true
	for _, want := range []int{0, 3} {
		if got := <-done; got != want {
			t.Fatalf("did the work of job %d, want %d", got, want)
		}
		c.done()
	}
	if c.busy != 0 || len(c.waiting) != 0 {
		t.Errorf("%d tasks are done and %d wait", c.busy, len(c.waiting))
	}
}
