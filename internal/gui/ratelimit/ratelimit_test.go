package ratelimit

import (
	"strconv"
	"testing"
	"time"
)

func TestTake(t *testing.T) {
	l := New(3, 10*time.Second, 100)
	now := time.Unix(1_000_000, 0)
	steps := []struct {
		after time.Duration
		key   string
		want  time.Duration
	}{
		{0, "a", 0}, {0, "a", 0}, {0, "a", 0},
		{0, "a", 10 * time.Second},
		{0, "a", 10 * time.Second}, // asking again does not make it longer
		{0, "b", 0},
		{4 * time.Second, "a", 6 * time.Second},
		{6 * time.Second, "a", 0},
		{0, "a", 10 * time.Second},
		{time.Hour, "a", 0}, {0, "a", 0}, {0, "a", 0},
		{0, "a", 10 * time.Second},
	}
	for i, s := range steps {
		now = now.Add(s.after)
		if got := l.Take(s.key, now); got != s.want {
			t.Errorf("step %d: Take(%s) = %v, want %v", i, s.key, got, s.want)
		}
	}
	l.Back("a")
	l.Back("unknown")
	if got := l.Take("a", now); got != 0 {
		t.Errorf("a try that was given back: Take = %v", got)
	}
}

// TestTakeMany: with more keys than it remembers, the rest share one allowance, and old ones are forgotten.
func TestTakeMany(t *testing.T) {
	l := New(2, 10*time.Second, 50)
	now := time.Unix(1_000_000, 0)
	refused := 0
	for i := range 1000 {
		if l.Take(strconv.Itoa(i), now) > 0 {
			refused++
		}
	}
	if refused != 1000-50-2 || len(l.keys) != 50 {
		t.Errorf("%d refused, %d remembered", refused, len(l.keys))
	}
	now = now.Add(time.Minute)
	if got := l.Take("new", now); got != 0 || len(l.keys) != 1 {
		t.Errorf("after a minute: Take = %v, %d remembered", got, len(l.keys))
	}
}
