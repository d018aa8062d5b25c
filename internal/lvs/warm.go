package lvs

import "time"

// comeBack begins slow_start for a server that has come back, if its virtual server has any.
func (h *health) comeBack() {
	if h.server.slowStart > 0 {
		h.back, h.share = time.Now(), 1
	}
}

// warm gives the servers that came back the share of their weight that is due.
func (d *Daemon) warm(now time.Time) {
	for _, h := range d.health {
		if h.back.IsZero() {
			continue
		}
		share := shareAfter(now.Sub(h.back), h.server.slowStart)
		if share == 0 {
			h.back = time.Time{}
		}
		if share != h.share {
			h.share, d.dirty = share, true
		}
	}
}

// shareAfter is the share of its weight that a server has some time after it came back: it grows evenly from 1 percent. 0 is
// all of it.
func shareAfter(elapsed, whole time.Duration) int {
	if elapsed >= whole {
		return 0
	}
	return max(1, int(100*elapsed/whole))
}

// part is a share of a weight, but not nothing: a server that is up gets connections.
func part(weight, share int) int {
	if share == 0 || weight == 0 {
		return weight
	}
	return max(1, weight*share/100)
}
