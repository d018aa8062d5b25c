package pulse

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// jobTime bounds an activation or a deactivation; a partner has taken over long before.
const jobTime = 30 * time.Second

// act does what the election has decided. Nothing in here waits.
func (d *Daemon) act(a election.Action) {
	switch a := a.(type) {
	case election.Send:
		d.send(a)
	case election.Arm:
		d.timer.Stop()
		if !a.At.IsZero() {
			d.timer.Reset(time.Until(a.At))
		}
	case election.Drain:
		d.drain()
		d.queue = append(d.queue, election.Drained{})
	case election.Log:
		if a.Level == election.Warning {
			d.log.Warn(a.Text)
		} else {
			d.log.Info(a.Text)
		}
	case election.Activate:
		d.activate(a)
	case election.Deactivate:
		d.deactivate(a)
	case election.Announce:
		d.begin(false, func(ctx context.Context) {
			if ctx.Err() == nil {
				d.service.announce()
			}
		})
	case election.RunActiveCommand:
		d.command(d.cfg.ActiveCmd)
	case election.RestartLvsd:
		d.startLvsd()
	case election.Refuse:
		d.refused = a.Text
	case election.Exit:
		d.exit = &a.Code
	}
}

func (d *Daemon) send(s election.Send) {
	if d.conn == nil {
		return
	}
	for range max(s.Copies, 1) {
		public, private := d.conn.Send(outgoing(s, d.cfg, d.digest, time.Since(d.state.Since)))
		if public != nil {
			d.log.Debug("Warning -- failed to send heartbeat (public if): " + public.Error())
		}
		if private != nil {
			d.log.Debug("Warning -- failed to send heartbeat (private if): " + private.Error())
		}
	}
}

func (d *Daemon) activate(a election.Activate) {
	wanted := d.wanted
	d.begin(false, func(ctx context.Context) {
		if err := d.service.up(ctx, wanted); err != nil {
			d.post(election.ActivationFailed{Op: a.Op, Err: err.Error()})
			return
		}
		d.post(election.Activated{Op: a.Op})
	})
	d.command(d.cfg.ActiveCmd)
}

func (d *Daemon) deactivate(a election.Deactivate) {
	wanted := d.wanted
	d.begin(true, func(ctx context.Context) {
		if err := d.service.down(ctx, wanted); err != nil {
			d.post(election.DeactivationFailed{Op: a.Op, Err: err.Error()})
			return
		}
		d.post(election.Deactivated{Op: a.Op})
	})
	d.command(d.cfg.InactiveCmd)
}

// begin starts a job when the one before has ended; overtake cuts short all that are under way or wait.
func (d *Daemon) begin(overtake bool, work func(context.Context)) {
	if overtake || d.jobs == nil {
		if d.jobs != nil {
			d.cutShort()
		}
		d.jobs, d.cutShort = context.WithCancel(context.Background())
	}
	before, done := d.lastJob, make(chan struct{})
	d.lastJob = done
	jobs := d.jobs
	d.running.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		ctx, cancel := context.WithTimeout(jobs, jobTime)
		defer cancel()
		work(ctx)
	})
}

// post brings an event to the election.
func (d *Daemon) post(e election.Event) { d.do(func() { d.step(e) }) }

// do has the loop do something, unless that has ended.
func (d *Daemon) do(f func()) {
	select {
	case d.asked <- f:
	case <-d.ctx.Done():
	}
}

// command runs active_cmd or inactive_cmd beside everything else.
func (d *Daemon) command(line string) {
	if line == "" {
		return
	}
	d.running.Go(func() {
		if err := runCommand(context.WithoutCancel(d.ctx), line); err != nil {
			d.log.Warn("command failed", "err", err.Error())
		}
	})
}

// startLvsd runs lvsd until it ends. While this router is active, as after the death of its lvsd, the new one is active
// from the start: it adopts the table instead of emptying it.
func (d *Daemon) startLvsd() {
	standby := d.state.Phase != election.Active
	d.running.Go(func() {
		err := d.lvsd.run(d.ctx, standby, func(pid int) {
			d.do(func() {
				d.lvsdPid = pid
				d.step(election.LvsdUp{})
				d.agree(!standby)
			})
		})
		d.do(func() {
			d.log.Warn("Child process " + strconv.Itoa(d.lvsdPid) + " " + err.Error())
			d.lvsdPid = 0
			d.step(election.LvsdDied{})
		})
	})
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

// signal reacts to a signal.
func (d *Daemon) signal(s os.Signal) {
	switch s {
	case syscall.SIGHUP:
		d.reload()
	case syscall.SIGTERM, os.Interrupt:
		n, _ := s.(syscall.Signal)
		d.step(election.Stop{Signal: int(n)})
	default:
		d.log.Warn("signal ignored", "signal", s.String())
	}
}

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

// reload reads lvs.cf again, beside the loop, because names in it may take time.
func (d *Daemon) reload() {
	d.log.Info("rereading configuration file")
	d.running.Go(func() {
		doc, err := lvscf.ReadFile(d.opt.ConfigFile)
		if err != nil {
			d.log.Error("pulse: failed to open "+d.opt.ConfigFile, "err", err.Error())
			return
		}
		cfg, findings := doc.Config(lvscf.SystemLookup(lookupTime))
		if errs := findings.Errors(); len(errs) > 0 {
			d.log.Error("pulse: error parsing " + d.opt.ConfigFile + " at line " + strconv.Itoa(errs[0].Line) + ": " + errs[0].Text)
			return
		}
		wanted, err := addresses(cfg)
		if err != nil {
			d.log.Error("configuration not taken", "err", err.Error())
			return
		}
		key, err := readKey(cfg)
		if err != nil {
			d.log.Error("configuration not taken", "err", err.Error())
			return
		}
		d.do(func() { d.use(cfg, doc.Digest(), wanted, key) })
	})
}

// use makes a changed lvs.cf the one in force, and has lvsd read it.
func (d *Daemon) use(cfg *lvscf.Config, digest [32]byte, wanted []vip.Address, key *heartbeat.Key) {
	if cfg.Primary != d.cfg.Primary || cfg.Backup != d.cfg.Backup || cfg.BackupActive != d.cfg.BackupActive || cfg.HeartbeatPort != d.cfg.HeartbeatPort {
		d.log.Warn("routers, backup_active and heartbeat_port of a running pulse do not change: restart it for them")
		cfg.Primary, cfg.Backup, cfg.BackupActive, cfg.HeartbeatPort = d.cfg.Primary, d.cfg.Backup, d.cfg.BackupActive, d.cfg.HeartbeatPort
	}
	if d.conn != nil {
		if err := d.conn.Reload(heartbeatConfig(cfg, d.role, key, d.opt.Verbose)); err != nil {
			d.log.Error("configuration not taken", "err", err.Error())
			return
		}
	}
	d.cfg, d.digest, d.wanted = cfg, digest, wanted
	if d.lvsdPid > 0 {
		_ = syscall.Kill(d.lvsdPid, syscall.SIGHUP) // one that has just ended reads the file when it starts again
	}
	if d.state.Phase == election.Activating || d.state.Phase == election.Active {
		d.begin(false, func(context.Context) {
			if err := d.service.change(wanted); err != nil {
				d.log.Error("addresses not changed", "err", err.Error())
			}
		})
	}
	d.step(election.Reload{Config: electionConfig(cfg, d.role, d.state.Config.Boot)})
	d.log.Info("configuration reread", "serial_no", strconv.FormatInt(cfg.SerialNo, 10))
}
