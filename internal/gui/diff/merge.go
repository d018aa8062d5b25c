package diff

import (
	"slices"
	"strings"
)

// change puts lines in the place of some of a text.
type change struct {
	from, to int // of the old text's lines
	lines    []string
}

// Merge makes the changes that lead from base to ours and those that lead from base to theirs in one text. It returns false
// if there are some to the same lines, or to lines beside each other, which differ.
func Merge(base, ours, theirs string) (string, bool) {
	mine, others := changes(base, ours), changes(base, theirs)
	var all []change
	for len(mine) > 0 && len(others) > 0 {
		m, o := mine[0], others[0]
		switch {
		case m.from == o.from && m.to == o.to && slices.Equal(m.lines, o.lines):
			all, mine, others = append(all, m), mine[1:], others[1:]
		case m.to < o.from:
			all, mine = append(all, m), mine[1:]
		case o.to < m.from:
			all, others = append(all, o), others[1:]
		default:
			return "", false
		}
	}
	all = slices.Concat(all, mine, others)
	lines := split(base)
	var b strings.Builder
	at := 0
	for _, c := range all {
		b.WriteString(strings.Join(lines[at:c.from], ""))
		b.WriteString(strings.Join(c.lines, ""))
		at = c.to
	}
	b.WriteString(strings.Join(lines[at:], ""))
	return b.String(), true
}

// changes are what leads from one text to another.
func changes(old, now string) []change {
	var list []change
	at, open := 0, false // in old
	for _, l := range Lines(old, now) {
		if l.Op == Same {
			at, open = at+1, false
			continue
		}
		if !open {
			list, open = append(list, change{from: at, to: at}), true
		}
		c := &list[len(list)-1]
		if l.Op == Gone {
			at++
			c.to = at
		} else {
			c.lines = append(c.lines, l.Text)
		}
	}
	return list
}
