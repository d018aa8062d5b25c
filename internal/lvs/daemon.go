// Package lvs is the lvs daemon: it keeps the kernel's IPVS table equal to lvs.cf times the health of the real servers,
// which one nanny each reports.
//
// What to do is decided by pure functions (plan, desired, ipvs.Diff). One loop owns all state and is the only writer of
// the table.
package lvs

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/events"
	"github.com/piranha-lvs/piranha/internal/history"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/ipvs/kernel"
	"github.com/piranha-lvs/piranha/internal/loadmon"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/supervise"
)

// verifyInterval is how often the table is compared with what it should be. Reading a large table takes its time: the
// pause is also at least verifyPause times as long as the reading took, but never above verifyMost: a machine that stood still
// while it was read must not put off the next repair for long.
const (
	verifyInterval = time.Second
	verifyPause    = 20
	verifyMost     = 10 * time.Second
)

// Options say how lvsd runs.
type Options struct {
	ConfigFile string
	StateDir   string // exists and is writable
	Nanny      string // path of the nanny program
	Verbose    bool
	Foreground bool
	DryRun     bool // start no monitor: every real server counts as up
	GuardFD    int  // pipe to the pulse that started us, which closes when that dies; 0: none
	Standby    bool // keep the table empty until told to be active: health is watched all the same
	// Credential is what monitors run as; nil for lvsd's own.
	Credential *syscall.Credential
}

// table is the kernel's table: *kernel.Conn, or a value that only remembers.
type table interface {
	Read() (ipvs.Table, error)
	Apply([]ipvs.Op) error
	SetTimeouts(kernel.Timeouts) error
}

// logger takes what an administrator should know: *eventlog.Logger, or a list. kv are keys and values in turn.
type logger interface {
	Error(msg string, kv ...string)
	Warn(msg string, kv ...string)
	Info(msg string, kv ...string)
}

// keepFunc keeps a monitor running until ctx is done: supervise.Keep.
type keepFunc func(ctx context.Context, next func() supervise.Command, b supervise.Backoff, tell func(supervise.Event))

// readFunc reads a configuration file: readConfig.
type readFunc func(ctx context.Context, path string) reading

// Daemon is the running lvsd. Only Run touches its fields.
type Daemon struct {
	opt   Options
	log   logger
	table table
	keep  keepFunc
	read  readFunc

	cfg      *lvscf.Config
	loaded   time.Time
	active   bool // the table is to be filled
	plan     plan
	health   map[rowKey]*health
	monitors map[rowKey]*monitor
	pool     *pool // nil: not needed
	ledger   *ledger
	orders   *orders

	have   ipvs.Table // what the kernel holds, as far as known
	stale  bool       // have must be read before it is used
	unseen bool       // real servers are new that may have rows already
	dirty  bool       // the table may differ from what is desired
	looked bool       // have was read while it was as lvsd had left it: what is not as desired somebody else has done
	failed string     // the last failure to write, so that it is logged once

	timeouts, untaken kernel.Timeouts // of lvs.cf: that the kernel has taken, and would not take when last asked

	forgetful  bool // the ledger could not be saved, which has been logged
	ordersLost bool // so it is with the orders

	reading, again bool // lvs.cf is being read; and once more afterwards

	told tally // what pulse was last told

	events   *events.Ring
	unserved map[ipvs.ServiceKey]time.Time // services without a real server, and since when

	demoted map[string]bool // programs the log has said of that they do not run as root

	gate      gate
	env       []string // of monitors
	poolEnv   []string
	reports   chan event
	readings  chan reading
	questions chan func()
	running   sync.WaitGroup
}

// health is the loop's knowledge of one real server.
type health struct {
	placement
	server  *server         // in the plan
	reason  string          // why it is down, or is not watched
	reading loadmon.Reading // what its load monitor said last
	blind   bool            // it is down because nothing watches it, not because anything has seen it fail
	since   time.Time       // of the last change of state
	back    time.Time       // when it came back, while slow_start lasts; zero otherwise
	results history.History // of its checks
}

// event is something a monitor's goroutine tells the loop.
type event struct {
	monitor *monitor // nil: it is about the pool
	pool    *pool    // nil: the monitor is a process
	pid     int
	died    error
	last    string // what it said last before it died, other than reports
	long    bool   // it said a line too long to be a report
	report
}

// New returns a Daemon for a configuration that has passed its check.
func New(o Options, cfg *lvscf.Config, t table, log logger) *Daemon {
	return &Daemon{
		opt: o, log: log, table: t, keep: supervise.Keep, read: readConfig, cfg: cfg, active: !o.Standby,
		health: map[rowKey]*health{}, monitors: map[rowKey]*monitor{}, demoted: map[string]bool{},
		gate: make(gate, startsAtOnce), env: childEnv(smallRuntime()...), poolEnv: childEnv(),
		events:  events.NewRing("lvsd", time.Now()),
		reports: make(chan event, 256), readings: make(chan reading), questions: make(chan func()),
	}
}

