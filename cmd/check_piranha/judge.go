package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// level is an exit status, as the guidelines for plug-ins number them.
type level int

const (
	ok level = iota
	warning
	critical
	unknown
)

func (l level) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[l] }

// weight orders levels: what is known to be wrong goes before what is not known.
func (l level) weight() int { return [...]int{ok: 0, unknown: 1, warning: 2, critical: 3}[l] }

// finding is something that is not as it should be.
type finding struct {
	level level
	text  string
}

// state is what the daemons said. One that did not answer is nil, and has a fault.
type state struct {
	pulse                 *pulse.Status
	lvsd                  *lvs.Status
	pulseFault, lvsdFault *finding
	noPulse               bool // there is none to ask
}

// report is what will be printed.
type report struct {
	level    level
	findings []finding
	notes    []string // what is as it should be, or as an operator wants it
	figures  []string // performance data
}

func (r *report) find(condition bool, l level, format string, args ...any) {
	if condition {
		r.findings = append(r.findings, finding{l, fmt.Sprintf(format, args...)})
	}
}

// judge weighs everything.
func (s *state) judge(limits limits) *report {
	r := new(report)
	if s.pulse != nil {
		r.routers(s.pulse)
	} else if !s.noPulse {
		r.findings = append(r.findings, *s.pulseFault)
	}
	switch {
	case s.lvsd != nil:
		r.table(s)
		r.summary(s.lvsd)
		for i := range s.lvsd.VirtualServers {
			r.virtual(&s.lvsd.VirtualServers[i], s.lvsd.Active, limits)
		}
	case s.needsLvsd():
		r.findings = append(r.findings, *s.lvsdFault)
	}
	slices.SortStableFunc(r.findings, func(a, b finding) int { return cmp.Compare(b.level.weight(), a.level.weight()) })
	if len(r.findings) > 0 {
		r.level = r.findings[0].level
	}
	return r
}

// needsLvsd tells whether it is wrong if lvsd does not answer. On the inactive router it need not run: standby may be cold.
func (s *state) needsLvsd() bool {
	return s.pulse == nil || s.pulse.LvsdPid != 0 || s.pulse.State == "active"
}

// routers judges who serves, and whether the other router could.
func (r *report) routers(s *pulse.Status) {
	p := &s.Partner
	alive := p.Health == "alive"
	other := alive && p.State == "active"
	r.find(s.State == "active" && other, critical, "both routers are active")
	switch {
	case s.State == "active":
	case s.State == "activating":
		r.find(true, warning, "this router is becoming active")
	case !other:
		r.find(true, critical, "no router serves: this one is %s, %s", s.State, otherRouter(p))
	}
	serving := s.State == "active" || s.State == "activating"
	r.find(serving && p.Expected && !alive, warning, "%s: nobody would take over", otherRouter(p))
	r.find(s.Standby, warning, "this router is on standby by an operator's wish")
	for _, channel := range s.LostLinks {
		r.find(true, warning, "no link on the device of the %s channel", channel)
	}
	r.find(alive && !p.Original && !p.SameConfig, warning, "the lvs.cf of the other router means something else")
	r.find(s.LoadError != "", warning, "the last reload was refused: %s", s.LoadError)
	r.notes = append(r.notes, s.State+" as "+s.Role)
	if age := newest(p.Public, p.Private); p.Expected && age != nil {
		r.figures = append(r.figures, "heartbeat_age="+strconv.FormatFloat(*age, 'f', 3, 64)+"s;;;0")
	}
}

// otherRouter says how the other one is.
func otherRouter(p *pulse.PartnerStatus) string {
	switch {
	case !p.Expected:
		return "there is no other"
	case p.Health == "left":
		return "the other router has stopped"
	case p.Health != "alive":
		return "the other router is not heard"
	}
	return "the other one is " + p.State
}

