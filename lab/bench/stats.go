package bench

import (
	"slices"
	"time"
)

// Summary is what 15 runs come down to.
type Summary struct {
	Min, Median, Max time.Duration
}

// summarize returns the summary of durations in any order; of an even number the median is the mean of the middle two.
func summarize(list []time.Duration) Summary {
	if len(list) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return Summary{sorted[0], (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[n-1]}
}

// phase returns the part of a heartbeat's interval after which run k cuts the links: evenly spread however many runs
// there are. When a router dies between two heartbeats decides about a whole interval of the outage, and left to chance
// it would drown the difference between the products in noise.
func phase(k int) float64 {
	const golden = 0.6180339887498949
	x := 0.5 + float64(k)*golden
	return x - float64(int(x))
}
