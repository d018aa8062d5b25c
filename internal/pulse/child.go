package pulse

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// child is the lvsd that runs, if one does. It is safe for concurrent use.
type child struct {
	mu    sync.Mutex
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
	c.stop = nil
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
		d.startLvsd(phase != election.Active)
		return true
	case phase == election.Inactive:
		d.begin(false, func(context.Context) { d.child.end() })
	}
	return false
}

// startLvsd runs lvsd until it ends, unless it runs. While this router is active, as after the death of its lvsd, the new one is not
// on standby: it adopts the table instead of emptying it.
func (d *Daemon) startLvsd(standby bool) {
	ctx, stop := context.WithCancel(d.ctx)
	if !d.child.begin(stop) {
		stop()
		return
	}
	d.running.Go(func() {
		pid, err := d.lvsd.run(ctx, standby, func(pid int) { d.do(func() { d.lvsdRuns(pid, standby) }) }, d.lvsdSaid)
		onPurpose := ctx.Err() != nil
		d.child.gone()
		d.do(func() { d.lvsdEnded(pid, err, onPurpose) })
	})
}

func (d *Daemon) lvsdRuns(pid int, standby bool) {
	d.lvsdPid = pid
	d.step(election.LvsdUp{})
	d.agree(!standby)
}

func (d *Daemon) lvsdEnded(pid int, err error, onPurpose bool) {
	d.lvsdPid, d.servers = 0, Servers{}
	if !onPurpose {
		d.log.Warn("Child process " + strconv.Itoa(pid) + " " + err.Error())
		d.step(election.LvsdDied{})
	}
}

// agree has an lvsd that has just started do what this router does, if that has changed since it was started.
func (d *Daemon) agree(active bool) {
	want := d.state.Phase == election.Active
	if want == active || d.state.Phase == election.Activating {
		return // an activation waits for lvsd and tells it itself
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
