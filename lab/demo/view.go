package demo

import (
	"fmt"
	"strings"
	"time"
)

// view is everything the screen shows.
type view struct {
	elapsed  time.Duration
	service  string // as ipvsadm names it
	sched    string
	rate     float64 // answered requests a second, lately
	answered int
	failed   int
	servers  []serverView
	table    []string
	log      []string
	story    []string // what has happened so far, the last line being what happens now
}

type serverView struct {
	name, address, state, reason string
	weight                       int
	present                      bool
	answered                     int // since the start
	lately                       int // since the last scene began
}

// Escape sequences of every terminal in use.
const (
	clear, home, toEnd, below = "\x1b[2J", "\x1b[H", "\x1b[K", "\x1b[J"
	noCursor, cursor          = "\x1b[?25l", "\x1b[?25h"
	bold, dim, green, red     = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m"
	plain                     = "\x1b[0m"
)

// screen draws the view over the one before.
func (v view) screen() string {
	var b strings.Builder
	b.WriteString(home)
	for _, line := range v.lines() {
		b.WriteString(line + toEnd + "\r\n")
	}
	b.WriteString(below)
	return b.String()
}

// lines is the content of the screen.
func (v view) lines() []string {
	l := []string{
		bold + "Piranha demo" + plain + dim + "   client ── router1 (lvsd, " + v.service + ") ── real1, real2, real3   Ctrl-C ends it" + plain,
		"",
		fmt.Sprintf("%svirtual server  web%s   %s   scheduler %s   %d answered, %d failed, %.0f/s",
			bold, plain, v.service, v.sched, v.answered, v.failed, v.rate),
		"",
		dim + fmt.Sprintf("  %-8s %-18s %-10s %6s %9s %14s", "server", "address", "state", "weight", "answered", "in this scene") + plain,
	}
	most := 1
	for _, s := range v.servers {
		most = max(most, s.lately)
	}
	for _, s := range v.servers {
		l = append(l, s.line(most))
	}
	l = append(l, "", dim+"  kernel (ipvsadm -S -n)"+plain)
	for _, row := range v.table {
		l = append(l, "    "+row)
	}
	l = append(l, "", dim+"  lvsd and its nannies say"+plain)
	for _, said := range v.log {
		l = append(l, "    "+clip(said, 110))
	}
	l = append(l, "")
	for i, happened := range v.story {
		if i == len(v.story)-1 {
			happened = bold + happened + plain
		}
		l = append(l, "  "+happened)
	}
	return l
}

func (s serverView) line(most int) string {
	colour := dim
	switch s.state {
	case "up":
		colour = green
	case "down":
		colour = red
	}
	weight := "-"
	if s.present {
		weight = fmt.Sprint(s.weight)
	}
	bar := strings.Repeat("█", 20*s.lately/most)
	return fmt.Sprintf("  %-8s %-18s %s%-10s%s %6s %9d %14d  %s%s%s %s",
		s.name, s.address, colour, s.state, plain, weight, s.answered, s.lately, green, bar, plain, s.reason)
}

func clip(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}

func splitLines(s string) []string {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}
