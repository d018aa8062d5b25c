// Package diff compares texts line by line, and joins what two people have made of the same text.
package diff

import (
	"slices"
	"strings"
)

// Op is what became of a line.
type Op byte

// The ops.
const (
	Same Op = iota
	Gone
	New
)

// Line is a line of one of two texts, or of both.
type Line struct {
	Op       Op
	Old, New int    // its number in each, from 1; 0: it is not there
	Text     string // with its line end, if it has one
}

// Lines tells how old became now: every line of both, in order.
func Lines(old, now string) []Line {
	a, b := split(old), split(now)
	var lines []Line
	i, j := 0, 0
	until := func(ai, bj int) {
		for ; i < ai; i++ {
			lines = append(lines, Line{Op: Gone, Old: i + 1, Text: a[i]})
		}
		for ; j < bj; j++ {
			lines = append(lines, Line{Op: New, New: j + 1, Text: b[j]})
		}
	}
	for _, p := range matches(a, b) {
		until(p.a, p.b)
		lines = append(lines, Line{Same, i + 1, j + 1, a[i]})
		i, j = i+1, j+1
	}
	until(len(a), len(b))
	return lines
}

// Count returns how many lines were added and removed.
func Count(lines []Line) (added, removed int) {
	for _, l := range lines {
		switch l.Op {
		case New:
			added++
		case Gone:
			removed++
		}
	}
	return added, removed
}

// Hunks returns the parts that differ, each with up to context lines that do not around it.
func Hunks(lines []Line, context int) [][]Line {
	var hunks [][]Line
	from, to := 0, 0 // of the hunk that is being made; empty: none is
	for i, l := range lines {
		if l.Op == Same {
			continue
		}
		if to == 0 || i-context > to {
			if to > 0 {
				hunks = append(hunks, lines[from:to])
			}
			from = max(i-context, to)
		}
		to = min(i+1+context, len(lines))
	}
	if to > 0 {
		hunks = append(hunks, lines[from:to])
	}
	return hunks
}

// split cuts a text into lines, with their ends.
func split(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// pair says that line a of the old text is line b of the new one.
type pair struct{ a, b int }

// matches finds the lines that two texts have in common, in the order of both.
func matches(a, b []string) []pair {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var list []pair
	for i := range head {
		list = append(list, pair{i, i})
	}
	// Lines that each text has once, such as the name of a block, belong together whatever is around them.
	i, j := head, head
	for _, p := range append(anchors(a, b, head, tail), pair{len(a) - tail, len(b) - tail}) {
		for _, m := range shortest(a[i:p.a], b[j:p.b]) {
			list = append(list, pair{i + m.a, j + m.b})
		}
		if p.a < len(a)-tail {
			list = append(list, p)
		}
		i, j = p.a+1, p.b+1
	}
	for k := tail; k > 0; k-- {
		list = append(list, pair{len(a) - k, len(b) - k})
	}
	return list
}

// anchors are the lines that occur once in each text between its first head and its last tail lines, as many of them as
// are in the same order in both.
func anchors(a, b []string, head, tail int) []pair {
	count := map[string]pair{}
	at := map[string]int{}
	for _, line := range a[head : len(a)-tail] {
		n := count[line]
		count[line] = pair{n.a + 1, n.b}
	}
	for j, line := range b[head : len(b)-tail] {
		n := count[line]
		count[line], at[line] = pair{n.a, n.b + 1}, head+j
	}
	var once []pair
	for i, line := range a[head : len(a)-tail] {
		if count[line] == (pair{1, 1}) {
			once = append(once, pair{head + i, at[line]})
		}
	}
	return increasing(once)
}

// increasing returns the longest part of a list, ordered by a, that is ordered by b too.
func increasing(list []pair) []pair {
	var ends []int // index of the pair that a part of length i+1 ends with, the one with the least b
	before := make([]int, len(list))
	for i, p := range list {
		n, _ := slices.BinarySearchFunc(ends, p.b, func(e, b int) int { return list[e].b - b })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		}
		ends[n] = i
	}
	if len(ends) == 0 {
		return nil
	}
	longest := make([]pair, len(ends))
	for i, n := ends[len(ends)-1], len(ends)-1; i >= 0; i, n = before[i], n-1 {
		longest[n] = list[i]
	}
	return longest
}

// maxEdits bounds the time and the memory that two texts take which have little in common: the latter grows with its square.
// Beyond it they count as wholly different.
const maxEdits = 500

// shortest finds what two texts have in common so that the least number of lines is added and removed (Myers, "An O(ND)
// Difference Algorithm and Its Variations", 1986).
func shortest(a, b []string) []pair {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	limit := min(len(a)+len(b), maxEdits)
	zero := limit + 1             // of diagonals: a's line less b's
	far := make([]int, 2*limit+3) // furthest line of a on each
	var steps [][]int             // far, before each step
	for d := range limit + 1 {
		steps = append(steps, slices.Clone(far[zero-d-1:zero+d+2]))
		for k := -d; k <= d; k += 2 {
			x := far[zero+k+1]
			if k != -d && (k == d || far[zero+k-1] >= far[zero+k+1]) {
				x = far[zero+k-1] + 1
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			far[zero+k] = x
			if x >= len(a) && x-k >= len(b) {
				return walkBack(steps, len(a), len(b))
			}
		}
	}
	return nil
}

// walkBack finds the way that shortest has gone.
func walkBack(steps [][]int, x, y int) []pair {
	var list []pair
	for d, far := range slices.Backward(steps) {
		k := x - y
		from := k - 1
		if at := k + d + 1; k == -d || k != d && far[at-1] < far[at+1] {
			from = k + 1
		}
		px, py := 0, 0
		if d > 0 {
			px = far[from+d+1]
			py = px - from
		}
		for x > px && y > py {
			x, y = x-1, y-1
			list = append(list, pair{x, y})
		}
		x, y = px, py
	}
	slices.Reverse(list)
	return list
}
