package diff

import (
	"fmt"
	"strings"
)

// unifiedContext is how many lines around those that differ a unified diff has.
const unifiedContext = 3

// Unified writes how two texts of these names differ in the unified format, which patch(1) understands; "": they do not.
func Unified(lines []Line, oldName, newName string) string {
	hunks := Hunks(lines, unifiedContext)
	if len(hunks) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", oldName, newName)
	before, after, at := 0, 0, 0 // lines of either text that are behind at
	for _, hunk := range hunks {
		for ; lines[at] != hunk[0]; at++ {
			before, after = step(lines[at], before, after)
		}
		var text strings.Builder
		olds, news := 0, 0
		for _, l := range hunk {
			olds, news = step(l, olds, news)
			text.WriteString([...]string{Same: " ", Gone: "-", New: "+"}[l.Op] + l.Text)
			if !strings.HasSuffix(l.Text, "\n") {
				text.WriteString("\n\\ No newline at end of file\n")
			}
		}
		fmt.Fprintf(&b, "@@ -%s +%s @@\n%s", place(before, olds), place(after, news), text.String())
	}
	return b.String()
}

// step counts a line in the texts that have it.
func step(l Line, old, now int) (olds, news int) {
	if l.Op != New {
		old++
	}
	if l.Op != Gone {
		now++
	}
	return old, now
}

// place is where a hunk is in a text, of which so many lines are before it. An empty one is behind a line.
func place(before, n int) string {
	if n > 0 {
		before++
	}
	return fmt.Sprintf("%d,%d", before, n)
}
