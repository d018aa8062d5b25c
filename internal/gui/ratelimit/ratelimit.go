// Package ratelimit keeps people from guessing passwords: it bounds how often something may be tried for each key, such as
// an address or an account.
package ratelimit

import (
	"sync"
	"time"
)

// Limiter lets a key try Burst times, and once more after each Every. Its methods may be called at the same time. They are
// given the time.
type Limiter struct {
	burst int
	every time.Duration
	max   int

	mu   sync.Mutex
	keys map[string]time.Time // when the key's tries are all there again
	// over is for all keys beyond the first max: memory is bounded, and so are guesses.
	over time.Time
}

// New returns a limiter that remembers at most max keys.
func New(burst int, every time.Duration, max int) *Limiter {
	return &Limiter{burst: burst, every: every, max: max, keys: map[string]time.Time{}}
}

// Take takes one try. If there is none left it returns how long until there is one.
func (l *Limiter) Take(key string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.keys[key]
	if !known && len(l.keys) >= l.max && !l.forget(now) {
		full = l.over
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.every)
	if wait := full.Sub(now) - time.Duration(l.burst)*l.every; wait > 0 {
		return wait
	}
	l.put(key, full)
	return 0
}

// Back gives a try back: it was no guess.
func (l *Limiter) Back(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if full, ok := l.keys[key]; ok {
		l.keys[key] = full.Add(-l.every)
	}
}

func (l *Limiter) put(key string, full time.Time) {
	if _, known := l.keys[key]; !known && len(l.keys) >= l.max {
		l.over = full
		return
	}
	l.keys[key] = full
}

// forget drops the keys that have all their tries again, and tells whether there were any.
func (l *Limiter) forget(now time.Time) bool {
	before := len(l.keys)
	for key, full := range l.keys {
		if !full.After(now) {
			delete(l.keys, key)
		}
	}
	return len(l.keys) < before
}
