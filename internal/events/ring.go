// Package events is what a daemon tells whoever wants to know at once: it keeps the last events, and hands them out as
// server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// Publishing never waits. Readers fetch what they have not seen at their own pace; one that is too slow misses events,
// and is told how many.
package events

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is something that happened. Field names are an API, described in doc/api.md.
type Event struct {
	// ID is DAEMON-START-NUMBER: START is another one each time the daemon starts, and NUMBER counts from 1. It is empty for
	// Lost, which is about a reader.
	ID   string          `json:"id,omitempty"`
	Time time.Time       `json:"time"`
	Type string          `json:"type"`
	Text string          `json:"text"` // for people, one line
	Data json.RawMessage `json:"data,omitempty"`
}

// Lost is the type of the event that tells a reader it has missed some.
const Lost = "lost"

// size is how many events a Ring keeps.
const size = 1000

// Ring keeps the last events of a daemon. It is safe for concurrent use; nil keeps nothing.
type Ring struct {
	prefix string // of IDs

	mu   sync.Mutex
	kept []Event
	next uint64        // number of the next event
	more chan struct{} // closed when that comes
}

// NewRing returns the Ring of a daemon that started then.
func NewRing(daemon string, start time.Time) *Ring {
	prefix := daemon + "-" + strconv.FormatInt(start.UnixMicro(), 36) + "-"
	return &Ring{prefix: prefix, next: 1, more: make(chan struct{})}
}

// Publish adds an event. data becomes JSON; nil for none.
func (r *Ring) Publish(now time.Time, kind, text string, data any) {
	if r == nil {
		return
	}
	e := Event{Time: now.Round(0), Type: kind, Text: text}
	if data != nil {
		// What cannot be JSON is a mistake in the daemon; the text says what happened all the same.
		e.Data, _ = json.Marshal(data)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.ID = r.prefix + strconv.FormatUint(r.next, 10)
	r.next++
	if len(r.kept) == size {
		r.kept = r.kept[1:]
	}
	r.kept = append(r.kept, e)
	close(r.more)
	r.more = make(chan struct{})
}

// fetch returns at most most events from number from on, the oldest first, how many of them are no longer kept, and what
// is closed when there may be more than that.
func (r *Ring) fetch(from uint64, most int) (list []Event, lost uint64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.next - uint64(len(r.kept))
	if from < first {
		from, lost = first, first-from
	}
	if from >= r.next {
		return nil, lost, r.more
	}
	list = r.kept[from-first:]
	return slices.Clone(list[:min(most, len(list))]), lost, r.more
}

// last is the number from which there are n events; fewer if fewer are kept.
func (r *Ring) last(n int) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - uint64(min(n, len(r.kept)))
}

// after is the number of the event after the one with an ID. It is not known if that is of an earlier start, or of no event
// there has been: then all that are kept are new to the reader.
func (r *Ring) after(id string) (number uint64, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	digits, ours := strings.CutPrefix(id, r.prefix)
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ours || err != nil || n >= r.next {
		return r.next - uint64(len(r.kept)), false
	}
	return n + 1, true
}