// newest is the smaller one of two ages, of which either may be missing.
func newest(a, b *float64) *float64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// table judges whether the kernel's table is what it should be.
func (r *report) table(s *state) {
	switch {
	case s.lvsd.InStep:
	case s.lvsd.Error == "":
		r.find(true, warning, "the kernel's table is being brought up to date")
	default:
		r.find(true, warning, "the kernel's table is not as it should be: %s", s.lvsd.Error)
	}
	active := s.noPulse || s.pulse != nil && s.pulse.State == "active"
	r.find(active && !s.lvsd.Active, critical, "the kernel's table is empty, though this router is active")
	r.find(s.pulse != nil && s.pulse.SerialNo != s.lvsd.SerialNo, warning, "lvsd works with another lvs.cf than pulse")
}

// virtual judges a virtual server by its real servers.
func (r *report) virtual(v *lvs.VirtualStatus, active bool, limits limits) {
	all, down, serving, why := len(v.RealServers), 0, 0, ""
	for i := range v.RealServers {
		rs := &v.RealServers[i]
		if serves(rs, active) {
			serving++
		}
		// What an operator has taken out is no fault.
		if rs.State == "down" && rs.Order == "" {
			down++
			why = fmt.Sprintf(": %s, %s", rs.Name, cmp.Or(rs.Reason, "no reason given"))
		}
		r.orders(v.Name, rs)
	}
	if down > 1 {
		why = ""
	}
	text := fmt.Sprintf("%s has %d of %d real servers down%s", v.Name, down, all, why)
	switch {
	case serving == 0:
		r.find(true, critical, "%s has none of %d real servers in service", v.Name, all)
	case limits.critical.passed(down, all):
		r.find(true, critical, "%s", text)
	case limits.warning.passed(down, all):
		r.find(true, warning, "%s", text)
	}
	r.figures = append(r.figures, fmt.Sprintf("'%s down'=%d;%s;%s;0;%d", label(v.Name), down, limits.warning.figure(all), limits.critical.figure(all), all))
}

// serves tells whether a real server gets new connections, or would if this router were active.
func serves(rs *lvs.RealStatus, active bool) bool {
	if active {
		return rs.Present && rs.Now > 0
	}
	weight := rs.Weight
	if rs.Ordered != nil {
		weight = *rs.Ordered
	}
	return rs.State == "up" && rs.Order == "" && weight > 0
}

// orders notes what an operator has ordered.
func (r *report) orders(virtual string, rs *lvs.RealStatus) {
	if rs.Order != "" {
		r.notes = append(r.notes, fmt.Sprintf("%s of %s: %s ordered", rs.Name, virtual, rs.Order))
	}
	if rs.Ordered != nil {
		r.notes = append(r.notes, fmt.Sprintf("%s of %s: weight %d ordered", rs.Name, virtual, *rs.Ordered))
	}
}

// summary notes how many there are of everything.
func (r *report) summary(s *lvs.Status) {
	up, all := 0, 0
	for _, v := range s.VirtualServers {
		all += len(v.RealServers)
		for i := range v.RealServers {
			if v.RealServers[i].State == "up" {
				up++
			}
		}
	}
	r.notes = append(r.notes, fmt.Sprintf("virtual servers: %d, real servers up: %d of %d", len(s.VirtualServers), up, all))
}

// mostTexts bounds the line, which some schedulers cut at a few kilobytes: performance data comes after it.
const mostTexts = 8

// line is the report as plug-ins write it.
func (r *report) line() string {
	var texts []string
	for _, f := range r.findings {
		texts = append(texts, f.text)
	}
	texts = append(texts, r.notes...)
	if more := len(texts) - mostTexts; more > 0 {
		texts = append(texts[:mostTexts], fmt.Sprintf("and %d more", more))
	}
	return line(r.level, strings.Join(texts, "; "), strings.Join(r.figures, " "))
}

// line is a line of output.
func line(l level, text, figures string) string {
	out := "PIRANHA " + l.String() + " - " + clean(text)
	if figures != "" {
		out += " | " + figures
	}
	return out + "\n"
}

// clean takes out of a text what would end it, or steer a terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '|' || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// label is a name that may stand between quotes in performance data.
func label(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '=' || r == '\'' {
			return '?'
		}
		return r
	}, clean(name))
}
