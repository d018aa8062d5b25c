package pool

import "time"

// timers is a heap of checks by the time at which each wants attention: the next is first, and any can be moved or taken
// out. Of equal times the order is not known.
type timers []*check

// first returns the check that is due first; nil if there is none.
func (t timers) first() *check {
	if len(t) == 0 {
		return nil
	}
	return t[0]
}

// set puts a check in, or moves it, to a time.
func (t *timers) set(c *check, at time.Duration) {
	c.at = at
	if c.place < 0 {
		c.place = len(*t)
		*t = append(*t, c)
	}
	t.up(c.place)
	t.down(c.place)
}

// drop takes a check out, if it is in.
func (t *timers) drop(c *check) {
	i, last := c.place, len(*t)-1
	if i < 0 {
		return
	}
	t.swap(i, last)
	(*t)[last] = nil
	*t = (*t)[:last]
	c.place = -1
	if i < last {
		t.up(i)
		t.down(i)
	}
}

func (t timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if t[parent].at <= t[i].at {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t timers) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t); child++ {
			if t[child].at < t[least].at {
				least = child
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

func (t timers) swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i, j
}
