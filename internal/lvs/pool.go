package lvs

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/supervise"
)

// pool is the one process that makes the checks of all real servers with nanny_mode = pooled. It is told of each on its
// standard input, and reports on all, by IDs that are never used again: what it says of a server it need not watch any
// more, or not that way, is about nobody.
type pool struct {
	last int // ID that was given out
	pid  int
	mute int  // how often it has ended since it last reported
	long bool // it has said a line too long to be a report, which has been logged
	stop context.CancelFunc

	mu     sync.Mutex
	jobs   map[int]job   // by ID
	change chan struct{} // jobs differ from what the process may have been told
}

// job is what a pool does for a monitor.
type job struct {
	monitor *monitor // its server belongs to the loop
	args    monitorArgs
}

// notChecked begins the reason of a server that the pool cannot check: nobody has seen it fail.
const notChecked = "cannot be checked: "

// inPool tells whether a real server's checks are made by the pool: those that run a program as somebody else have a process
// of their own, and so has what is not our nanny, and a text that JSON, in which jobs are told, would not leave as it is.
func (d *Daemon) inPool(rs server) bool {
	if d.cfg.NannyMode != lvscf.NannyPooled || rs.monitor.custom || !rs.monitor.isText() {
		return false
	}
	as, err := d.standing(rs.monitor)
	return err == nil && sameCredential(as, d.opt.Credential)
}

func sameCredential(a, b *syscall.Credential) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Uid == b.Uid && a.Gid == b.Gid && slices.Equal(a.Groups, b.Groups)
}

// startPooled has the pool watch a real server.
func (d *Daemon) startPooled(ctx context.Context, rs server) {
	if d.pool == nil {
		d.startPool(ctx)
	}
	p := d.pool
	p.last++
	id := p.last
	h := d.health[rs.key]
	m := &monitor{server: rs, pooled: true, pid: p.pid, stop: func() { p.remove(id) }}
	m.knownDown.Store(h.state == down && !h.blind)
	d.monitors[rs.key] = m
	p.add(id, m)
}

// stopPool ends the pool when nothing is left for it to do.
func (d *Daemon) stopPool() {
	if d.pool != nil && d.pool.idle() {
		d.pool.stop()
		d.pool = nil
	}
}

func (p *pool) add(id int, m *monitor) {
	p.mu.Lock()
	p.jobs[id] = job{m, m.server.monitor}
	p.mu.Unlock()
	p.changed()
}

func (p *pool) remove(id int) {
	p.mu.Lock()
	delete(p.jobs, id)
	p.mu.Unlock()
	p.changed()
}

func (p *pool) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.jobs) == 0
}

// monitor is the one with an ID; nil if there is none, or none any more.
func (p *pool) monitor(id string) *monitor {
	n, err := strconv.Atoi(id)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.jobs[n].monitor
}

func (p *pool) changed() {
	select {
	case p.change <- struct{}{}:
	default: // it is about to be looked at
	}
}

// feed tells a process, which knows nothing yet, of all jobs, and of those that come and go, until ctx is done.
func (p *pool) feed(ctx context.Context, w io.Writer) {
	told := map[int]bool{}
	for {
		if news := p.news(told); news != "" {
			if _, err := io.WriteString(w, news); err != nil {
				return
			}
		}
		select {
		case <-p.change:
		case <-ctx.Done():
			return
		}
	}
}

// news are the lines about jobs that have come and gone since told, which they bring up to date.
func (p *pool) news(told map[int]bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(told)) {
		if _, wanted := p.jobs[id]; !wanted {
			delete(told, id)
			b.WriteString("remove " + itoa(id) + "\n")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.jobs)) {
		if !told[id] {
			told[id] = true
			b.WriteString("add " + itoa(id) + " " + p.jobs[id].line() + "\n")
		}
	}
	return b.String()
}

// line is the arguments of the monitor as a pool is told them. It is asked for whenever the pool is started, so a server that
// is down then is known to be.
func (j job) line() string {
	line, err := json.Marshal(j.args.args(j.monitor.knownDown.Load())[1:])
	if err != nil { // of a list of strings there is none
		return "[]"
	}
	return string(line)
}

// startPool starts the process.
func (d *Daemon) startPool(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	p := &pool{stop: stop, jobs: map[int]job{}, change: make(chan struct{}, 1)}
	d.pool = p
	next := func() supervise.Command {
		argv := appendIf([]string{d.opt.Nanny, "--pool"}, d.opt.Verbose, "-v")
		argv = append(appendIf(argv, d.opt.Foreground, "--nodaemon"), "--report-fd="+strconv.Itoa(reportFD))
		c := supervise.Command{
			Path: argv[0], Args: argv, Env: d.poolEnv, Credential: d.opt.Credential, ReportFD: reportFD, Complains: true, Feed: p.feed,
		}
		if d.opt.Foreground {
			c.Output = os.Stdout
		}
		return c
	}
	last := "" // said by the one that runs, and no report
	d.running.Go(func() {
		d.keep(ctx, next, backoff, func(e supervise.Event) {
			said := p.hear(e)
			switch {
			case e.Died != nil:
				said.last, last = last, ""
			case e.Long != "":
				last = oneLine(e.Long)
			case e.Pid == 0 && said.monitor == nil:
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

// hear understands what a pool said: lines with an ID are about a monitor, the rest about the pool.
func (p *pool) hear(e supervise.Event) event {
	if e.Line == "" {
		return event{pool: p, pid: e.Pid, died: e.Died, long: e.Long != ""}
	}
	id, line, _ := strings.Cut(e.Line, " ")
	m := p.monitor(id)
	if m == nil {
		return event{pool: p}
	}
	return event{pool: p, monitor: m, report: readReport(line, false)}
}

// observePool takes in what happened to the pool.
func (d *Daemon) observePool(e event) {
	p := e.pool
	if d.pool != p {
		return
	}
	switch {
	case e.pid != 0:
		p.pid = e.pid
		d.log.Info("pool of monitors running as pid " + itoa(e.pid))
	case e.died != nil:
		p.pid = 0
		p.mute++
		text := e.died.Error()
		if e.last != "" {
			text += ": " + e.last
		}
		d.log.Warn("pool of monitors died! restarting it", "err", text)
	case e.long && !p.long:
		p.long = true
		d.log.Warn("line of the pool of monitors is too long and ignored, like others to come")
	}
	for _, m := range d.monitors {
		if !m.pooled {
			continue
		}
		m.pid = p.pid
		if e.died != nil && p.mute >= startTries {
			d.unwatched(m.server, "monitors do not start: "+e.died.Error(), p.mute == startTries)
		}
	}
}
