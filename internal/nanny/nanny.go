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
	Watch
	check  checker
	outlet outlet
	events *events
	forced bool
	lacks  bool // the last check could not be made
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
	// Check prepares a check of a kind that takes more than sockets and texts.
	Check func(o *Options) (Heavy, error)
	// Regex compiles the regular expression of --regex.
	Regex func(pattern string) (match func(reply []byte) bool, err error)
}

// New prepares a nanny. Signals is the read end of a pipe that brings the number of every signal as one byte.
func New(o *Options, log *eventlog.Logger, signals int, full Full) (n *Nanny, err error) {
	n = &Nanny{}
	n.begin(o, log)
	n.events = newEvents(signals, o.ReportFD)
	if n.check, err = newChecker(o, full, n.events.wake()); err != nil {
		return nil, err
	}
	var env []string // which costs memory
	if o.LoadCommand != "" {
		env = os.Environ()
	}
	if err := n.WeighBy(env, n.events.wake()...); err != nil {
		return nil, err
	}
	n.outlet, err = newOutlet(o, log)
	return n, err
}

// newChecker is the check that the options ask for.
func newChecker(o *Options, full Full, wake []unix.PollFd) (checker, error) {
	if o.Program != "" {
		return NewScript(o, os.Environ(), wake...)
	}
	if o.Check.heavy() {
		check, err := full.Check(o)
		if err != nil {
			return nil, err
		}
		return newInterruptible(check, nil, wake)
	}
	target, check, err := Exchange(o, full)
	if err != nil {
		return nil, err
	}
	return probe.New(target, check, wake...)
}

// NewScript is the check by a program.
func NewScript(o *Options, env []string, wake ...unix.PollFd) (*probe.Script, error) {
	return probe.NewScript(scriptArgv(o), env, probe.Check{Expect: o.Expect, HasExpect: o.HasExpect, Timeout: o.Interval}, wake...)
}

// scriptArgv is the program with the address and the port that are checked.
func scriptArgv(o *Options) []string {
	at := o.Checked()
	return program.Expand(program.Split(o.Program), at.Addr().String(), strconv.Itoa(int(at.Port())))
}

// Exchange is the check by connecting, sending and expecting. As in the original, the interval is also the limit of each
// step of it.
func Exchange(o *Options, full Full) (t probe.Target, c probe.Check, err error) {
	t = probe.Target{Protocol: probe.TCP, Addr: o.Checked(), Source: o.CheckSource}
	if o.UsesUDP() {
		t.Protocol = probe.UDP
	}
	c = probe.Check{Send: o.Send, Expect: o.Expect, HasExpect: o.HasExpect, Timeout: o.Interval}
	if o.regex() {
		c.Match, err = full.Regex(o.Expect)
	}
	return t, c, err
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
	n.Greet()
	for due := time.Now(); ; {
		switch e := n.events.next(due); e {
		case tick:
			if !n.forced {
				r := n.check.Run()
				if r.Outcome == probe.Interrupted {
					continue // by an event, which comes first now
				}
				if err := n.take(&r); err != nil {
					return &Exit{Code: exitService}
				}
			}
			due = n.next(due)
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

// LackPause is how long to wait before making a check again that could not be made for what this host lacks.
const LackPause = time.Second

// take draws the consequences of a check. What this host lacks has none for the server.
func (n *Nanny) take(r *probe.Result) error {
	said := n.lacks
	if n.lacks = r.Lacks(); n.lacks {
		if !said {
			n.log.Warn(failure(r, n.rs, n.opts)+", which says nothing of the server", "rs", n.rs, "reason", r.Reason())
		}
		return nil
	}
	n.Observe(r)
	n.outlet.tell(&n.Watch, time.Now())
	return n.measure(time.Now())
}

// next is when the next check is due.
func (n *Nanny) next(due time.Time) time.Time {
	now := time.Now()
	if n.lacks {
		return now.Add(min(n.rules.Interval, LackPause))
	}
	return health.Next(due, now, n.rules)
}

// now is what the outside should know.
func (n *Nanny) now() Standing {
	if n.forced {
		return n.standing
	}
	return n.Standing()
}

// measure asks for the load if it is time to.
func (n *Nanny) measure(now time.Time) error {
	if !n.LoadDue(now) {
		return nil
	}
	if s := n.now(); !s.Up { // nobody waits for an agent to learn that its server is down
		if err := n.outlet.publish(s); err != nil {
			return err
		}
	}
	n.TakeLoad(now, n.AskLoad())
	return nil
}

func (n *Nanny) terminate(signal int) error {
	n.log.Info("Terminating due to signal " + strconv.Itoa(signal))
	if err := n.outlet.withdraw(); err != nil {
		n.log.Error("cannot remove the real server", "rs", n.rs, "err", err.Error())
		return &Exit{Code: exitWithdraw}
	}
	return nil
}

// force puts the server into service or out of it until SIGHUP, without further checks.
func (n *Nanny) force(up bool) {
	n.forced = true
	n.state, _ = n.state.Force(up)
	if up {
		n.log.Info("rose-colored glasses on", "rs", n.rs)
		n.log.Debug("DEBUG -- In nextState = 2")
		n.standing = Standing{Known: true, Up: true}
		return
	}
	n.log.Info("opaque glasses on", "rs", n.rs)
	n.log.Debug("DEBUG -- In nextState = 3")
	n.standing = Standing{Known: true, Reason: "forced down by a signal"}
}

// release returns to checks, the first of which decides alone.
func (n *Nanny) release() {
	n.log.Info("DEBUG -- removing glasses", "rs", n.rs)
	n.forced = false
	n.state = n.state.Release(n.rules)
	n.last = probe.Result{} // whatever comes is news
}
