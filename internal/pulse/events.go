package pulse

import (
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
)

// Types of events.
const (
	eventStart         = "start"
	eventStop          = "stop"
	eventState         = "state"
	eventStandby       = "standby"
	eventResume        = "resume"
	eventPartner       = "partner"
	eventPartnerState  = "partner_state"
	eventLinkLost      = "link_lost"
	eventLinkBack      = "link_back"
	eventReload        = "reload"
	eventReloadRefused = "reload_refused"
	eventLvsdUp        = "lvsd_up"
	eventLvsdDown      = "lvsd_down"
)

// eventData is the data of pulse's events. Field names are an API, described in doc/api.md.
type eventData struct {
	Role     string  `json:"role,omitempty"`
	State    string  `json:"state,omitempty"`
	Health   string  `json:"health,omitempty"` // of the other router
	Before   string  `json:"before,omitempty"` // the state or the health
	Lasted   float64 `json:"lasted,omitempty"` // seconds that state went on
	Channel  string  `json:"channel,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Pid      int     `json:"pid,omitempty"`
	SerialNo int64   `json:"serial_no,omitempty"`
}

// news is an event that is about to be published.
type news struct {
	kind, text string
	data       eventData
}

func (d *Daemon) tell(list ...news) {
	for _, n := range list {
		d.events.Publish(time.Now(), n.kind, n.text, n.data)
	}
}

// view is the part of the election's state that events are about.
type view struct {
	phase   election.Phase
	since   time.Time
	standby bool
	health  election.Health
	kind    election.Kind // of the partner's heartbeats; 0 while it is not known to be alive
}

func viewOf(s *election.State) view {
	v := view{phase: s.Phase, since: s.Since, standby: s.Standby, health: s.Partner.Health}
	if v.health == election.Alive {
		v.kind = s.Partner.Kind
	}
	return v
}

// to lists what there is to tell when the view changes.
func (v view) to(next view) (list []news) {
	if v.standby != next.standby {
		if next.standby {
			list = append(list, news{eventStandby, "on standby by an operator's wish", eventData{}})
		} else {
			list = append(list, news{eventResume, "no longer on standby", eventData{}})
		}
	}
	if v.health != next.health {
		e := eventData{Health: next.health.String(), Before: v.health.String()}
		list = append(list, news{eventPartner, "the other router " + healthWords[next.health], e})
	}
	if v.kind != next.kind && partnerStates[next.kind] != "" {
		list = append(list, news{eventPartnerState, "the other router is " + partnerStates[next.kind], eventData{State: partnerStates[next.kind]}})
	}
	if v.phase != next.phase {
		e := eventData{State: next.phase.String(), Before: v.phase.String()}
		text := "this router is " + e.State
		if !v.since.IsZero() {
			lasted := next.since.Sub(v.since)
			e.Lasted = lasted.Seconds()
			text += ", after " + brief(lasted) + " " + e.Before
		}
		list = append(list, news{eventState, text, e})
	}
	return list
}

var healthWords = map[election.Health]string{
	election.Unknown: "has not been heard yet",
	election.Alive:   "is alive",
	election.Dead:    "is dead: nothing is heard of it",
	election.Left:    "has left: it said farewell",
}

// partnerStates are what a partner says of itself; its questions and answers about a handover are not among them.
var partnerStates = map[election.Kind]string{election.Running: "active", election.Stopped: "inactive"}

// channelNames are those of the status.
var channelNames = [...]string{election.Public: "public", election.Private: "private"}

// linkNews lists which channels have lost their link, or have it again.
func linkNews(before, now [2]bool) (list []news) {
	for c, name := range channelNames {
		switch {
		case now[c] && !before[c]:
			list = append(list, news{eventLinkLost, "no link on the device of the " + name + " channel", eventData{Channel: name}})
		case before[c] && !now[c]:
			list = append(list, news{eventLinkBack, "link again on the device of the " + name + " channel", eventData{Channel: name}})
		}
	}
	return list
}

// tellReload tells how a reload has ended.
func (d *Daemon) tellReload() {
	if reason := d.reloadError; reason != "" {
		d.tell(news{eventReloadRefused, "lvs.cf is not taken: " + reason, eventData{Reason: reason}})
		return
	}
	text := "lvs.cf was read again, serial_no " + strconv.FormatInt(d.cfg.SerialNo, 10)
	d.tell(news{eventReload, text, eventData{SerialNo: d.cfg.SerialNo}})
}

func (d *Daemon) tellStart() {
	role := map[election.Role]string{election.Primary: "primary", election.Backup: "backup"}[d.role]
	d.tell(news{eventStart, "pulse has started as the " + role, eventData{Role: role, SerialNo: d.cfg.SerialNo}})
}

// brief is a duration as people want to read it.
func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
