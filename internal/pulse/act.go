package pulse

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// jobTime bounds an activation or a deactivation; a partner has taken over long before.
const jobTime = 30 * time.Second

// act does what the election has decided. Nothing in here waits.
func (d *Daemon) act(a election.Action) {
	if d.opt.TestStart && d.pretend(a) {
		return
	}
	switch a := a.(type) {
	case election.Send:
		d.send(a)
	case election.Arm:
		if err := d.alarm.set(a.At); err != nil {
			d.log.Error("timer not set", "err", err.Error())
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
		if !d.keepLvsd() {
			d.queue = append(d.queue, election.LvsdUp{}) // it runs when it is needed
		}
	case election.Refuse:
		d.refused = a.Text
	case election.Exit:
		d.tell(news{eventStop, "pulse ends", eventData{}})
		d.exit = &a.Code
	}
}

func (d *Daemon) send(s election.Send) {
	if d.conn == nil {
		return
	}
	for range max(s.Copies, 1) {
		public, private := d.conn.Send(outgoing(s, d.cfg, d.digest, time.Since(d.state.Since), d.servers))
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
		d.do(func() { d.keepLvsd() })
		if err := d.service.raise(ctx, wanted); err != nil {
			d.post(election.ActivationFailed{Op: a.Op, Err: err.Error()})
			return
		}
		d.post(election.Activated{Op: a.Op})
	})
	if a.Reason != election.Adopted {
		d.command(d.cfg.ActiveCmd)
	}
}

func (d *Daemon) deactivate(a election.Deactivate) {
	wanted, cold := d.wanted, d.cfg.Standby == lvscf.Cold
	d.begin(true, func(ctx context.Context) {
		if err := d.service.down(ctx, wanted); err != nil {
			d.post(election.DeactivationFailed{Op: a.Op, Err: err.Error()})
			return
		}
		d.post(election.Deactivated{Op: a.Op})
		if cold {
			d.child.end()
		}
	})
	d.command(d.cfg.InactiveCmd)
}

// begin starts a job when the one before has ended; overtake cuts short all that are under way or wait.
func (d *Daemon) begin(overtake bool, work func(context.Context)) {
	if overtake || d.jobs == nil {
		if d.jobs != nil {
			d.cutShort()
		}
		d.jobs, d.cutShort = context.WithCancel(d.ctx)
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

// reload reads lvs.cf again, beside the loop, because names in it may take time.
func (d *Daemon) reload() {
	d.log.Info("rereading configuration file")
	d.reloads++
	number := d.reloads
	d.running.Go(func() {
		next, err := Load(d.opt.ConfigFile)
		d.do(func() {
			if number != d.reloads { // a later one is on its way, or was quicker
				return
			}
			if err == nil {
				err = d.use(next)
			}
			d.tried = time.Now()
			if err != nil {
				d.reloadError, _, _ = strings.Cut(err.Error(), "\n")
				d.log.Error("configuration not taken", "err", d.reloadError)
				d.tellReload()
				return
			}
			d.loaded, d.reloadError = d.tried, ""
			d.tellReload()
			d.log.Info("configuration reread", "serial_no", strconv.FormatInt(d.cfg.SerialNo, 10))
		})
	})
}

// use makes a changed lvs.cf the one in force, and has lvsd read it.
func (d *Daemon) use(next *Configuration) error {
	cfg := next.Config
	if cfg.Service == lvscf.FOS {
		return served(cfg, d.opt.ConfigFile)
	}
	if cfg.Primary != d.cfg.Primary || cfg.Backup != d.cfg.Backup || cfg.BackupActive != d.cfg.BackupActive || cfg.HeartbeatPort != d.cfg.HeartbeatPort {
		d.log.Warn("routers, backup_active and heartbeat_port of a running pulse do not change: restart it for them")
		cfg.Primary, cfg.Backup, cfg.BackupActive, cfg.HeartbeatPort = d.cfg.Primary, d.cfg.Backup, d.cfg.BackupActive, d.cfg.HeartbeatPort
	}
	if d.conn != nil {
		if err := d.conn.Reload(heartbeatConfig(cfg, d.role, next.key, d.opt.Verbose)); err != nil {
			return err
		}
	}
	d.cfg, d.digest, d.wanted = cfg, next.digest, next.wanted
	d.judgeCommands()
	if d.lvsdPid > 0 {
		_ = syscall.Kill(d.lvsdPid, syscall.SIGHUP) // one that has just ended reads the file when it starts again
	}
	if !d.opt.TestStart {
		d.changeService(cfg, next.wanted)
	}
	d.step(election.Reload{Config: electionConfig(cfg, d.role, d.state.Config.Boot)})
	if !cfg.MonitorLinks { // the election forgets them
		d.toldLost = [2]bool{}
	}
	d.linksAre(d.links)
	d.keepLvsd()
	return nil
}

// changeService has what is up follow a changed lvs.cf.
func (d *Daemon) changeService(cfg *lvscf.Config, wanted []vip.Address) {
	serving := d.state.Phase == election.Activating || d.state.Phase == election.Active
	d.begin(false, func(context.Context) {
		d.service.changeSync(cfg.SyncDaemon, syncDaemon(cfg))
		if !serving {
			return
		}
		if err := d.service.change(wanted); err != nil {
			d.log.Error("addresses not changed", "err", err.Error())
		}
	})
}
