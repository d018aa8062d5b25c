package pulse

import (
	"net/http"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// serveReexec has the program that is installed now take the place of this one, in this very process: after an upgrade, without the
// pause that a stop and a start would have. Floating addresses and the table stay as they are; the partner
// hears the next heartbeat in time.
func (d *Daemon) serveReexec(w http.ResponseWriter, r *http.Request) {
	// What would keep the new one from starting would end the service here.
	if _, err := Load(d.opt.ConfigFile); err != nil {
		control.Fail(w, http.StatusConflict, err.Error())
		return
	}
	refused := ""
	if err := d.inLoop(r.Context(), func() { refused = d.unsettled() }); err != nil {
		control.Fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	if refused != "" {
		control.Fail(w, http.StatusConflict, refused)
		return
	}
	control.Reply(w, http.StatusAccepted, map[string]string{})
	_ = http.NewResponseController(w).Flush() // afterwards there is nobody to answer
	d.do(d.reexec)
}

// unsettled says what a new program could not take over in the middle of.
func (d *Daemon) unsettled() string {
	phase := d.state.Phase
	switch {
	case phase != election.Active && phase != election.Inactive:
		return "not while this router is " + phase.String()
	case !d.child.up() && (phase == election.Active || d.cfg.Standby != lvscf.Cold):
		return "not before lvsd answers"
	}
	return ""
}

// reexec ends lvsd as a crash would, so that it leaves its rows, and runs the program. If that fails lvsd is started again.
func (d *Daemon) reexec() {
	if d.unsettled() != "" {
		return // since the caller was answered; it will see that nothing has happened
	}
	d.log.Info("going on as the program that is installed now")
	d.log.Flush()
	d.child.vanish()
	err := d.exec(d.state.Phase == election.Active)
	d.log.Error("still the same program", "err", err.Error())
}
