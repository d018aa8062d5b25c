package ipvs

import (
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	before := Counters{Connections: 10, InPackets: 100, OutPackets: 50, InBytes: 1 << 40, OutBytes: 7, Active: 3}
	after := Counters{Connections: 14, InPackets: 120, OutPackets: 50, InBytes: 1<<40 + 4096, OutBytes: 9, Active: 1}
	tests := []struct {
		name          string
		before, after Counters
		d             time.Duration
		want          Rates
	}{
		{"two seconds", before, after, 2 * time.Second, Rates{2, 10, 0, 2048, 1}},
		{"nothing", after, after, time.Second, Rates{}},
		{"made anew", after, Counters{Connections: 3, InPackets: 6}, 3 * time.Second, Rates{Connections: 1, InPackets: 2}},
		{"no time", before, after, 0, Rates{}},
		{"clock went back", before, after, -time.Second, Rates{}},
	}
	for _, tt := range tests {
		if got := tt.after.Since(tt.before, tt.d); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
