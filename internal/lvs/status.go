package lvs

import (
	"context"
	"os"
	"time"

	"github.com/piranha-lvs/piranha/internal/history"
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
}

// VirtualStatus is an active virtual server.
type VirtualStatus struct {
	Name        string       `json:"name"`
	Service     string       `json:"service"` // as ipvsadm names it
	Scheduler   string       `json:"scheduler"`
	RealServers []RealStatus `json:"real_servers"`
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
		Active: d.active, InStep: !d.dirty && !d.stale, Error: d.failed, VirtualServers: []VirtualStatus{},
	}
	for _, svc := range d.plan {
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
			if d.active {
				r.Now, r.Present = h.weight(rs.row.Weight, svc.quiesce)
			}
			if m := d.monitors[rs.key]; m != nil {
				r.Pid = m.pid
			}
			v.RealServers = append(v.RealServers, r)
		}
		s.VirtualServers = append(s.VirtualServers, v)
	}
	return s
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
	type outcome struct {
		writes int
		err    error
	}
	answer := make(chan outcome, 1)
	select {
	case d.questions <- func() {
		writes, err := d.setActive(active)
		answer <- outcome{writes, err}
	}:
		o := <-answer
		return o.writes, o.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (d *Daemon) setActive(active bool) (int, error) {
	if d.active != active {
		d.active, d.dirty = active, true
	}
	writes, err := d.settle()
	if n := refusals(err); writes > 0 && n > 0 && n != everything {
		err = nil // the others are in place; what was refused is in the log, and tried again
	}
	d.log.Info(map[bool]string{true: "active", false: "on standby"}[active], "writes", itoa(writes))
	return writes, err
}
