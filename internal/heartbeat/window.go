package heartbeat

// window remembers which counters of one sender and channel were seen: each counts once, and one that is 64 or more
// behind the highest no longer does. The size allows for networks that reorder, and costs one word.
type window struct {
	last uint64 // the highest seen
	seen uint64 // bit i: last-i was seen
}

const windowSize = 64

// fresh tells whether n was not seen yet.
func (w *window) fresh(n uint64) bool {
	if n > w.last {
		return true
	}
	back := w.last - n
	return back < windowSize && w.seen>>back&1 == 0
}

// mark notes a counter that is fresh.
func (w *window) mark(n uint64) {
	if n <= w.last {
		w.seen |= 1 << (w.last - n)
		return
	}
	w.seen = w.seen<<(n-w.last) | 1 // a shift by 64 or more leaves nothing, as it should
	w.last = n
}

// session is what was heard, with a valid authentication code, from one start of the partner.
type session struct {
	boot    BootID
	from    uint64    // counter that made it the partner; 0 while it is not
	floor   uint64    // what that packet had to echo more than
	windows [2]window // by channel
	high    uint64    // highest counter of both
	heard   uint64    // when, as the number of the packet: for forgetting the one not heard for longest
	packets uint64    // how many
}

func (s *session) window(c Channel) *window { return &s.windows[c-Public] }

func (s *session) mark(p Packet) {
	s.window(p.Channel).mark(p.Counter)
	s.high = max(s.high, p.Counter)
	s.packets++
}
