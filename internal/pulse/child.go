package pulse

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// child is the lvsd that runs, if one does. It is safe for concurrent use.
type child struct {
	mu    sync.Mutex
	pid   int                // 0: it does not answer yet
	stop  context.CancelFunc // nil: none runs
	ended chan struct{}
}

// begin notes one that starts; false: one runs already.
func (c *child) begin(stop context.CancelFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		return false
	}
	c.stop, c.ended = stop, make(chan struct{})
	return true
}

// gone notes that it has ended.
func (c *child) gone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.ended)
	c.stop()
	c.stop, c.pid = nil, 0
}

// answers notes that it answers, and up tells whether one does.
func (c *child) answers(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = pid
}

func (c *child) up() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid != 0
}

// kill ends one that hangs; it is started again as after any other death.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid != 0 {
		_ = syscall.Kill(c.pid, syscall.SIGKILL)
	}
}

// vanish kills the one that answers, if one does, and waits until it is gone.
func (c *child) vanish() {
	c.mu.Lock()
	up, ended := c.pid != 0, c.ended
	c.mu.Unlock()
	if up {
		c.kill()
		<-ended
	}
}

// end ends it and waits, for as long as its supervisor has patience with it.
func (c *child) end() {
	c.mu.Lock()
	stop, ended := c.stop, c.ended
	c.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
}

// keepLvsd starts lvsd if this router should have one and has none, and tells whether it should. With a cold standby only an active
// router has; one left over by a change of lvs.cf is ended.
func (d *Daemon) keepLvsd() bool {
	phase := d.state.Phase
	switch {
	case d.opt.TestStart:
		return false
	case d.cfg.Standby != lvscf.Cold, phase == election.Activating, phase == election.Active:
		d.startLvsd(phase != election.Active && phase != election.Activating)
		return true
	case phase == election.Inactive:
		d.begin(false, func(context.Context) { d.child.end() })
	}
	return false
}

// startLvsd runs lvsd until it ends, unless it runs. While this router is active, or about to be, as after the death of its lvsd, the new one is not
// on standby: it adopts the table instead of emptying it.
func (d *Daemon) startLvsd(standby bool) {
	ctx, stop := context.WithCancel(d.ctx)
	if !d.child.begin(stop) {
		stop()
		return
	}
	d.running.Go(func() {
		d.endOrphan(ctx)
		pid, err := d.lvsd.run(ctx, standby, func(pid int) {
			d.child.answers(pid)
			d.do(func() { d.lvsdRuns(pid, standby) })
		}, d.lvsdSaid)
		onPurpose := ctx.Err() != nil
		d.child.gone()
		d.do(func() { d.lvsdEnded(pid, err, onPurpose) })
	})
}

// endOrphan ends the lvsd of a pulse that was killed. It would take away, in a while, what the one that is about to be started
// has set up. Killed, it leaves its rows to that.
func (d *Daemon) endOrphan(ctx context.Context) {
	var status struct {
		Pid int `json:"pid"`
	}
	for d.lvsd.status(ctx, &status) == nil && status.Pid > 1 {
		d.log.Warn("ending the lvsd of an earlier pulse", "pid", strconv.Itoa(status.Pid))
		if syscall.Kill(status.Pid, syscall.SIGKILL) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookAgain):
		}
	}
}

func (d *Daemon) lvsdRuns(pid int, standby bool) {
	d.lvsdPid = pid
	d.tell(news{eventLvsdUp, "lvsd runs as pid " + strconv.Itoa(pid), eventData{Pid: pid}})
	d.step(election.LvsdUp{})
	d.agree(!standby)
}

func (d *Daemon) lvsdEnded(pid int, err error, onPurpose bool) {
	if d.lvsdPid == pid { // and not its successor's already
		d.lvsdPid, d.servers = 0, Servers{}
	}
	reason := err.Error()
	if onPurpose {
		reason = "ended by pulse"
	}
	d.tell(news{eventLvsdDown, "lvsd does not run any more: " + reason, eventData{Pid: pid, Reason: reason}})
	if onPurpose {
		d.keepLvsd() // lvs.cf may have changed meanwhile
	} else {
		d.log.Warn("Child process " + strconv.Itoa(pid) + " " + err.Error())
		d.step(election.LvsdDied{})
	}
}

// agree has an lvsd that has just started do what this router does, if that has changed since it was started.
func (d *Daemon) agree(active bool) {
	want := d.state.Phase == election.Active || d.state.Phase == election.Activating
	if want == active {
		return
	}
	d.begin(false, func(ctx context.Context) {
		if err := d.lvsd.setActive(ctx, want); err != nil {
			d.log.Error("lvsd does not follow", "err", err.Error())
		}
	})
}

// Servers are the numbers of real servers that lvsd reports; none configured: it has not.
type Servers struct {
	Up         uint32 `json:"up"`
	Configured uint32 `json:"configured"`
}

// known is nil if nothing is known.
func (s Servers) known() *Servers {
	if s.Configured == 0 {
		return nil
	}
	return &s
}

// parseServers reads the line with which lvsd reports them: servers UP CONFIGURED.
func parseServers(line string) (s Servers, ok bool) {
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != "servers" {
		return Servers{}, false
	}
	up, err := strconv.ParseUint(words[1], 10, 32)
	if err != nil {
		return Servers{}, false
	}
	configured, err := strconv.ParseUint(words[2], 10, 32)
	if err != nil {
		return Servers{}, false
	}
	return Servers{Up: uint32(up), Configured: uint32(configured)}, true
}

// lvsdSaid takes a line that lvsd reports.
func (d *Daemon) lvsdSaid(line string) {
	if s, ok := parseServers(line); ok {
		d.do(func() { d.servers = s })
	}
}
