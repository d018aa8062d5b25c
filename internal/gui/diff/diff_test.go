package diff

import (
	"fmt"
	"strings"
	"testing"
)

// write writes a diff as people know it.
func write(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%c%d,%d %s|", " -+"[l.Op], l.Old, l.New, strings.TrimSuffix(l.Text, "\n"))
	}
	return b.String()
}

func TestLines(t *testing.T) {
	for _, test := range []struct{ old, now, want string }{
		{"", "", ""},
		{"a\n", "a\n", " 1,1 a|"},
		{"", "a\nb\n", "+0,1 a|+0,2 b|"},
		{"a\nb\n", "", "-1,0 a|-2,0 b|"},
		{"a\nb\nc\n", "a\nx\nc\n", " 1,1 a|-2,0 b|+0,2 x| 3,3 c|"},
		{"a", "a\n", "-1,0 a|+0,1 a|"},
		{"x\nx\ny\nx\n", "x\ny\nx\nx\n", " 1,1 x|-2,0 x| 3,2 y|+0,3 x| 4,4 x|"},
		// A new block is one piece, although it begins and ends as others do.
		{
			"virtual a {\n active = 1\n}\nvirtual c {\n active = 1\n}\n", "virtual a {\n active = 1\n}\nvirtual b {\n active = 1\n}\nvirtual c {\n active = 1\n}\n",
			" 1,1 virtual a {| 2,2  active = 1| 3,3 }|+0,4 virtual b {|+0,5  active = 1|+0,6 }| 4,7 virtual c {| 5,8  active = 1| 6,9 }|",
		},
		// Of two blocks that change places one moves.
		{"1\n2\n3\n4\n", "3\n4\n1\n2\n", "-1,0 1|-2,0 2| 3,1 3| 4,2 4|+0,3 1|+0,4 2|"},
	} {
		if got := write(Lines(test.old, test.now)); got != test.want {
			t.Errorf("Lines(%q, %q)\n got %s\nwant %s", test.old, test.now, got, test.want)
		}
	}
}

// TestShortest: where lines repeat, the least number of them counts as changed.
func TestShortest(t *testing.T) {
	added, removed := Count(Lines(spread("abcabba"), spread("cbabac")))
	if added+removed != 5 {
		t.Errorf("%d added, %d removed, want 5 in all", added, removed)
	}
}

func spread(letters string) string { return strings.Join(strings.Split(letters, ""), "\n") + "\n" }

// TestLarge: two texts of which nothing is alike, and lines that repeat, take no more than moments.
func TestLarge(t *testing.T) {
	old := strings.Repeat("a\nb\n", 20_000)
	now := strings.Repeat("b\nc\nc\n", 20_000)
	lines := Lines(old, now)
	if a, b := rebuilt(lines); a != old || b != now {
		t.Error("the diff does not lead from one to the other")
	}
}

func TestHunks(t *testing.T) {
	old := spread("abcdefghijkl")
	now := strings.NewReplacer("c\n", "C\n", "e\n", "", "k\n", "K\n").Replace(old)
	for context, want := range map[int]string{
		0: "-3,0 c|+0,3 C|/-5,0 e|/-11,0 k|+0,10 K|/",
		1: " 2,2 b|-3,0 c|+0,3 C| 4,4 d|-5,0 e| 6,5 f|/ 10,9 j|-11,0 k|+0,10 K| 12,11 l|/",
		9: write(Lines(old, now)) + "/",
	} {
		got := ""
		for _, h := range Hunks(Lines(old, now), context) {
			got += write(h) + "/"
		}
		if got != want {
			t.Errorf("context %d\n got %s\nwant %s", context, got, want)
		}
	}
	if got := Hunks(Lines(old, old), 3); got != nil {
		t.Errorf("hunks of what is equal: %v", got)
	}
}

func TestMerge(t *testing.T) {
	base := spread("abcdefgh")
	for _, test := range []struct {
		ours, theirs, want string
		ok                 bool
	}{
		{"abcdefgh", "abcdefgh", "abcdefgh", true},
		{"Abcdefgh", "abcdefgH", "AbcdefgH", true},
		{"abxcdefgh", "abcdeygh", "abxcdeygh", true},
		{"abcdfgh", "abcdfgh", "abcdfgh", true}, // the same
		{"abXdefgh", "abYdefgh", "", false},
		{"abXdefgh", "abcYefgh", "", false}, // beside each other
		{"abxcdefgh", "abycdefgh", "", false},
		{"abcdefghx", "yabcdefgh", "yabcdefghx", true},
		{"", "abcdefgh", "", true},
		{"", "abcdefgX", "", false},
	} {
		want := ""
		if test.want != "" {
			want = spread(test.want)
		}
		text := func(letters string) string {
			if letters == "" {
				return ""
			}
			return spread(letters)
		}
		for _, turn := range [][2]string{{test.ours, test.theirs}, {test.theirs, test.ours}} {
			if got, ok := Merge(base, text(turn[0]), text(turn[1])); got != want || ok != test.ok {
				t.Errorf("Merge(%q, %q) = %q, %v", turn[0], turn[1], got, ok)
			}
		}
	}
}

// rebuilt makes both texts of a diff.
func rebuilt(lines []Line) (old, now string) {
	var a, b strings.Builder
	for _, l := range lines {
		if l.Op != New {
			a.WriteString(l.Text)
		}
		if l.Op != Gone {
			b.WriteString(l.Text)
		}
	}
	return a.String(), b.String()
}

func FuzzLines(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nc\nd", "b\nb\n")
	f.Add("", "\n", "\n\n")
	f.Add("{\nx\n}\n{\ny\n}\n", "{\ny\n}\n{\nx\n}\n", "}\n")
	f.Fuzz(func(t *testing.T, old, now, third string) {
		lines := Lines(old, now)
		if a, b := rebuilt(lines); a != old || b != now {
			t.Fatalf("Lines(%q, %q) leads from %q to %q", old, now, a, b)
		}
		m, n := 0, 0
		for _, l := range lines {
			if l.Op != New {
				if m++; l.Old != m {
					t.Fatalf("old line %d has number %d", m, l.Old)
				}
			}
			if l.Op != Gone {
				if n++; l.New != n {
					t.Fatalf("new line %d has number %d", n, l.New)
				}
			}
		}
		changed := 0
		for _, h := range Hunks(lines, 2) {
			added, removed := Count(h)
			changed += added + removed
		}
		if added, removed := Count(lines); changed != added+removed {
			t.Fatalf("hunks have %d changes, of %d", changed, added+removed)
		}
		if got, ok := Merge(old, now, old); !ok || got != now {
			t.Fatalf("Merge(%q, %q, unchanged) = %q, %v", old, now, got, ok)
		}
		a, ok := Merge(old, now, third)
		b, sameOK := Merge(old, third, now)
		if a != b || ok != sameOK {
			t.Fatalf("Merge(%q, %q, %q) = %q, %v and the other way round %q, %v", old, now, third, a, ok, b, sameOK)
		}
	})
}
