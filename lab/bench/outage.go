package bench

import (
	"slices"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
)

// Sample is one run.
type Sample struct {
	// Outage is the longest time in which no good reply came: from one good reply to the next. A request that waits
	// for a lost packet to be sent again does not lengthen it, as the requests after it have been answered by then.
	Outage time.Duration `json:"outage_ns"`
	Lost   int           `json:"lost"`     // requests without a good reply within the time limit
	Stray  int           `json:"stray"`    // those of them that were sent before or after the outage
	Stall  time.Duration `json:"stall_ns"` // longest time between two requests sent: well above the period, the machine was busy
}

// judge turns what the client saw of requests sent since a time into a sample. The results are in the order of sending.
func judge(results []client.Result, since time.Time) Sample {
	first, _ := slices.BinarySearchFunc(results, since, func(r client.Result, t time.Time) int { return r.At.Compare(t) })
	results = results[first:]
	var s Sample
	var good []time.Time // when good replies came
	for i, r := range results {
		if i > 0 {
			s.Stall = max(s.Stall, r.At.Sub(results[i-1].At))
		}
		if r.Err == nil {
			good = append(good, r.At.Add(r.Took))
		}
	}
	slices.SortFunc(good, time.Time.Compare)
	var from, to time.Time
	for i := 1; i < len(good); i++ {
		if gap := good[i].Sub(good[i-1]); gap > s.Outage {
			s.Outage, from, to = gap, good[i-1], good[i]
		}
	}
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		s.Lost++
		// One that was sent right before the last good reply came may have been caught by the event as well.
		if r.At.Before(from.Add(-requestTime)) || r.At.After(to) {
			s.Stray++
		}
	}
	return s
}
