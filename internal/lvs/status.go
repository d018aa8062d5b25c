package lvs

import (
	"context"
	"os"
	"time"

	"github.com/piranha-lvs/piranha/internal/history"
	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// Status is what lvs.sock answers to GET /v1/status. Field names are an API, described in doc/api.md.
type Status struct {
	Version        int             `json:"version"` // of this form: 1
	Pid            int             `json:"pid"`
	ConfigFile     string          `json:"config_file"`
	SerialNo       int64           `json:"serial_no"`
	ConfigLoaded   time.Time       `json:"config_loaded"`
	Active         bool            `json:"active"`          // false: on standby, the table is kept empty
	InStep         bool            `json:"in_step"`         // the kernel's table is as desired
	Error          string          `json:"error,omitempty"` // why it is not
	VirtualServers []VirtualStatus `json:"virtual_servers"`
	// Counting is false where the kernel's counters stand still: net.ipv4.vs.run_estimation is 0.
	Counting     bool   `json:"counting"`
	CounterError string `json:"counter_error,omitempty"` // why there is no traffic
	// Counted is when the traffic was read, which is done once a second at most; zero: it was not.
	Counted time.Time `json:"counted,omitzero"`

	keys [][]rowKey // of VirtualServers: the service, then its real servers
}

// VirtualStatus is an active virtual server.
type VirtualStatus struct {
	Name        string         `json:"name"`
	Service     string         `json:"service"` // as ipvsadm names it
	Scheduler   string         `json:"scheduler"`
	Traffic     *TrafficStatus `json:"traffic,omitempty"` // as of a real server
	RealServers []RealStatus   `json:"real_servers"`
}

// RealStatus is an active real server.
type RealStatus struct {
	Name    string    `json:"name"`
	Address string    `json:"address"` // of its row in the table
	State   string    `json:"state"`   // up, down, checking
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since"`  // of the last change of state
	Weight  int       `json:"weight"` // of lvs.cf
	Present bool      `json:"present"`
	Now     int       `json:"weight_now"`     // in the table, if present
	Load    string    `json:"load,omitempty"` // what its load monitor said last: load 0.5, share 75
	Pid     int       `json:"monitor_pid"`
	// NotChecked tells that nothing watches the server, as lvs.cf wants it: check = none.
	NotChecked bool         `json:"not_checked,omitempty"`
	LastCheck  *CheckStatus `json:"last_check,omitempty"` // nil: its monitor has not said
	// What an operator has ordered.
	Order      string    `json:"order,omitempty"`        // drain, maint
	Share      int       `json:"share,omitempty"`        // of its weight, in percent, while slow_start lasts
	DrainUntil time.Time `json:"drain_until,omitzero"`   // when drain becomes maint
	Ordered    *int      `json:"weight_order,omitempty"` // the weight instead of lvs.cf's
	// Traffic is nil where the server has no row, or the kernel's counters cannot be read.
	Traffic *TrafficStatus `json:"traffic,omitempty"`
}

// TrafficStatus is what the kernel has counted for a row since the row was made.
type TrafficStatus struct {
	Active      uint32 `json:"active_connections"`   // established
	Inactive    uint32 `json:"inactive_connections"` // others, such as those that are ending
	Connections uint64 `json:"connections"`
	InPackets   uint64 `json:"in_packets"`
	OutPackets  uint64 `json:"out_packets"` // with masquerading only, as out_bytes
	InBytes     uint64 `json:"in_bytes"`
	OutBytes    uint64 `json:"out_bytes"`
	// Rates are changes a second since somebody last looked, at least a second ago; nil: nobody has.
	Rates *ipvs.Rates `json:"rates,omitempty"`
}

func newTrafficStatus(t traffic) *TrafficStatus {
	s := &TrafficStatus{
		Active: t.Active, Inactive: t.Inactive, Connections: t.Counters.Connections, InPackets: t.Counters.InPackets,
		OutPackets: t.Counters.OutPackets, InBytes: t.Counters.InBytes, OutBytes: t.Counters.OutBytes,
	}
	if t.rated {
		s.Rates = &t.Rates
	}
	return s
}

// CheckStatus is how one check of a real server ended.
type CheckStatus struct {
	Time     time.Time `json:"time"`             // when it ended
	Duration float64   `json:"duration"`         // seconds
	Reason   string    `json:"reason,omitempty"` // why the server did not pass; empty if it did
}

func newCheckStatus(r history.Result) *CheckStatus {
	return &CheckStatus{Time: r.At, Duration: r.Duration.Seconds(), Reason: r.Reason}
}

// HistoryStatus is the last results of the checks of one real server: what lvs.sock answers to GET /v1/history.
type HistoryStatus struct {
	Virtual string        `json:"virtual"`
	Server  string        `json:"server"`
	Address string        `json:"address"` // of its row in the table
	Results []CheckStatus `json:"results"` // the oldest first
}

// Status may be called by any goroutine while Run goes on.
func (d *Daemon) Status(ctx context.Context) (Status, error) {
	answer := make(chan Status, 1)
	select {
	case d.questions <- func() { answer <- d.status() }:
		return <-answer, nil
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
}

func (d *Daemon) status() Status {
	s := Status{
		Version: 1, Pid: os.Getpid(), ConfigFile: d.opt.ConfigFile, SerialNo: d.cfg.SerialNo, ConfigLoaded: d.loaded,
		Active: d.active, InStep: !d.dirty && d.failed == "", Error: firstLine(d.failed), VirtualServers: []VirtualStatus{},
	}
	for _, svc := range d.plan {
		keys := []rowKey{{service: svc.row.Key}}
		v := VirtualStatus{
			Name: svc.name, Service: svc.row.Key.String(), Scheduler: svc.row.Scheduler, RealServers: []RealStatus{},
		}
		for _, rs := range svc.servers {
			h := d.health[rs.key]
			r := RealStatus{
				Name: rs.name, Address: rs.key.addr.String(), State: h.state.String(), Reason: h.reason, Since: h.since, Load: h.reading.String(), Weight: rs.row.Weight,
			}
			r.NotChecked = rs.monitor.none
			if last, ok := h.results.Last(); ok {
				r.LastCheck = newCheckStatus(last)
			}
			r.Share = h.share
			r.Order, r.DrainUntil = h.order.mode.String(), h.order.until
			if h.order.weighted {
				r.Ordered = &h.order.weight
			}
			if d.active {
				r.Now, r.Present = h.weight(rs.row.Weight, svc.quiesce)
			}
			if m := d.monitors[rs.key]; m != nil {
				r.Pid = m.pid
			}
			v.RealServers = append(v.RealServers, r)
			keys = append(keys, rs.key)
		}
		s.keys = append(s.keys, keys)
		s.VirtualServers = append(s.VirtualServers, v)
	}
	return s
}

// measure adds the traffic of the rows.
func (s *Status) measure(m *Meter, now time.Time) {
	s.Counting = estimating()
	if !s.Active || m == nil {
		return
	}
	all, at, err := m.look(now)
	if err != nil {
		s.CounterError = err.Error()
		return
	}
	s.Counted = at.Round(0)
	of := func(key rowKey) *TrafficStatus {
		if t, present := all[key]; present {
			return newTrafficStatus(t)
		}
		return nil
	}
	for i := range s.VirtualServers {
		v := &s.VirtualServers[i]
		v.Traffic = of(s.keys[i][0])
		for j := range v.RealServers {
			v.RealServers[j].Traffic = of(s.keys[i][1+j])
		}
	}
}

// History returns the results of the real servers of a virtual server, or of the one that is named; nil if there is none of
// that name. It may be called by any goroutine while Run goes on.
func (d *Daemon) History(ctx context.Context, virtual, server string) ([]HistoryStatus, error) {
	answer := make(chan []HistoryStatus, 1)
	select {
	case d.questions <- func() { answer <- d.history(virtual, server) }:
		return <-answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *Daemon) history(virtual, server string) (list []HistoryStatus) {
	for _, svc := range d.plan {
		if svc.name != virtual {
			continue
		}
		if server == "" {
			list = []HistoryStatus{}
		}
		for _, rs := range svc.servers {
			if server != "" && rs.name != server {
				continue
			}
			h := HistoryStatus{Virtual: svc.name, Server: rs.name, Address: rs.key.addr.String(), Results: []CheckStatus{}}
			for r := range d.health[rs.key].results.All() {
				h.Results = append(h.Results, *newCheckStatus(r))
			}
			list = append(list, h)
		}
	}
	return list
}

// SetActive fills the table, or empties it, and returns when that is done, with how many changes it took. It may be
// called by any goroutine while Run goes on; an error means that the table is not (yet) as asked, and is being worked on.
func (d *Daemon) SetActive(ctx context.Context, active bool) (writes int, err error) {
	return d.ask(ctx, func() (int, error) { return d.setActive(active) })
}

// ask has the loop change the table.
func (d *Daemon) ask(ctx context.Context, change func() (writes int, err error)) (int, error) {
	type outcome struct {
		writes int
		err    error
	}
	answer := make(chan outcome, 1)
	select {
	case d.questions <- func() {
		writes, err := change()
		answer <- outcome{writes, err}
	}:
		o := <-answer
		return o.writes, o.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (d *Daemon) setActive(active bool) (int, error) {
	changed := d.active != active
	d.active = active
	d.dirty = d.dirty || changed || d.stale
	writes, err := d.settle()
	if n := refusals(err); writes > 0 && n > 0 && n != everything {
		err = nil // the others are in place; what was refused is in the log, and tried again
	}
	d.log.Info(map[bool]string{true: "active", false: "on standby"}[active], "writes", itoa(writes))
	switch {
	case changed && active:
		d.tell(eventActive, "active, writes="+itoa(writes), eventData{Writes: writes})
	case changed:
		d.tell(eventStandby, "on standby, writes="+itoa(writes), eventData{Writes: writes})
	}
	return writes, err
}
