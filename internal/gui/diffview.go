package gui

import (
	"strings"

	"github.com/piranha-lvs/piranha/internal/gui/diff"
)

// diffView is how two texts differ, as a page shows it.
type diffView struct {
	Hunks          []hunk
	Added, Removed int
	Cut            bool // there is more than is shown
}

// hunk is a part of a diff.
type hunk struct {
	Title string // the block it is in
	Lines []diffLine
}

// diffLine is a line of a diff.
type diffLine struct {
	Class    string // ins, del or ""
	Old, New int
	Text     string
}

// Limits of what a page shows of a diff. A line that is cut is in the download.
const (
	diffContext  = 3
	maxDiffLines = 2000
	maxDiffLine  = 500 // bytes
)

func diffOf(old, now []byte) diffView {
	all := diff.Lines(string(old), string(now))
	var v diffView
	v.Added, v.Removed = diff.Count(all)
	title, shown, i := "", 0, 0
	for _, part := range diff.Hunks(all, diffContext) {
		if shown+len(part) > maxDiffLines {
			part, v.Cut = part[:maxDiffLines-shown], true
		}
		if len(part) == 0 {
			break
		}
		for ; all[i] != part[0]; i++ {
			if t, ok := titleOf(all[i].Text); ok {
				title = t
			}
		}
		h := hunk{Title: title}
		for _, l := range part {
			text := strings.TrimRight(l.Text, "\r\n")
			h.Lines = append(h.Lines, diffLine{[...]string{diff.Same: "", diff.Gone: "del", diff.New: "ins"}[l.Op], l.Old, l.New, shorten(text, maxDiffLine)})
		}
		shown += len(part)
		v.Hunks = append(v.Hunks, h)
		if v.Cut {
			break
		}
	}
	return v
}

// titleOf is the name of the virtual server that a line begins, as far as that shows without reading the file: for people
// only.
func titleOf(line string) (string, bool) {
	text := strings.TrimSpace(line)
	if !strings.HasPrefix(text, "virtual ") && !strings.HasPrefix(text, "failover ") {
		return "", false
	}
	return shorten(strings.TrimSpace(strings.TrimSuffix(text, "{")), 100), true
}
