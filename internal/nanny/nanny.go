package nanny

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/health"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/probe"
	"github.com/piranha-lvs/piranha/internal/program"
)

// checker makes one attempt at the server.
type checker interface{ Run() probe.Result }

// Nanny watches one real server. Everything happens in the goroutine that calls Run.
type Nanny struct {
	log    *eventlog.Logger
	opts   *Options
	rules  health.Rules
	check  checker
	outlet outlet
	events *events

	rs, vs   string // names in messages
	state    health.State
	forced   bool
	last     probe.Result // of the check before, to say what is new only
	standing standing     // by the checks
	load     load
}

// Exit is how a nanny ended if not by a signal. What there was to say is in the log.
type Exit struct{ Code int }

// Error is empty: the log has the words.
func (*Exit) Error() string { return "" }

// ExitCode returns the exit status.
func (e *Exit) ExitCode() int { return e.Code }

// Exit statuses of the original.
const (
	exitWithdraw = 1   // the row could not be removed at the end
	exitService  = 255 // the virtual service does not exist
)

// Full is what only some checks need and would make every nanny larger. The zero value is a small nanny's.
type Full struct {
	// Regex compiles the regular expression of --regex.
	Regex func(pattern string) (match func(reply []byte) bool, err error)
}

// New prepares a nanny. Signals is the read end of a pipe that brings the number of every signal as one byte.
func New(o *Options, log *eventlog.Logger, signals int, full Full) (n *Nanny, err error) {
	n = &Nanny{
		log:   log,
		opts:  o,
		rules: health.Rules{Interval: o.Interval, Reentry: o.Reentry},
		rs:    o.real().String(),
		vs:    "fwmark " + strconv.FormatUint(uint64(o.Mark), 10),
	}
	if o.VirtualAddr.IsValid() || o.Mark == 0 {
		n.vs = joinAddr(o)
	}
	n.state = health.Start(n.rules)
	if o.KnownDown {
		n.state = health.StartDown()
	}
	n.events = newEvents(signals, o.ReportFD)
	if n.check, err = newChecker(o, full, n.events.wake()); err != nil {
		return nil, err
	}
	if n.load, err = newLoad(o, n.events.wake()); err != nil {
		return nil, err
	}
	n.outlet, err = newOutlet(o, log)
	return n, err
}

// newChecker is the check that the options ask for. As in the original, the interval is also the limit of each step of it.
func newChecker(o *Options, full Full, wake []unix.PollFd) (_ checker, err error) {
	check := probe.Check{Send: o.Send, Expect: o.Expect, HasExpect: o.HasExpect, Timeout: o.Interval}
	if o.Program != "" {
		argv := program.Expand(program.Split(o.Program), o.Server.String(), strconv.Itoa(int(o.RealPort)))
		return probe.NewScript(argv, os.Environ(), check, wake...)
	}
	if o.Full() {
		if check.Match, err = full.Regex(o.Expect); err != nil {
			return nil, err
		}
	}
	target := probe.Target{Protocol: probe.TCP, Addr: o.real()}
	if o.UDP {
		target.Protocol = probe.UDP
	}
	return probe.New(target, check, wake...)
}

func newOutlet(o *Options, log *eventlog.Logger) (outlet, error) {
	switch {
	case o.ReportFD >= 0:
		return newReport(o.ReportFD)
	case o.DryRun:
		return nothing{}, nil
	}
	return &row{
		dial:        dialTable,
		log:         log,
		service:     ipvs.Service{Key: o.service()},
		destination: o.destination(),
		quiesce:     o.Quiesce,
		scale:       o.Scale,
	}, nil
}

// Run watches the server until a signal ends it (nil), lvsd is gone (nil) or the work has become impossible (an *Exit).
func (n *Nanny) Run() error {
	n.greet()
	for due := time.Now(); ; {
		switch e := n.events.next(due); e {
		case tick:
			if !n.forced {
				r := n.check.Run()
				if r.Outcome == probe.Interrupted {
					continue // by an event, which comes first now
				}
				n.observe(r)
				n.measure(time.Now())
			}
			due = health.Next(due, time.Now(), n.rules)
		case lvsdGone:
			n.log.Info("lvsd is gone")
			return nil
		case event(unix.SIGTERM), event(unix.SIGINT):
			return n.terminate(int(e))
		case event(unix.SIGUSR1):
			n.force(false)
		case event(unix.SIGUSR2):
			n.force(true)
		case event(unix.SIGHUP):
			n.release()
			due = time.Now()
		}
		if err := n.outlet.publish(n.now()); err != nil {
			return &Exit{Code: exitService}
		}
	}
}

// now is what the outside should know.
func (n *Nanny) now() standing {
	if n.forced {
		return n.standing
	}
	return n.load.over(n.standing)
}

func (n *Nanny) terminate(signal int) error {
	n.log.Info("Terminating due to signal " + strconv.Itoa(signal))
	if err := n.outlet.withdraw(); err != nil {
		n.log.Error("cannot remove the real server", "rs", n.rs, "err", err.Error())
		return &Exit{Code: exitWithdraw}
	}
	return nil
}

// observe draws the consequences of a check.
func (n *Nanny) observe(r probe.Result) {
	before := n.state
	state, change := before.Observe(r.Up(), n.rules)
	n.state = state
	if n.log.Verbose() {
		n.debugCheck(before, r.Up(), change)
	}
	news := !r.SameKind(n.last)
	n.last = r
	reason := ""
	if !r.Up() && (news || change != health.None) {
		// A server that stays down for the same reason is not mentioned again; the original filled the log.
		reason = r.Reason()
		n.log.Info(failure(r, n.rs, n.opts.Program), "reason", reason)
		n.standing = standing{known: true, reason: reason}
	}
	switch change {
	case health.Activate:
		n.log.Info("[ active ] making " + n.rs + " available")
		n.standing = standing{known: true, up: true}
	case health.Deactivate:
		n.log.Info("[inactive] shutting down "+n.rs+" due to connection failure", "reason", reason)
	case health.Recover:
		reason = "passes again, " + strconv.Itoa(n.rules.Threshold()-1) + " more good checks needed"
		n.log.Info(n.rs+" "+reason, "reentry", n.opts.Reentry.String())
		n.standing = standing{known: true, reason: reason}
	}
}

// force puts the server into service or out of it until SIGHUP, without further checks.
func (n *Nanny) force(up bool) {
	n.forced = true
	n.state, _ = n.state.Force(up)
	if up {
		n.log.Info("rose-colored glasses on", "rs", n.rs)
		n.log.Debug("DEBUG -- In nextState = 2")
		n.standing = standing{known: true, up: true}
		return
	}
	n.log.Info("opaque glasses on", "rs", n.rs)
	n.log.Debug("DEBUG -- In nextState = 3")
	n.standing = standing{known: true, reason: "forced down by a signal"}
}

// release returns to checks, the first of which decides alone.
func (n *Nanny) release() {
	n.log.Info("DEBUG -- removing glasses", "rs", n.rs)
	n.forced = false
	n.state = n.state.Release(n.rules)
	n.last = probe.Result{} // whatever comes is news
}
