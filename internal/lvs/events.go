package lvs

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// Types of events.
const (
	eventStart         = "start"
	eventStop          = "stop"
	eventServerUp      = "server_up"
	eventServerDown    = "server_down"
	eventUnwatched     = "server_unwatched"
	eventServiceUp     = "service_up"
	eventServiceDown   = "service_down"
	eventSorryIn       = "sorry_in"
	eventSorryOut      = "sorry_out"
	eventOrder         = "order"
	eventReload        = "reload"
	eventReloadRefused = "reload_refused"
	eventRepair        = "repair"
	eventActive        = "active"
	eventStandby       = "standby"
	eventKernelError   = "kernel_error"
	eventKernelOK      = "kernel_ok"
)

// eventData is the data of lvsd's events. Field names are an API, described in doc/api.md.
type eventData struct {
	Virtual  string   `json:"virtual,omitempty"`
	Server   string   `json:"server,omitempty"`
	Address  string   `json:"address,omitempty"` // of the row, as in the status
	Before   string   `json:"before,omitempty"`  // state
	Lasted   float64  `json:"lasted,omitempty"`  // seconds that what is over went on
	Reason   string   `json:"reason,omitempty"`
	Order    string   `json:"order,omitempty"`
	SerialNo int64    `json:"serial_no,omitempty"`
	Writes   int      `json:"writes,omitempty"`
	Changes  []string `json:"changes,omitempty"`
	More     int      `json:"more,omitempty"` // changes that are not listed
}

// maxChanges is how many changes an event lists.
const maxChanges = 100

func (e *eventData) setChanges(all []string) {
	e.Changes = all[:min(len(all), maxChanges)]
	e.More = len(all) - len(e.Changes)
}

// tell publishes an event.
func (d *Daemon) tell(kind, text string, data eventData) {
	d.events.Publish(time.Now(), kind, text, data)
}

// tellServer tells that a server's state has changed from before, in which it was since then.
func (d *Daemon) tellServer(rs server, before state, since time.Time) {
	h := d.health[rs.key]
	e := eventData{Virtual: rs.virtual, Server: rs.name, Address: rs.key.addr.String(), Before: before.String(), Reason: h.reason}
	text, kind := rs.virtual+" "+rs.name+" is "+h.state.String(), eventServerUp
	if h.state == down {
		kind = eventServerDown
		text += ": " + h.reason
	}
	lasted := h.since.Sub(since)
	e.Lasted = lasted.Seconds()
	if before != unknown {
		text += ", after " + brief(lasted) + " " + before.String()
	}
	d.tell(kind, text, e)
}

// tellServices tells of the virtual servers that have lost their last real server, and of those that have one again.
func (d *Daemon) tellServices() {
	seen := make(map[ipvs.ServiceKey]time.Time, len(d.unserved))
	for _, s := range d.plan {
		since, was := d.unserved[s.row.Key]
		is := d.isUnserved(s, was)
		e := eventData{Virtual: s.name, Address: s.row.Key.String()}
		switch {
		case is && !was:
			since = time.Now()
			d.tell(eventServiceDown, s.name+" has no real server left", e)
		case was && !is:
			lasted := time.Since(since)
			e.Lasted = lasted.Seconds()
			d.tell(eventServiceUp, s.name+" is served again, after "+brief(lasted), e)
		}
		if is {
			seen[s.row.Key] = since
		}
	}
	d.unserved = seen
}

// isUnserved tells whether no real server of a service takes connections. While servers are checked for the first time, that is
// as it was.
func (d *Daemon) isUnserved(s service, was bool) bool {
	if d.living(s) > 0 {
		return false
	}
	return was || !slices.ContainsFunc(s.servers, func(rs server) bool { return d.health[rs.key].undecided() })
}

// tellReload tells what another lvs.cf has changed.
func (d *Daemon) tellReload(before plan, writes int) {
	changes := changes(before, d.plan)
	e := eventData{SerialNo: d.cfg.SerialNo, Writes: writes}
	e.setChanges(changes)
	d.tell(eventReload, "lvs.cf was read again, serial_no "+strconv.FormatInt(e.SerialNo, 10)+": "+few(changes), e)
}

// tellRepair tells what somebody else has done to the table.
func (d *Daemon) tellRepair(repairs []string) {
	e := eventData{Reason: "changed by somebody else"}
	e.setChanges(repairs)
	d.tell(eventRepair, "the kernel's table was changed by somebody else; repairing: "+few(repairs), e)
}

// few lists the first of many.
func few(all []string) string {
	const most = 3
	switch n := len(all) - most; {
	case len(all) == 0:
		return "no virtual or real server has changed"
	case n > 0:
		return strings.Join(all[:most], ", ") + ", and " + itoa(n) + " more"
	}
	return strings.Join(all, ", ")
}

// changes lists in which virtual and real servers two plans differ.
func changes(before, after plan) (list []string) {
	old, kept := before.byKey(), after.byKey()
	for _, s := range before {
		if kept[s.row.Key] == nil {
			list = append(list, s.name+" removed")
		}
	}
	for i := range after {
		s := &after[i]
		if was := old[s.row.Key]; was != nil {
			list = append(list, serviceChanges(was, s)...)
		} else {
			list = append(list, s.name+" added")
		}
	}
	return list
}

func serviceChanges(was, s *service) (list []string) {
	switch {
	case was.name != s.name:
		list = append(list, s.name+" was called "+was.name)
	case was.row.Scheduler != s.row.Scheduler:
		list = append(list, s.name+" scheduler "+was.row.Scheduler+" to "+s.row.Scheduler)
	case was.row != s.row || was.quiesce != s.quiesce || !samePointee(was.sorry, s.sorry):
		list = append(list, s.name+" changed")
	}
	old, kept := map[rowKey]*server{}, map[rowKey]bool{}
	for i := range was.servers {
		old[was.servers[i].key] = &was.servers[i]
	}
	for i := range s.servers {
		kept[s.servers[i].key] = true
	}
	for i := range was.servers {
		if rs := &was.servers[i]; !kept[rs.key] {
			list = append(list, s.name+" "+rs.name+" removed")
		}
	}
	for i := range s.servers {
		if change := serverChange(old[s.servers[i].key], &s.servers[i]); change != "" {
			list = append(list, s.name+" "+s.servers[i].name+" "+change)
		}
	}
	return list
}

// serverChange is what has changed about a real server; nil: there was none.
func serverChange(was, rs *server) string {
	switch {
	case was == nil:
		return "added"
	case was.name != rs.name:
		return "was called " + was.name
	case was.row.Weight != rs.row.Weight:
		return "weight " + itoa(was.row.Weight) + " to " + itoa(rs.row.Weight)
	case was.row != rs.row:
		return "changed"
	case !was.monitor.same(rs.monitor):
		return "check changed"
	}
	return ""
}

func samePointee[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// brief is a duration as people want to read it.
func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// firstLine of an error that may have many.
func firstLine(text string) string {
	line, rest, _ := strings.Cut(text, "\n")
	if rest != "" {
		return line + ", and " + itoa(1+strings.Count(rest, "\n")) + " more"
	}
	return line
}

// inWords are changes as ipvsadm would make them.
func inWords(ops []ipvs.Op) []string {
	list := make([]string, len(ops))
	for i, o := range ops {
		list[i] = o.String()
	}
	return list
}