// Signals are what an administrator wants, apart so that a flood of one kind cannot crowd out the other.
type Signals struct {
	Stop   <-chan os.Signal // SIGTERM, SIGINT; others are logged
	Reload <-chan os.Signal // SIGHUP
}

// Run adopts what the kernel holds, starts the monitors and goes on until SIGTERM or SIGINT comes; then it removes its
// rows. SIGHUP makes it read lvs.cf again. It calls ready once, when the table is in place and the monitors are about to
// be started; a failure before is Run's error, and if it is ready that fails the rows are put back as they were found.
func (d *Daemon) Run(signals Signals, ready func() error) error {
	undo, err := d.adopt()
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		return errors.Join(err, undo())
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer d.running.Wait()
	defer cancel()
	d.startMonitors(ctx)
	orphan := d.guard(ctx)
	verify := time.NewTimer(verifyInterval)
	defer verify.Stop()
	for {
		d.update()
		select {
		case <-signals.Reload:
			d.reload(ctx)
		case r := <-d.readings:
			d.reloaded(ctx, r)
		case s := <-signals.Stop:
			if s == syscall.SIGTERM || s == os.Interrupt {
				d.log.Info("shutting down due to signal " + signalNumber(s))
				d.tell(eventStop, "lvsd ends: signal "+signalNumber(s), eventData{Reason: "signal " + signalNumber(s)})
				cancel()
				return d.leave()
			}
			d.log.Warn("signal ignored", "signal", signalNumber(s))
		case e := <-d.reports:
			d.observe(e)
			d.drain()
		case ask := <-d.questions:
			ask()
		case <-orphan:
			cancel()
			return d.orphaned()
		case <-verify.C:
			verify.Reset(d.verify())
		}
	}
}

// guard watches the pulse that started us, if one did. The channel yields a value when it has been dead for orphanTime.
func (d *Daemon) guard(ctx context.Context) <-chan time.Time {
	if d.opt.GuardFD == 0 {
		return nil
	}
	_ = unix.SetNonblock(d.opt.GuardFD, true) // so that a pulse that does not read delays nothing
	orphan := make(chan time.Time, 1)
	d.running.Go(func() {
		watchPulse(ctx, d.opt.GuardFD, func() {
			select {
			case d.questions <- func() { time.AfterFunc(orphanTime(d.cfg), func() { orphan <- time.Now() }) }:
			case <-ctx.Done():
			}
		})
	})
	return orphan
}

// drain takes the reports that have come in meanwhile, so that a burst of them costs one look at the table. Those that come
// faster than it can take them wait for their turn, with everything else.
func (d *Daemon) drain() {
	for range cap(d.reports) {
		select {
		case e := <-d.reports:
			d.observe(e)
		default:
			return
		}
	}
}

// adopt takes charge of what the configuration names. Rows that are there stay until their server is known to be down. It
// returns what takes all of it back.
func (d *Daemon) adopt() (undo func() error, err error) {
	if d.ledger, err = openLedger(d.opt.StateDir); err != nil {
		d.log.Warn("rows of an earlier lvsd are not known", "err", err.Error())
	}
	if d.have, err = d.table.Read(); err != nil {
		return nil, err
	}
	if d.orders, err = openOrders(d.opt.StateDir); err != nil {
		d.log.Warn("what an operator has ordered of real servers is not known", "err", err.Error())
	}
	there, known := weights(d.have), maps.Clone(d.ledger.rows)
	d.setTimeouts()
	d.use(d.cfg, d.newPlan(d.cfg), there)
	undo = d.undo(known)
	rows := len(weights(d.have.Only(d.ledger.mine)))
	d.tell(eventStart, "lvsd has started: "+itoa(rows)+" rows adopted", eventData{SerialNo: d.cfg.SerialNo})
	d.logServices(nil)
	d.dirty = true
	writes, err := d.settle()
	if err != nil && refusals(err) == everything {
		return nil, err
	} // what the kernel refuses is logged and tried again; the other services start
	d.log.Info("table adopted", "rows", itoa(rows), "writes", itoa(writes))
	return undo, nil
}

// weights are those of a table's rows.
func weights(t ipvs.Table) map[rowKey]int {
	m := map[rowKey]int{}
	for _, e := range t {
		for _, dst := range e.Destinations {
			m[rowKey{e.Service.Key, dst.Addr}] = dst.Weight
		}
	}
	return m
}

