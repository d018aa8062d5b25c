package lvs

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Status is what lvs.sock answers to GET /v1/status. Field names are an API, described in doc/api.md.
type Status struct {
	Version        int             `json:"version"` // of this form: 1
	Pid            int             `json:"pid"`
	ConfigFile     string          `json:"config_file"`
	SerialNo       int64           `json:"serial_no"`
	ConfigLoaded   time.Time       `json:"config_loaded"`
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
	Now     int       `json:"weight_now"` // in the table, if present
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
		InStep: !d.dirty && !d.stale, Error: d.failed, VirtualServers: []VirtualStatus{},
	}
	for _, svc := range d.plan {
		v := VirtualStatus{
			Name: svc.name, Service: svc.row.Key.String(), Scheduler: svc.row.Scheduler, RealServers: []RealStatus{},
		}
		for _, rs := range svc.servers {
			h := d.health[rs.key]
			r := RealStatus{
				Name: rs.name, Address: rs.key.addr.String(), State: h.state.String(), Reason: h.reason, Since: h.since, Weight: rs.row.Weight,
			}
			r.Now, r.Present = h.weight(rs.row.Weight, svc.quiesce)
			if m := d.monitors[rs.key]; m != nil {
				r.Pid = m.pid
			}
			v.RealServers = append(v.RealServers, r)
		}
		s.VirtualServers = append(s.VirtualServers, v)
	}
	return s
}

// Handler answers the calls of lvs.sock. All of them only read; who may connect is up to the socket's mode.
func (d *Daemon) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		status, err := d.Status(ctx)
		if err != nil {
			http.Error(w, "lvsd does not answer", http.StatusServiceUnavailable)
			return
		}
		text, err := json.Marshal(status)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write(text) // a caller that has gone is no concern of ours
	})
	return mux
}

// Serve answers calls on l until ctx is done.
func (d *Daemon) Serve(ctx context.Context, l net.Listener) {
	server := &http.Server{
		Handler:           d.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	_ = server.Serve(l) // ends with the listener
}
