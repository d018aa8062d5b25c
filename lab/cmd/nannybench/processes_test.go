package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseMemory(t *testing.T) {
	const text = `00400000-7ffd428f7000 ---p 00000000 00:00 0      [rollup]
Rss:                2700 kB
Pss:                 601 kB
Pss_Dirty:           580 kB
Private_Clean:         0 kB
Private_Dirty:       576 kB
`
	if got, err := parseMemory([]byte(text)); err != nil || got != (memory{RSS: 2700, PSS: 601, Dirty: 576}) {
		t.Errorf("parseMemory = %+v, %v", got, err)
	}
	for _, text := range []string{"", strings.Replace(text, "601 kB", "much", 1), strings.Replace(text, "Private_Dirty", "Private_Other", 1)} {
		if got, err := parseMemory([]byte(text)); err == nil {
			t.Errorf("parseMemory(%q) = %+v, want an error", text, got)
		}
	}
}

func TestProcessSection(t *testing.T) {
	f := processFlags{count: 3, checks: 2000, interval: 50 * time.Millisecond}
	at := func(checks int64, dirty ...int) look {
		l := look{Checks: checks}
		for _, kB := range dirty {
			l.Memory = append(l.Memory, memory{PSS: kB + 20, Dirty: kB})
		}
		return l
	}
	for _, tt := range []struct {
		looks []look
		want  string
	}{
		{[]look{at(1000, 570, 580, 590), at(2000, 570, 580, 600)}, "| private dirty | 580, 590 kB | 580, 600 kB | 0.0 % | 620 kB, 5 %: held |"},
		{[]look{at(1000, 570, 580, 590), at(2000, 570, 580, 621)}, "| 580, 621 kB | 0.0 % | 620 kB, 5 %: **missed** |"},
		{[]look{at(1000, 500, 500, 500), at(2000, 500, 530, 530)}, "| 530, 530 kB | 6.0 % | 620 kB, 5 %: **missed** |"},
	} {
		if got := f.section(tt.looks); !strings.Contains(got, tt.want) {
			t.Errorf("got %s\nwant a line %q", got, tt.want)
		}
	}
	if got := f.fullSection([]look{at(500, 1500), at(1000, 1600, 1700, 1800)}); !strings.Contains(got, "after 1000 checks have a PSS of 1720 kB and 1700 kB\nprivate dirty, 1800 at most") {
		t.Errorf("nanny-full: %s", got)
	}
}
