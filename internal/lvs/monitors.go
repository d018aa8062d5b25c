package lvs

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/loadmon"
	"github.com/piranha-lvs/piranha/internal/privilege"
	"github.com/piranha-lvs/piranha/internal/supervise"
)

// backoff is the pause before a monitor that died is started again. The first is short: its server's row stays as it is
// meanwhile, so nobody watches it.
var backoff = supervise.Backoff{First: 100 * time.Millisecond, Max: 30 * time.Second, Settled: 10 * time.Second}

// gate bounds how many monitors are being started at the same time, so that those that run already, and their probes, are
// not starved while a thousand more are loaded.
type gate chan struct{}

const (
	startsAtOnce = 16
	startTime    = time.Second // a monitor that has said nothing by then counts as started
)

// startTries is how often a monitor may end without a report before its server counts as not watched: that is after 1.5
// seconds at least. It is tried on, more and more rarely.
const startTries = 5

// enter waits for a place and returns what gives it back, at the latest after startTime.
func (g gate) enter(ctx context.Context) (leave func()) {
	select {
	case g <- struct{}{}:
	case <-ctx.Done():
		return func() {}
	}
	leave = sync.OnceFunc(func() { <-g })
	time.AfterFunc(startTime, leave)
	return leave
}

// monitor is a nanny that lvsd keeps running for one real server.
type monitor struct {
	server server
	pooled bool // one of many in a process
	pid    int
	mute   int  // how often it has ended since it last reported
	long   bool // it has said a line too long to be a report, which has been logged
	stop   context.CancelFunc
	// knownDown is read whenever the nanny is started: one that takes the place of a dead one must neither shorten the
	// re-entry time of a server that is down, nor begin one for a server that is up.
	knownDown atomic.Bool
}

// startMonitors starts the monitors the plan wants and ends those it does not. A monitor whose arguments changed is
// replaced; its server keeps its state until the new one reports.
func (d *Daemon) startMonitors(ctx context.Context) {
	for key, m := range d.monitors {
		h := d.health[key]
		if h == nil || !m.server.monitor.same(h.server.monitor) || m.pooled != d.inPool(*h.server) {
			m.stop()
			delete(d.monitors, key)
		}
	}
	defer d.stopPool()
	if d.opt.DryRun {
		return
	}
	for _, s := range d.plan {
		for _, rs := range s.servers {
			if rs.monitor.none {
				continue
			}
			if m := d.monitors[rs.key]; m != nil {
				m.server = rs
				continue
			}
			if d.inPool(rs) {
				d.startPooled(ctx, rs)
				continue
			}
			as, err := d.standing(rs.monitor)
			if err != nil {
				d.place(rs, report{state: down, reason: err.Error(), blind: true})
				continue
			}
			d.startMonitor(ctx, rs, as)
		}
	}
}

