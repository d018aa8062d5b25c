package gui

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/live"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// Auto update, in seconds. The original began at 10, and allowed no less.
const (
	defaultRate = 10
	minRate     = 2
	maxRate     = 3600
)

// controlView is the page CONTROL/MONITORING.
type controlView struct {
	page
	nowView
	Live    *live.Snapshot
	Auto    bool
	Rate    int
	Chips   []chip
	Show    string // the filter in force
	Shown   []monitor.Service
	Did     string // what was asked for on the page before
	Actions []link
}

// nowView is how things are: what is the same for everybody who looks.
type nowView struct {
	monitor.View
	Time       time.Time
	Running    bool            // pulse does
	Standby    bool            // an operator keeps this router from serving
	Events     []monitor.Event // the newest first
	Table      string          // the kernel's
	TableError string
	FileError  string // why lvs.cf cannot be read
}

// chip is a filter of the list.
type chip struct {
	Name    string
	Count   int
	URL     string
	Current bool
}

func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	v := controlView{page: s.page(r, "Control / Monitoring", "control"), Rate: defaultRate}
	query := r.URL.Query()
	if v.Auto = query.Get("auto_update") != ""; v.Auto {
		v.Rate = rate(query.Get("rate"))
		v.Refresh = strconv.Itoa(v.Rate)
	}
	var err error
	if v.Live, v.nowView, err = s.live.now(r.Context(), s, 0); err != nil {
		s.fail(w, r, err)
		return
	}
	v.Now = v.Time
	v.filter(query)
	if v.Admin {
		v.Actions = s.links(false, "", v.useless()...)
	}
	if a, ok := s.actionNamed(query.Get("did")); ok && !a.real {
		v.Did = a.Title
	}
	s.render(w, r, http.StatusOK, "control", v)
}

// useless are the actions that would change nothing.
func (v *nowView) useless() []string {
	switch {
	case !v.Running:
		return []string{"switchover", "standby", "resume", "reload", "stop"}
	case v.Standby:
		return []string{"standby", "start"}
	}
	return []string{"resume", "start"}
}

// look asks the daemons, and reads lvs.cf and the kernel's table.
func (s *Server) look(ctx context.Context) nowView {
	v := nowView{}
	in := monitor.Input{Host: s.opt.Host}
	in.Pulse, in.Lvsd = s.daemons.Ask(ctx)
	var err error
	if in.Config, err = s.config.current(); err != nil {
		v.FileError = err.Error()
	}
	in.Now = time.Now()
	v.Time, v.View = in.Now, monitor.Build(in)
	v.Running = in.Pulse.Fresh()
	v.Standby = v.Running && in.Pulse.Status.Standby
	v.Events = s.daemons.Events(ctx)
	v.readTable()
	return v
}

// rate is the interval asked for, in bounds.
func rate(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return defaultRate
	}
	return min(max(n, minRate), maxRate)
}

// filter is a part of the list.
type filter struct {
	name, value string
	in          func(monitor.Service) bool
}

func filters() []filter {
	return []filter{
		{"All", "", func(monitor.Service) bool { return true }},
		{"Needs attention", "attention", monitor.Service.NeedsAttention},
		{"Up", "up", func(s monitor.Service) bool { return s.Class == "up" }},
		{"Inactive", "inactive", monitor.Service.Inactive},
	}
}

// filter shows a part of the list.
func (v *controlView) filter(query url.Values) {
	show := query.Get("show")
	for _, f := range filters() {
		c := chip{Name: f.name, Current: show == f.value}
		var shown []monitor.Service
		for _, s := range v.Services {
			if f.in(s) {
				shown = append(shown, s)
			}
		}
		c.Count = len(shown)
		link := url.Values{}
		if v.Auto {
			link.Set("auto_update", "1")
			link.Set("rate", strconv.Itoa(v.Rate))
		}
		if f.value != "" {
			link.Set("show", f.value)
		}
		c.URL = "/control?" + link.Encode()
		if c.Current {
			v.Shown, v.Show = shown, f.value
		}
		v.Chips = append(v.Chips, c)
	}
}

// readTable reads the kernel's table, which everybody may.
func (v *nowView) readTable() {
	table, err := monitor.RoutingTable(monitor.TablePath)
	switch {
	case os.IsNotExist(err):
		v.TableError = "The kernel of this router has no table: the module ip_vs is not loaded."
	case err != nil:
		v.TableError = err.Error()
	}
	v.Table = table
}
