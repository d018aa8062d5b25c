package gui

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// rows writes the part of a table that is about one virtual server. With thousands of real servers a template takes ten
// times as long as this, for a page that many people keep open.
//
// It is the one place where HTML is not written by html/template: text goes through rowWriter.text, and everything else is
// a constant or a number.
func rows(s monitor.Service, now time.Time) template.HTML {
	w := rowWriter{now: now}
	w.Grow(rowSize * (1 + len(s.Servers)))
	w.raw(`<tbody id="b`, strconv.Itoa(s.N), `">`)
	w.service(&s)
	name := url.QueryEscape(s.Name)
	for i := range s.Servers {
		w.server(&s.Servers[i], name)
	}
	w.raw("</tbody>\n")
	return template.HTML(w.String())
}

// rowSize is more than most rows have, in bytes.
const rowSize = 640

// oneRow writes one row of a virtual server, by its number.
func oneRow(s *monitor.Service, n int, now time.Time) string {
	w := rowWriter{now: now}
	if n == s.N {
		w.service(s)
	}
	for i := range s.Servers {
		if s.Servers[i].N == n {
			w.server(&s.Servers[i], url.QueryEscape(s.Name))
		}
	}
	return w.String()
}

// rowWriter builds HTML.
type rowWriter struct {
	strings.Builder
	now time.Time
}

// raw writes constants, and classes, which are constants of package monitor.
func (w *rowWriter) raw(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
}

// text writes what people and daemons have named.
func (w *rowWriter) text(s string) { w.WriteString(template.HTMLEscapeString(s)) }

func (w *rowWriter) service(s *monitor.Service) {
	w.raw(`<tr id="r`, strconv.Itoa(s.N), `" class="vs `, s.Class, `"><td class="g"></td><td>`)
	w.state(s.State)
	w.raw(`</td><th scope="rowgroup" colspan="2">`)
	if s.Listed {
		w.raw(`<a href="/virtual/edit?v=`, url.QueryEscape(s.Name), `">`)
		w.text(s.Name)
		w.raw(`</a>`)
	} else {
		w.text(s.Name)
	}
	w.raw(`<span class="addr">`)
	w.text(s.Where)
	if s.Scheduler != "" {
		w.raw(`, `)
		w.text(s.Scheduler)
	}
	w.raw(`</span></th><td class="wide">`)
	w.text(s.Reason)
	w.raw(`</td><td class="n" data-l="Weight">`)
	if len(s.Servers) > 0 {
		w.weight(s.Now, s.Weight)
	}
	w.raw(`</td>`)
	w.traffic(s.Traffic)
	w.raw("<td class=\"sp\"></td></tr>\n")
}

func (w *rowWriter) state(s monitor.State) {
	w.raw(`<span class="st `, s.Class, `">`)
	w.text(s.Word)
	w.raw(`</span>`)
}

func (w *rowWriter) weight(now, set int) {
	if now != set {
		w.raw(`<span class="diffw">`, strconv.Itoa(now), `</span> / `, strconv.Itoa(set))
		return
	}
	w.raw(strconv.Itoa(now), ` / `, strconv.Itoa(set))
}

func (w *rowWriter) traffic(t *monitor.Traffic) {
	if t == nil {
		w.raw(`<td class="n" data-l="Active"></td><td class="n" data-l="Inactive"></td><td class="n" data-l="Conn/s"></td>`)
		return
	}
	w.raw(`<td class="n" data-l="Active">`, group(int64(t.Active)), `</td><td class="n" data-l="Inactive">`, group(int64(t.Inactive)), `</td><td class="n" data-l="Conn/s">`)
	if t.Rates != nil {
		w.raw(group(int64(t.Rates.Connections + 0.5)))
	}
	w.raw(`</td>`)
}

// server writes a row of a virtual server, whose name is given as in an address.
func (w *rowWriter) server(r *monitor.Server, service string) {
	w.raw(`<tr id="r`, strconv.Itoa(r.N), `" class="`, r.Class, `"><td class="g"></td><td>`)
	w.state(r.State)
	w.raw(`</td><th scope="row"><a href="/server?s=`, url.QueryEscape(r.Name), `&amp;v=`, service, `">`)
	w.text(r.Name)
	w.raw(`</a></th><td class="ad addr">`)
	w.text(r.Address)
	w.raw(`</td><td class="wide">`)
	if r.Class == "up" {
		w.raw(`<span class="muted">`)
		w.text(strings.TrimSuffix(r.Reason, r.Took))
		if r.Took != "" {
			w.raw(`<i>`)
			w.text(r.Took)
			w.raw(`</i>`)
		}
		w.raw(`</span>`)
	} else {
		w.text(r.Reason)
	}
	w.raw(` <small class="muted">since `, since(w.now, r.Since), `</small></td><td class="n" data-l="Weight">`)
	w.weight(r.Now, r.Weight)
	w.raw(`</td>`)
	w.traffic(r.Traffic)
	w.raw("</tr>\n")
}

// processes writes what runs in columns, as text.
func processes(list []monitor.Process) string {
	var b strings.Builder
	b.Grow(64 * (1 + len(list)))
	fmt.Fprintf(&b, "%7s  %-8s %s\n", "PID", "PROGRAM", "FOR")
	for _, p := range list {
		fmt.Fprintf(&b, "%7d  %-8s %s\n", p.Pid, p.Name, p.For)
	}
	return b.String()
}
