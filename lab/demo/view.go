package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// view is everything the screen shows.
type view struct {
	panels   string // where they are, and how to sign in
	routers  []routerView
	servers  []serverView
	rate     float64 // answered requests a second, lately
	answered int
	failed   int
	silent   time.Duration // since the last good answer
	table    []string
	tableOf  string // router with the table
	log      []string
	story    []event // what has happened so far, the last line being what happens now
}

type routerView struct {
	name, state, partner string
	addresses            []string
	rows                 int
	target               bool // the client sends to it
}

type serverView struct {
	realStatus
	answered int // since the start
	lately   int // since the last scene began
}

// off is the state of a router without power.
const off = "no power"

// silence is how long no answer may come before the screen says so.
const silence = 300 * time.Millisecond

// Escape sequences of every terminal in use.
const (
	clear, home, toEnd, below = "\x1b[2J", "\x1b[H", "\x1b[K", "\x1b[J"
	noCursor, cursor          = "\x1b[?25l", "\x1b[?25h"
	noWrap, wrap              = "\x1b[?7l", "\x1b[?7h"
	bold, dim, green, red     = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m"
	plain                     = "\x1b[0m"
)

// usualRows is the height of a terminal that does not tell it.
const usualRows = 24

// screen draws the view over the one before.
func (v view) screen(rows int) string {
	if rows <= 0 {
		rows = usualRows
	}
	var b strings.Builder
	b.WriteString(home)
	for _, line := range v.lines(rows - 1) {
		b.WriteString(line + toEnd + "\r\n")
	}
	b.WriteString(below)
	return b.String()
}

// lines is the content of the screen: the cluster, as much of the story as there is room for, and where that leaves
// room, the kernel's table and the log.
func (v view) lines(rows int) []string {
	l := v.cluster()
	story := v.storyLines()
	const storyLeast = 8
	room := rows - len(l) - min(len(story), storyLeast)
	if table := v.tableLines(); len(table) <= room {
		l, room = append(l, table...), room-len(table)
	}
	if log := v.logLines(); len(log) <= room {
		l = append(l, log...)
	}
	room = max(0, rows-len(l))
	return append(l, story[max(0, len(story)-room):]...)
}

// cluster is the part that is always there.
func (v view) cluster() []string {
	l := []string{
		bold + "Piranha demo" + plain + dim + "   client ── router1, router2 ── real1 … real3   Ctrl-C ends it" + plain,
		"",
		dim + fmt.Sprintf("%-9s%-14s%-27s%-8s%-9s%s", "router", "state", "floating addresses", "table", "partner", "client's ARP") + plain,
	}
	for _, r := range v.routers {
		l = append(l, r.line())
	}
	l = append(l, "", dim+fmt.Sprintf("%-9s%-18s%-10s%6s%10s%9s", "server", "address", "state", "weight", "answered", "lately")+plain)
	most := 1
	for _, s := range v.servers {
		most = max(most, s.lately)
	}
	for _, s := range v.servers {
		l = append(l, s.line(most))
	}
	client := fmt.Sprintf("%sclient%s   http://%s/   %.0f answers/s   %d answered, %d failed",
		bold, plain, topology.VIP, v.rate, v.answered, v.failed)
	if v.silent > silence {
		client += fmt.Sprintf("   %sno answer for %.1fs%s", red, v.silent.Seconds(), plain)
	}
	l = append(l, "", client)
	if v.panels != "" {
		l = append(l, bold+"panels"+plain+"   "+v.panels)
	}
	return append(l, "")
}

func (r routerView) line() string {
	colour := dim
	switch r.state {
	case "active":
		colour = green
	case off:
		colour = red
	}
	addresses, rows, target := strings.Join(r.addresses, ", "), fmt.Sprintf("%d rows", r.rows), ""
	if addresses == "" {
		addresses = "none"
	}
	if r.state == off {
		addresses, rows = "", ""
	}
	if r.target {
		target = "◀ here"
	}
	return fmt.Sprintf("%-9s%s%-14s%s%-27s%-8s%-9s%s", r.name, colour, r.state, plain, addresses, rows, r.partner, target)
}

func (s serverView) line(most int) string {
	colour := dim
	switch s.State {
	case "up":
		colour = green
	case "down":
		colour = red
	}
	weight := "-"
	if s.Present {
		weight = fmt.Sprint(s.Weight)
	}
	bar := strings.Repeat("█", 15*s.lately/most)
	return fmt.Sprintf("%-9s%-18s%s%-10s%s%6s%10d%9d  %s%s%s %s",
		s.Name, s.Address, colour, s.State, plain, weight, s.answered, s.lately, green, bar, plain, s.Reason)
}

func (v view) tableLines() []string {
	if len(v.table) == 0 {
		return nil
	}
	l := []string{dim + v.tableOf + ": ipvsadm -S -n" + plain}
	for _, row := range v.table {
		l = append(l, "  "+row)
	}
	return append(l, "")
}

func (v view) logLines() []string {
	l := []string{dim + "log of pulse, lvsd and the nannies" + plain}
	for _, said := range v.log {
		l = append(l, "  "+said)
	}
	return append(l, "")
}

// storyLines tells the story; what happens now stands out.
func (v view) storyLines() []string {
	var l []string
	for i, e := range v.story {
		switch {
		case e.heading:
			l = append(l, bold+e.text+plain)
		case i == len(v.story)-1:
			l = append(l, bold+e.text+plain)
		default:
			l = append(l, e.text)
		}
	}
	return l
}
