package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"4711 (nanny-full) S 1 4711 4711 0 -1 4194560 1 2 3 4 250 75 5 6 20 0 9 0 100": 3250 * time.Millisecond,
		"1 (a) b) (c) R 1 1 1 0 -1 4194560 1 2 3 4 0 1 5 6 20 0 9 0 100":               10 * time.Millisecond,
	} {
		if got, err := parseStat([]byte(text)); got != want || err != nil {
			t.Errorf("parseStat(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1 (a) R 1 2", "1 (a) R 1 1 1 0 -1 4194560 1 2 3 4 x 1 5 6"} {
		if _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("parseStat(%q) has no error", text)
		}
	}
}

func TestPoolSection(t *testing.T) {
	f := poolFlags{count: 10000, rate: 2000, time: 30 * time.Second}
	text := f.section([]poolRun{{Kind: "connect", Rate: 2000, Memory: memory{PSS: 40960}, CPU: 6}})
	if want := "| connect | 2000 | 40.0 MB | 4.10 kB | 6.0 % | 30 µs |"; !strings.Contains(text, want) || !strings.Contains(text, "checked every 5s") {
		t.Errorf("got %s\nwant a line %q", text, want)
	}
}
