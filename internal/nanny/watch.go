package nanny

import (
	"strconv"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/health"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// Watch is what is known of one real server: what the results of checks mean for it, and what the log says of them. How
// the checks are made, and who is told, is not its business. Not for use by several goroutines at once.
type Watch struct {
	log   *eventlog.Logger
	opts  *Options
	rules health.Rules

	rs, vs   string // names in messages
	state    health.State
	last     probe.Result // of the check before, to say what is new only
	standing Standing     // by the checks
	load     load
}

// NewWatch returns a Watch by the rules of o.
func NewWatch(o *Options, log *eventlog.Logger) *Watch {
	w := &Watch{
		log:   log,
		opts:  o,
		rules: health.Rules{Interval: o.Interval, Reentry: o.Reentry},
		rs:    o.real().String(),
		vs:    "fwmark " + strconv.FormatUint(uint64(o.Mark), 10),
	}
	if o.VirtualAddr.IsValid() || o.Mark == 0 {
		w.vs = joinAddr(o)
	}
	w.state = health.Start(w.rules)
	if o.KnownDown {
		w.state = health.StartDown()
	}
	return w
}

// Observe draws the consequences of a check.
func (w *Watch) Observe(r probe.Result) {
	before := w.state
	state, change := before.Observe(r.Up(), w.rules)
	w.state = state
	if w.log.Verbose() {
		w.debugCheck(before, r.Up(), change)
	}
	news := !r.SameKind(w.last)
	w.last = r
	reason := ""
	if !r.Up() && (news || change != health.None) {
		// A server that stays down for the same reason is not mentioned again; the original filled the log.
		reason = r.Reason()
		w.log.Info(failure(r, w.rs, w.opts.Program), "reason", reason)
		w.standing = Standing{Known: true, Reason: reason}
	}
	switch change {
	case health.Activate:
		w.log.Info("[ active ] making " + w.rs + " available")
		w.standing = Standing{Known: true, Up: true}
	case health.Deactivate:
		w.log.Info("[inactive] shutting down "+w.rs+" due to connection failure", "reason", reason)
	case health.Recover:
		reason = "passes again, " + strconv.Itoa(w.rules.Threshold()-1) + " more good checks needed"
		w.log.Info(w.rs+" "+reason, "reentry", w.opts.Reentry.String())
		w.standing = Standing{Known: true, Reason: reason}
	}
}

// Standing is what the outside should know of the server.
func (w *Watch) Standing() Standing { return w.load.over(w.standing) }
