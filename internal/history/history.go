// Package history keeps the last results of the checks of one real server, failures longer than successes. There is one
// History for every real server of a director, thousands perhaps, so that each result takes 16 bytes, and what failed
// servers say is kept once.
package history

import (
	"iter"
	"math"
	"slices"
	"time"
)

// Size is how many results are kept, and newest how many of them whatever they are.
const (
	Size   = 20
	newest = 5
)

// Result is how one check ended.
type Result struct {
	At       time.Time     // when it ended
	Duration time.Duration // how long it took, to a microsecond; at most an hour or so
	Reason   string        // why the server did not pass; "" if it did
}

// Passed tells whether the server passed.
func (r Result) Passed() bool { return r.Reason == "" }

// History is the last results. The zero value is an empty one. Not for use by several goroutines at once.
type History struct {
	list    []entry  // the oldest first
	reasons []string // each once, and only those that an entry has
}

// entry is a Result without pointers.
type entry struct {
	micros int64  // since 1970
	took   uint32 // microseconds
	reason uint8  // place in reasons, from 1; 0: passed
}

// Add adds a result. One that is too many goes: the oldest that passed, but none of the newest 5, and if all others
// failed the oldest of those.
func (h *History) Add(r Result) {
	if len(h.list) == Size {
		h.drop(h.victim())
	}
	if h.list == nil {
		h.list = make([]entry, 0, Size)
	}
	took := min(max(r.Duration.Microseconds(), 0), math.MaxUint32)
	h.list = append(h.list, entry{micros: r.At.UnixMicro(), took: uint32(took), reason: h.reason(r.Reason)})
}

// victim is the place of the result that goes when another comes, which is one of the newest then.
func (h *History) victim() int {
	for i, e := range h.list[:Size-newest+1] {
		if e.reason == 0 {
			return i
		}
	}
	return 0
}

// reason finds or makes the place of a reason.
func (h *History) reason(text string) uint8 {
	if text == "" {
		return 0
	}
	i := slices.Index(h.reasons, text)
	if i < 0 {
		i = len(h.reasons)
		h.reasons = append(h.reasons, text)
	}
	return uint8(i + 1)
}

// drop removes a result, and its reason if no other has it.
func (h *History) drop(i int) {
	gone := h.list[i].reason
	h.list = slices.Delete(h.list, i, i+1)
	if gone == 0 || slices.ContainsFunc(h.list, func(e entry) bool { return e.reason == gone }) {
		return
	}
	h.reasons = slices.Delete(h.reasons, int(gone)-1, int(gone))
	for j := range h.list {
		if h.list[j].reason > gone {
			h.list[j].reason--
		}
	}
}

// Len is how many results there are.
func (h *History) Len() int { return len(h.list) }

// Last returns the newest result; false if there is none.
func (h *History) Last() (Result, bool) {
	if len(h.list) == 0 {
		return Result{}, false
	}
	return h.result(h.list[len(h.list)-1]), true
}

// All lists the results, the oldest first.
func (h *History) All() iter.Seq[Result] {
	return func(yield func(Result) bool) {
		for _, e := range h.list {
			if !yield(h.result(e)) {
				return
			}
		}
	}
}

func (h *History) result(e entry) Result {
	r := Result{At: time.UnixMicro(e.micros), Duration: time.Duration(e.took) * time.Microsecond}
	if e.reason > 0 {
		r.Reason = h.reasons[e.reason-1]
	}
	return r
}
