package eventlog

import (
	"bytes"
	"sync"
	"time"
)

// maxWaiting is how many bytes of lines may wait for a destination that is full.
const maxWaiting = 128 << 10

// queue keeps what its destination does not take at once, so that whoever logs need not wait. While nothing waits there,
// a line is with its destination when put returns; otherwise a goroutine hands over what waits, in order, and ends.
type queue struct {
	// send hands over a line, or returns false because the destination is full: with wait, only after a second or so.
	send   func(line []byte, wait bool) bool
	notice func(lost int) []byte // the line to stand for lines there was no room for

	mu      sync.Mutex
	lines   [][]byte
	size    int           // of lines, in bytes
	lost    int           // lines there was no room for since the last of lines
	emptied chan struct{} // closed when nothing waits any more; nil while nothing does
}

// put takes a line, which the caller may use again.
func (q *queue) put(line []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.emptied == nil {
		if q.send(line, false) {
			return
		}
		q.emptied = make(chan struct{})
		go q.handOver(q.emptied)
	}
	if q.size+len(line) > maxWaiting {
		q.lost++
		return
	}
	q.confess()
	q.add(bytes.Clone(line))
}

func (q *queue) add(line []byte) {
	q.lines = append(q.lines, line)
	q.size += len(line)
}

// confess puts the count of the lines lost where they would have been.
func (q *queue) confess() {
	if q.lost > 0 {
		q.add(q.notice(q.lost))
		q.lost = 0
	}
}

// handOver ends when nothing waits any more, which it says by closing emptied.
func (q *queue) handOver(emptied chan struct{}) {
	defer close(emptied)
	for {
		line := q.first()
		if line == nil {
			return
		}
		if q.send(line, true) {
			q.taken()
		}
	}
}

// first returns the line to hand over next; if there is none, the next goes straight to the destination.
func (q *queue) first() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) == 0 {
		q.confess()
	}
	if len(q.lines) == 0 {
		q.lines, q.emptied = nil, nil
		return nil
	}
	return q.lines[0]
}

func (q *queue) taken() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size -= len(q.lines[0])
	q.lines[0] = nil
	q.lines = q.lines[1:]
}

// flush waits until nothing waits any more, which is true, or for the limit.
func (q *queue) flush(limit <-chan time.Time) bool {
	q.mu.Lock()
	emptied := q.emptied
	q.mu.Unlock()
	if emptied == nil {
		return true
	}
	select {
	case <-emptied:
		return true
	case <-limit:
		return false
	}
}
