package gui

import (
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/monitor"
	"github.com/piranha-lvs/piranha/web"
)

// page is what every view has.
type page struct {
	Title   string // of the panel; the browser's title is made of it
	Tab     string // control, global, redundancy or virtual
	Account string // who has signed in; "" for nobody
	Admin   bool   // may change
	Host    string
	Version string
	Now     time.Time
	Pending *pending // the draft; nil: there is none
	Refresh string   // after how many seconds the browser asks again, and what for; "" for never
}

// page makes the common part of a view.
func (s *Server) page(r *http.Request, title, tab string) page {
	name, now := account(r), time.Now()
	p := page{
		Title: title, Tab: tab, Account: name, Admin: s.accounts.role(name) == admin,
		Host: s.opt.Host, Version: s.opt.Version, Now: now,
	}
	if name != "" {
		p.Pending = s.pendingNow(now)
	}
	return p
}

// views are the templates of the pages, by name.
type views map[string]*template.Template

// loadViews parses every page together with what all pages have.
func loadViews(static map[string]staticFile) (views, error) {
	functions := template.FuncMap{
		"asset":        func(name string) string { return "/static/" + name + "?v=" + static[name].hash },
		"plural":       plural,
		"group":        group,
		"clock":        func(t time.Time) string { return t.Format(time.TimeOnly) },
		"age":          func(now, then time.Time) string { return age(now.Sub(then)) },
		"span":         age,
		"duration":     duration,
		"since":        since,
		"onPage":       func(now time.Time, n monitor.Node) nodeView { return nodeView{n, now} },
		"processes":    processes,
		"sum":          sumText,
		"rows":         rows,
		"rate":         func(f float64) string { return group(int64(f + 0.5)) },
		"milliseconds": monitor.Milliseconds,
		"mbit":         func(bytes float64) string { return strconv.FormatFloat(bytes*8/1e6, 'f', 1, 64) },
	}
	common, err := template.New("").Funcs(functions).ParseFS(web.Files, "templates/common/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(web.Files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	v := views{}
	for _, path := range names {
		t, err := common.Clone()
		if err == nil {
			t, err = t.ParseFS(web.Files, path)
		}
		if err != nil {
			return nil, err
		}
		v[strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".html")] = t
	}
	return v, nil
}

// nodeView is a router at a time.
type nodeView struct {
	Node monitor.Node
	Now  time.Time
}

// render writes a page. It is made completely before the first byte goes out, so that a fault in it can still be told.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	t, ok := s.views[name]
	if !ok {
		s.fail(w, r, fmt.Errorf("no view %q", name))
		return
	}
	packed := acceptsGzip(r.Header.Get("Accept-Encoding"))
	html, packed, err := s.presses.make(packed, func(to io.Writer) error { return t.ExecuteTemplate(to, "layout", view) })
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if packed {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(html)))
	w.WriteHeader(status)
	_, _ = w.Write(html)
}

// messageView is a page that says one thing.
type messageView struct {
	page
	Text string
}

// refuse says why a request is not answered.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	if forProgram(r) {
		refuseProgram(w, r, status, text)
		return
	}
	s.render(w, r, status, "message", messageView{page: s.page(r, http.StatusText(status), ""), Text: text})
}

// fail says that the program is at fault, and tells the log why.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error("cannot answer", "err", err.Error(), "request", r.Method+" "+r.URL.Path)
	const text = "This is a fault of the program. The log says more."
	if forProgram(r) {
		refuseProgram(w, r, http.StatusInternalServerError, text)
		return
	}
	http.Error(w, text, http.StatusInternalServerError)
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, "There is no such page.")
}

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusMethodNotAllowed, "This page cannot be asked in this way.")
}

// plural puts a number before a word.
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return group(int64(n)) + " " + word + "s"
}

// group writes a number with a narrow space between groups of three digits.
func group(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// age writes a time that has passed, in the two largest units that matter.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "\u00a0s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "\u00a0s"
	case d < time.Hour:
		return fmt.Sprintf("%d\u00a0min %d\u00a0s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d\u00a0h %d\u00a0min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d\u00a0d %d\u00a0h", int(d.Hours())/24, int(d.Hours())%24)
}

// duration writes a time as lvs.cf has it.
func duration(d time.Duration) string {
	if d < time.Second {
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + "\u00a0ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "\u00a0s"
}

// since writes when something began: the time, and the day unless that is today.
func since(now, then time.Time) string {
	then = then.In(now.Location())
	if then.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return then.Format(time.TimeOnly)
	}
	return then.Format("2 Jan 15:04")
}

// shorten cuts a text to at most n bytes.
func shorten(text string, n int) string {
	if len(text) > n {
		return strings.ToValidUTF8(text[:n], "")
	}
	return text
}
