package main

import (
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var times []time.Duration
	for i := range 500 {
		times = append(times, time.Duration(i+1))
	}
	for p, want := range map[int]time.Duration{0: 1, 50: 250, 99: 495, 100: 500} {
		if got := percentile(times, p); got != want {
			t.Errorf("percentile %d = %d, want %d", p, got, want)
		}
	}
	if got := percentile(times[:1], 99); got != 1 {
		t.Errorf("of a single one = %d", got)
	}
}

func TestSection(t *testing.T) {
	f := benchFlags{virtual: 100, real: 20, loads: 2, viewers: 50, time: time.Minute}
	text := f.section(result{loads: []time.Duration{10 * time.Millisecond, 40 * time.Millisecond}, bytes: 150_000, largest: 20_001, rss: 50_000})
	for _, line := range []string{
		"| page, p99 | 40.0 ms | 30.0 ms: **missed** |", "| page, received | 150000 bytes | 150000 bytes: held |",
		"| largest update | 20001 bytes | 20000 bytes: **missed** |", "| resident with 50 viewers | 50000 kB | 50000 kB: held |", "Median of the page 10.0 ms",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}
