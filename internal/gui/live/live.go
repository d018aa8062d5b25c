// Package live decides what a page that is open must be told so that it shows how things are now: what has changed, and never
// more than MaxUpdate at a time. What does not fit comes with the next update.
package live

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// MaxUpdate bounds an update, in bytes.
const MaxUpdate = 20_000

// Figures of a row that change all the time. Below 0: there is none.
type Figures struct {
	Active, Inactive, Rate int64
	Took                   string // how long its last check took
}

// Snapshot is how things are at one moment. Rows have numbers, in an order that does not depend on their state: first a virtual
// server, then its real servers. It is not changed after it was made.
type Snapshot struct {
	Kind     uint64             // changes when the rows are others
	State    uint64             // changes when Rows do
	Rows     []uint64           // of each row, what changes when anything but its figures does
	Figures  []Figures          // of each row
	Order    []int              // numbers of the virtual servers as they are shown
	Inner    [][]int            // for each of them in Order the numbers of its real servers as they are shown
	Row      func(n int) string // HTML of a row
	Sections []Section
}

// Section is a part of the page.
type Section struct{ ID, HTML string }

// Update is what a page is told, as JSON.
type Update struct {
	All      bool              `json:"all,omitempty"`      // load the page again
	Sections map[string]string `json:"sections,omitempty"` // HTML by ID
	Rows     map[int]string    `json:"rows,omitempty"`     // HTML by number
	Order    []int             `json:"order,omitempty"`    // of the virtual servers
	Inner    map[int][]int     `json:"inner,omitempty"`    // of the real servers, by the virtual server's number
	Figures  string            `json:"figures,omitempty"`  // see writeFigures
	More     bool              `json:"more,omitempty"`     // not everything did fit
}

// Viewer is a page that is open, and what it has been told.
type Viewer struct {
	kind     uint64
	rows     []uint64
	figures  []Figures
	known    []bool // figures have been told
	sections map[string]string
	order    []int
	inner    map[int][]int // by the number of the virtual server
	next     int           // row with which the next update begins
}

// NewViewer is a page that shows a snapshot, except for its figures, which may be older.
func NewViewer(s *Snapshot) *Viewer {
	v := &Viewer{
		kind: s.Kind, rows: slices.Clone(s.Rows), figures: make([]Figures, len(s.Rows)), known: make([]bool, len(s.Rows)),
		sections: map[string]string{}, order: s.Order, inner: map[int][]int{},
	}
	for i, service := range s.Order {
		v.inner[service] = s.Inner[i]
	}
	return v
}

// Next returns what the page must be told to show a snapshot; nil: nothing.
func (v *Viewer) Next(s *Snapshot) []byte {
	if s.Kind != v.kind || len(s.Rows) != len(v.rows) {
		return encode(Update{All: true})
	}
	var u Update
	room := MaxUpdate - 1000 // for what JSON adds around
	if !v.takeSections(s, &u, &room) {
		return encode(Update{All: true})
	}
	v.takeRows(s, &u, &room)
	if !v.takeOrder(s, &u, &room) {
		return encode(Update{All: true})
	}
	v.takeFigures(s, &u, room)
	if u.Sections == nil && u.Rows == nil && u.Order == nil && u.Inner == nil && u.Figures == "" {
		return nil
	}
	return encode(u)
}

func encode(u Update) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is no part of a page
	if e.Encode(u) != nil {
		return nil // it has nothing that JSON lacks
	}
	return bytes.TrimSpace(b.Bytes())
}

// size is how long a text is at most in JSON.
func size(text string) int {
	n := len(text) + 2
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ':
			n += 5
		case c == '"' || c == '\\' || c >= 0x7f:
			n++
		}
	}
	return n
}

// takeSections adds the sections that have changed, and tells whether they fit.
func (v *Viewer) takeSections(s *Snapshot, u *Update, room *int) bool {
	for _, section := range s.Sections {
		if v.sections[section.ID] == section.HTML {
			continue
		}
		if *room -= size(section.HTML) + len(section.ID) + 4; *room < 0 {
			return false
		}
		if u.Sections == nil {
			u.Sections = map[string]string{}
		}
		u.Sections[section.ID] = section.HTML
		v.sections[section.ID] = section.HTML
	}
	return true
}

// takeRows adds the rows that have changed, as far as half of the room goes.
func (v *Viewer) takeRows(s *Snapshot, u *Update, room *int) {
	left := *room / 2 // the order and figures need some of it
	for n, row := range s.Rows {
		if v.rows[n] == row {
			continue
		}
		html := s.Row(n)
		cost := size(html) + 10
		if cost > left {
			u.More = true
			break
		}
		left, *room = left-cost, *room-cost
		if u.Rows == nil {
			u.Rows = map[int]string{}
		}
		u.Rows[n] = html
		v.rows[n], v.figures[n], v.known[n] = row, s.Figures[n], true // its figures are in it
	}
}

// takeOrder adds the order in which the rows are shown, where that has changed, and tells whether it fits.
func (v *Viewer) takeOrder(s *Snapshot, u *Update, room *int) bool {
	if !slices.Equal(v.order, s.Order) {
		*room -= 7 * len(s.Order)
		u.Order, v.order = s.Order, s.Order
	}
	for i, service := range s.Order {
		if slices.Equal(v.inner[service], s.Inner[i]) {
			continue
		}
		if u.Inner == nil {
			u.Inner = map[int][]int{}
		}
		u.Inner[service], v.inner[service] = s.Inner[i], s.Inner[i]
		*room -= 10 + 7*len(s.Inner[i])
	}
	return *room >= 0
}

// takeFigures adds the figures that have changed, as far as they fit. It begins where the last update ended, so that each row
// has its turn.
func (v *Viewer) takeFigures(s *Snapshot, u *Update, room int) {
	var b strings.Builder
	at := -1 // row of the last figures
	all := len(s.Figures)
	for i := range all {
		n := (v.next + i) % all
		was, now := v.figures[n], s.Figures[n]
		if v.known[n] && was == now {
			continue
		}
		if b.Len()+80 > room {
			v.next, u.More = n, true
			break
		}
		writeFigures(&b, n-at, was, now, v.known[n])
		at, v.figures[n], v.known[n] = n, now, true
	}
	u.Figures = b.String()
}

// writeFigures writes the figures of a row: how many rows it is after the last one unless that is 1, and after a colon active
// and inactive connections, new ones a second and the time of the last check, each of them only if it has changed:
//
//	:12,3,5,4.2 ms;7:13
//
// A figure there is none of is written as -.
func writeFigures(b *strings.Builder, after int, was, now Figures, known bool) {
	if b.Len() > 0 {
		b.WriteByte(';')
	}
	if after != 1 {
		b.WriteString(strconv.Itoa(after))
	}
	b.WriteByte(':')
	var parts [4]string
	for i, f := range [3][2]int64{{was.Active, now.Active}, {was.Inactive, now.Inactive}, {was.Rate, now.Rate}} {
		switch {
		case known && f[0] == f[1]:
		case f[1] < 0:
			parts[i] = "-"
		default:
			parts[i] = strconv.FormatInt(f[1], 10)
		}
	}
	if took := strings.Map(plain, now.Took); !known || was.Took != now.Took {
		parts[3] = cmp.Or(took[:min(len(took), 20)], "-")
	}
	b.WriteString(strings.TrimRight(strings.Join(parts[:], ","), ","))
}

// plain removes what has a meaning among figures.
func plain(r rune) rune {
	if r == ';' || r == ',' || r == ':' || r > '~' || r < ' ' {
		return -1
	}
	return r
}