// standing is what a monitor runs as. One that runs a program of lvs.cf, or is one, runs as lvsd does, as the original's did,
// if nobody but root can have put that there; the others do not need to.
func (d *Daemon) standing(m monitorArgs) (*syscall.Credential, error) {
	if len(m.programs) == 0 {
		return d.opt.Credential, nil
	}
	for _, path := range m.programs {
		as, why, err := privilege.Command(d.opt.ConfigFile, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if as == nil {
			continue
		}
		if !d.demoted[path] {
			d.demoted[path] = true
			d.log.Warn("program does not run as root", "program", path, "why", why.Error())
		}
		return as, nil
	}
	return nil, nil
}

func (d *Daemon) startMonitor(ctx context.Context, rs server, as *syscall.Credential) {
	ctx, stop := context.WithCancel(ctx)
	m := &monitor{server: rs, stop: stop}
	d.monitors[rs.key] = m
	h := d.health[rs.key]
	m.knownDown.Store(h.state == down && !h.blind)
	custom := rs.monitor.custom
	next := func() supervise.Command {
		argv := rs.monitor.argv(m.knownDown.Load())
		c := supervise.Command{Path: argv[0], Args: argv, Env: d.env, Credential: as, ReportFD: reportFD, Complains: true}
		if custom {
			c.ReportFD = 1
		}
		if d.opt.Foreground {
			c.Output = os.Stdout
		}
		return c
	}
	last := "" // said by the one that runs, and no report
	d.running.Go(func() {
		started := d.gate.enter(ctx)
		defer started()
		d.keep(ctx, next, backoff, func(e supervise.Event) {
			if e.Pid == 0 { // it has spoken, or is dead
				started()
			}
			said := event{monitor: m, pid: e.Pid, died: e.Died, report: readReport(e.Line, custom)}
			switch {
			case e.Died != nil:
				said.last, last = last, ""
			case e.Long != "":
				last, said.long = oneLine(e.Long), true
			case e.Pid == 0 && said.state == unknown && said.reading.Kind == 0 && !said.checked:
				last = oneLine(e.Line)
				return
			}
			select {
			case d.reports <- said:
			case <-ctx.Done():
			}
		})
	})
}

// observe takes in what a monitor said. Those that were replaced are not listened to any more.
func (d *Daemon) observe(e event) {
	if e.monitor == nil {
		d.observePool(e)
		return
	}
	rs := e.monitor.server
	if d.monitors[rs.key] != e.monitor {
		return
	}
	who := rs.virtual + "/" + rs.name
	switch {
	case e.pid != 0:
		e.monitor.pid = e.pid
		d.log.Info("create_monitor for " + who + " running as pid " + itoa(e.pid))
	case e.died != nil:
		e.monitor.pid = 0
		e.monitor.mute++
		text := e.died.Error()
		if e.last != "" {
			text += ": " + e.last
		}
		d.log.Warn("nanny for child "+who+" died! restarting it", "err", text)
		if e.monitor.mute >= startTries {
			d.unwatched(rs, "monitor does not start: "+text, e.monitor.mute == startTries)
		}
	case e.reading.Kind != 0:
		d.weigh(rs, e.reading)
	case e.checked:
		e.result.At = time.Now()
		d.health[rs.key].results.Add(e.result)
	case e.long && !e.monitor.long:
		e.monitor.long = true
		d.log.Warn("line of a monitor is too long and ignored, like others to come", "vs", rs.virtual, "rs", rs.name)
	case e.state != unknown:
		e.monitor.mute = 0
		if e.pool != nil {
			e.pool.mute = 0
		}
		if e.pool != nil && strings.HasPrefix(e.reason, notChecked) {
			d.unwatched(rs, e.reason, true)
		} else {
			d.place(rs, e.report)
		}
	}
}

// weigh gives a server the weight that its load calls for.
func (d *Daemon) weigh(rs server, reading loadmon.Reading) {
	h := d.health[rs.key]
	last := rs.row.Weight
	if h.byLoad {
		last = h.weighed
	}
	h.reading, h.byLoad = reading, true
	h.weighed = reading.Weight(rs.row.Weight, loadmon.DefaultScale, last)
	d.dirty = d.dirty || h.weighed != last
}

// unwatched notes that nothing can tell how a server is. One that is not serving counts as down then, so that the sorry
// server need not wait for it. One that serves goes on: nobody has seen it fail, and all of them would be hit at once.
func (d *Daemon) unwatched(rs server, reason string, first bool) {
	h := d.health[rs.key]
	serves := h.state == up || h.state == unknown && h.adopted > 0
	switch {
	case !serves:
		d.place(rs, report{state: down, reason: reason, blind: h.state != down || h.blind})
		return
	case first:
		d.log.Warn("real server is not watched and stays as it is", "vs", rs.virtual, "rs", rs.name, "reason", reason)
		d.tell(eventUnwatched, rs.virtual+" "+rs.name+" is not watched and stays as it is: "+reason,
			eventData{Virtual: rs.virtual, Server: rs.name, Address: rs.key.addr.String(), Reason: reason})
	}
	h.reason = reason
}

// place records a server's new state.
func (d *Daemon) place(rs server, r report) {
	h := d.health[rs.key]
	h.reason, h.blind = r.reason, r.blind
	if m := d.monitors[rs.key]; m != nil {
		m.knownDown.Store(r.state == down && !r.blind)
	}
	if h.state == r.state {
		return
	}
	before, since := h.state, h.since
	h.state, h.since = r.state, time.Now()
	h.back, h.share = time.Time{}, 0
	if before == down && r.state == up {
		h.comeBack()
	}
	d.tellServer(rs, before, since)
	d.dirty = true
	if r.state == up {
		d.log.Info("real server up", "vs", rs.virtual, "rs", rs.name)
	} else {
		d.log.Warn("real server down", "vs", rs.virtual, "rs", rs.name, "reason", r.reason)
	}
}
