package nanny

import (
	"strconv"
	"time"

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
	last     probe.Result // of the last check, to say what is new only
	untold   bool         // how it ended
	news     bool         // it ended otherwise than the one that was last told of
	told     time.Time    // when that was
	standing Standing     // by the checks
	load     load
}

// NewWatch returns a Watch by the rules of o.
func NewWatch(o *Options, log *eventlog.Logger) *Watch {
	w := &Watch{}
	w.begin(o, log)
	return w
}

func (w *Watch) begin(o *Options, log *eventlog.Logger) {
	*w = Watch{
		log:   log,
		opts:  o,
		rules: health.Rules{Interval: o.Interval, Reentry: o.Reentry, Rise: o.Rise, Fall: o.Fall},
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
}

// Observe draws the consequences of a check.
func (w *Watch) Observe(r *probe.Result) {
	before := w.state
	state, change := before.Observe(r.Up(), w.rules)
	w.state = state
	if w.log.Verbose() {
		w.debugCheck(before, r.Up(), change)
	}
	news := !r.SameKind(&w.last)
	w.last, w.untold, w.news = *r, true, w.news || news
	reason := ""
	if !r.Up() && (news || change == health.Deactivate) {
		// A server that stays down for the same reason is not mentioned again; the original filled the log.
		reason = r.Reason()
		w.log.Info(failure(r, w.rs, w.opts), "reason", reason)
		if !state.Active {
			w.standing = Standing{Known: true, Reason: reason}
		}
	}
	w.draw(change, news, reason)
}

// draw draws the consequences of a change. It is apart so that a nanny's stack need not grow when its server fails: 20 kB.
func (w *Watch) draw(change health.Change, news bool, reason string) {
	switch change {
	case health.Activate:
		w.log.Info("[ active ] making " + w.rs + " available")
		w.standing = Standing{Known: true, Up: true}
	case health.Deactivate:
		w.log.Info("[inactive] shutting down "+w.rs+" due to connection failure", "reason", reason)
	case health.Recover:
		reason = "passes again, " + strconv.Itoa(w.rules.Threshold()-1) + " more good checks needed"
		if w.rules.Rise > 0 {
			w.log.Info(w.rs+" "+reason, "rise", strconv.Itoa(w.rules.Rise))
		} else {
			w.log.Info(w.rs+" "+reason, "reentry", w.opts.Reentry.String())
		}
		w.standing = Standing{Known: true, Reason: reason}
	case health.Waver:
		if news {
			w.log.Info(w.rs+" stays in service until "+strconv.Itoa(w.rules.Fall)+" checks in a row fail", "failed", strconv.Itoa(w.state.Failed))
		}
	}
}

// resultPause is how long nothing is told of checks that end alike: a second, less what a check may come early.
const resultPause = 900 * time.Millisecond

// ResultDue tells whether lvsd should be told how the last check ended: always if it ended otherwise than the one it was last
// told of, else not too often.
func (w *Watch) ResultDue(now time.Time) bool {
	return w.untold && (w.news || now.Sub(w.told) >= resultPause)
}

// ResultTold says that lvsd has been told.
func (w *Watch) ResultTold(now time.Time) { w.untold, w.news, w.told = false, false, now }

// AppendResult appends the line that tells how the last check ended: "passed" or "failed", the microseconds it took, and
// why. It begins with who.
func (w *Watch) AppendResult(b []byte, who string) []byte {
	word := "failed "
	if w.last.Up() {
		word = "passed "
	}
	b = append(append(b, who...), word...)
	b = strconv.AppendInt(b, w.last.Duration.Microseconds(), 10)
	if !w.last.Up() {
		b = w.last.AppendReason(append(b, ' '))
	}
	return append(b, '\n')
}

// Standing is what the outside should know of the server.
func (w *Watch) Standing() Standing { return w.load.over(w.standing) }
