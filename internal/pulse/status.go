package pulse

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
)

// Status is what pulse.sock answers to GET /v1/status. Field names are an API, described in doc/api.md.
type Status struct {
	Version   int           `json:"version"` // of this form: 1
	Pid       int           `json:"pid"`
	Role      string        `json:"role"`  // primary, backup
	State     string        `json:"state"` // phase of the election: active, inactive, …
	Since     time.Time     `json:"since"`
	Standby   bool          `json:"standby"` // by the operator
	LinkDown  bool          `json:"link_down"`
	LvsdPid   int           `json:"lvsd_pid"`   // 0: it does not run
	LostLinks []string      `json:"lost_links"` // channels whose device has no link
	SerialNo  int64         `json:"serial_no"`
	Loaded    time.Time     `json:"config_loaded"`          // when the lvs.cf in force was read
	LoadTried time.Time     `json:"config_tried"`           // when the last attempt at reading one ended
	LoadError string        `json:"config_error,omitempty"` // why a later one was not taken
	Servers   *Servers      `json:"servers,omitempty"`      // absent: lvsd does not run, or has not said
	Addresses []string      `json:"addresses"`              // that float
	Partner   PartnerStatus `json:"partner"`
}

// PartnerStatus is what is known of the other router.
type PartnerStatus struct {
	Expected   bool       `json:"expected"`          // backup_active = 1: there is another router
	Health     string     `json:"health"`            // unknown, alive, dead, left
	State      string     `json:"state,omitempty"`   // active, inactive: what it says of itself
	Since      *time.Time `json:"since,omitempty"`   // since when, as it says; absent: it does not
	Original   bool       `json:"original"`          // it sends no more than an original router
	SerialNo   int64      `json:"serial_no"`         // of its lvs.cf
	SameConfig bool       `json:"same_config"`       // its lvs.cf means the same
	Servers    *Servers   `json:"servers,omitempty"` // of its lvsd; absent: it has not said
	Public     *float64   `json:"public_heard_ago"`  // seconds; null: never
	Private    *float64   `json:"private_heard_ago"` // seconds; null: never
}

// heard remembers what a heartbeat says beside the election.
func (d *Daemon) heard(m heartbeat.Message) {
	if m.Decides && m.Packet.Trailer {
		d.partnerSerial, d.partnerDigest = m.Packet.Serial, m.Packet.Digest
		d.partnerSince = m.At.Add(-m.Packet.Held)
		d.partners = Servers{Up: m.Packet.Up, Configured: m.Packet.Configured}
	}
}

func (d *Daemon) status() Status {
	now, s := time.Now(), d.state
	st := Status{
		Version: 1, Pid: os.Getpid(), Role: map[election.Role]string{election.Primary: "primary", election.Backup: "backup"}[d.role],
		State: s.Phase.String(), Since: s.Since, Standby: s.Standby, LinkDown: s.LinkDown, LvsdPid: d.lvsdPid, SerialNo: d.cfg.SerialNo,
		Loaded: d.loaded, LoadTried: d.tried, LoadError: d.reloadError, Addresses: []string{}, LostLinks: []string{}, Servers: d.servers.known(),
		Partner: PartnerStatus{
			Expected: d.cfg.BackupActive, Health: s.Partner.Health.String(), Original: s.Partner.Health == election.Alive && !s.Partner.Trailer,
			SerialNo: d.partnerSerial, SameConfig: d.partnerDigest == [8]byte(d.digest[:8]), Servers: d.partners.known(),
			Public: ago(now, s.Partner.Heard[election.Public]), Private: ago(now, s.Partner.Heard[election.Private]),
		},
	}
	switch s.Partner.Kind {
	case election.Running:
		st.Partner.State = "active"
	case election.Stopped:
		st.Partner.State = "inactive"
	}
	if !d.partnerSince.IsZero() && s.Partner.Health == election.Alive && s.Partner.Trailer {
		since := d.partnerSince
		st.Partner.Since = &since
	}
	for c, name := range channelNames {
		if d.links[c] {
			st.LostLinks = append(st.LostLinks, name)
		}
	}
	for _, a := range d.wanted {
		st.Addresses = append(st.Addresses, a.Addr.String())
	}
	return st
}

func ago(now, then time.Time) *float64 {
	if then.IsZero() {
		return nil
	}
	seconds := now.Sub(then).Seconds()
	return &seconds
}

// callTime bounds how long a call waits for the loop.
const callTime = 5 * time.Second

var errBusy = errors.New("pulse does not answer")

// inLoop has the loop do something and waits for it.
func (d *Daemon) inLoop(ctx context.Context, f func()) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	done := make(chan struct{})
	select {
	case d.asked <- func() { f(); close(done) }:
		<-done
		return nil
	case <-d.ctx.Done():
		return errBusy
	case <-ctx.Done():
		return errBusy
	}
}

// Handler answers the calls of pulse.sock. Those that act are for root and operators.
func (d *Daemon) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		var s Status
		if err := d.inLoop(r.Context(), func() { s = d.status() }); err != nil {
			control.Fail(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		control.Reply(w, http.StatusOK, s)
	})
	mux.HandleFunc("GET /v1/events", d.events.Handler())
	for name, act := range map[string]func(){
		"reload":     d.reload,
		"switchover": func() { d.step(election.Switchover{}) },
		"standby":    func() { d.step(election.EnterStandby{}); d.keepStandby() },
		"resume":     func() { d.step(election.Resume{}); d.keepStandby() },
	} {
		mux.HandleFunc("POST /v1/"+name, control.Operated(d.serveAct(act)))
	}
	mux.HandleFunc("POST /v1/reexec", control.Privileged(d.serveReexec))
	return mux
}

func (d *Daemon) serveAct(act func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		refused := ""
		err := d.inLoop(r.Context(), func() {
			d.refused = ""
			act()
			refused = d.refused
		})
		switch {
		case err != nil:
			control.Fail(w, http.StatusServiceUnavailable, err.Error())
		case refused != "":
			control.Fail(w, http.StatusConflict, refused)
		default:
			control.Reply(w, http.StatusAccepted, map[string]string{})
		}
	}
}