// present reads the table anew if a configuration names rows that the one in force does not: those that somebody else has made
// are adopted, as at start.
func (d *Daemon) present(p plan) map[rowKey]int {
	if !d.anyNew(p) {
		return nil
	}
	if err := d.look(); err != nil {
		d.stale, d.unseen = true, true
		d.fail(err)
		return nil
	}
	return weights(d.have)
}

// look reads the table, and adopts what was to be adopted when it could not be read.
func (d *Daemon) look() error {
	have, err := d.table.Read()
	if err != nil {
		return err
	}
	d.have, d.stale = have, false
	if !d.unseen {
		return nil
	}
	d.unseen = false
	there := weights(have)
	for key, h := range d.health {
		if weight, present := there[key]; present && h.state == unknown && !h.installed {
			h.adopt(h.server, weight)
		}
	}
	return nil
}

// newPlan translates a configuration for monitors as this lvsd starts them.
func (d *Daemon) newPlan(cfg *lvscf.Config) plan {
	return newPlan(cfg, monitorOptions{nanny: d.opt.Nanny, verbose: d.opt.Verbose, foreground: d.opt.Foreground})
}

// use makes cfg, whose plan is p, the configuration in force. Health of servers that stay is carried over; there has the
// weights of the rows that new ones already have.
func (d *Daemon) use(cfg *lvscf.Config, p plan, there map[rowKey]int) {
	d.cfg, d.plan, d.loaded = cfg, p, time.Now()
	if len(d.health) == 0 {
		d.health = make(map[rowKey]*health, p.size())
	}
	d.moveOrders(p)
	for _, h := range d.health {
		h.server = nil
	}
	for _, s := range p {
		for i := range s.servers {
			d.know(&s.servers[i], there)
		}
	}
	maps.DeleteFunc(d.health, func(_ rowKey, h *health) bool { return h.server == nil })
	d.remember(d.ledger.add(p))
	d.useOrders()
}

// anyNew tells whether a plan has a real server of which nothing is known yet.
func (d *Daemon) anyNew(p plan) bool {
	for _, s := range p {
		if slices.ContainsFunc(s.servers, func(rs server) bool { return d.health[rs.key] == nil }) {
			return true
		}
	}
	return false
}

// know makes a real server of the plan one whose health is known, as far as it is.
func (d *Daemon) know(rs *server, there map[rowKey]int) {
	h := d.health[rs.key]
	if h == nil {
		h = &health{placement: placement{adopted: -1}, since: d.loaded}
		if weight, present := there[rs.key]; present {
			h.adopt(rs, weight)
		}
		if d.opt.DryRun {
			h.state = up
		}
		d.health[rs.key] = h
	} else {
		h.reweigh(rs)
	}
	h.server = rs
	if rs.monitor.none {
		d.trust(h)
	}
}

// adopt begins with a row that is there.
func (h *health) adopt(rs *server, weight int) {
	h.adopted, h.installed = weight, true
	if rs.monitor.weighs && weight > 0 { // it stays until the load is known
		h.byLoad, h.weighed = true, weight
	}
}

// trust takes a server that is not checked for one that is up.
func (d *Daemon) trust(h *health) {
	h.results = history.History{}
	if h.state == unknown { // as was to be expected: no line for each of thousands
		h.state, d.dirty = up, true
	}
	d.place(*h.server, report{state: up})
}

// reweigh takes a changed lvs.cf into account: the weight starts from the configured one again.
func (h *health) reweigh(rs *server) {
	if !rs.monitor.weighs {
		h.reading = loadmon.Reading{}
	}
	if h.byLoad = h.reading.Kind != 0; h.byLoad {
		h.weighed = h.reading.Weight(rs.row.Weight, loadmon.DefaultScale, rs.row.Weight)
	}
}

// setTimeouts writes the connection timeouts that lvs.cf sets, unless the kernel has taken them. It is tried again when the
// table is verified; that it failed is logged once.
func (d *Daemon) setTimeouts() {
	t := timeouts(d.cfg)
	if t == d.timeouts {
		return
	}
	if t != (kernel.Timeouts{}) {
		if err := d.table.SetTimeouts(t); err != nil {
			if t != d.untaken {
				d.log.Warn("ipvsadm failed to set timeouts", "err", err.Error())
			}
			d.untaken = t
			return
		}
	}
	d.timeouts, d.untaken = t, kernel.Timeouts{}
}

func timeouts(c *lvscf.Config) kernel.Timeouts {
	return kernel.Timeouts{TCP: c.TCPTimeout, TCPFin: c.TCPFinTimeout, UDP: c.UDPTimeout}
}
