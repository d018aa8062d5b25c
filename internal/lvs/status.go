package lvs

import (
	"context"
	"os"
	"time"
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
