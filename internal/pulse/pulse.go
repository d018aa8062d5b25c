// Package pulse is the pulse daemon: heartbeats, timers, links and orders go into the election, and what the election decides is
// done with floating addresses, announcements and lvsd.
//
// One loop steps the election and does nothing slow. Whatever may take time runs beside it, one job at a time, and
// comes back as an event.
package pulse

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/events"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// Options say how pulse runs.
type Options struct {
	ConfigFile       string
	RunDir, StateDir string
	Lvsd             string // path of the lvs daemon
	Nanny            string // handed on to lvsd if not empty
	Verbose          bool
	Foreground       bool
	ForceActive      bool
	Adopt            bool          // this process was active until now, as another run of pulse
	TestStart        bool          // only say what would be done
	Watchdog         time.Duration // systemd expects a sign of life as often; 0: it does not
	Output           *os.File      // standard output of lvsd; nil: none
}

// Outside is the part of the machine that pulse works on, besides its own sockets.
type Outside struct {
	Notify func(state string) // tells systemd, as sd_notify(3); nil: nobody
	// Exec runs the program that is installed now in this process. It returns only if that does not work.
	Exec  func(active bool) error
	Local []netip.Addr // this machine's addresses
	Links links
	Frame func(dev string, frame []byte) error // sends an Ethernet frame
	Sync  syncer                               // nil: the kernel has no IPVS
}

// Daemon is the running pulse. Only Run touches its fields, but for what is said otherwise.
type Daemon struct {
	opt    Options
	log    *eventlog.Logger
	cfg    *lvscf.Config
	digest [32]byte

	loaded          time.Time // when cfg was taken
	undefinedBackup bool      // backup_active = 1 and no backup
	reloads         int       // begun so far
	tried           time.Time // when the last attempt at another one ended
	reloadError     string    // why that failed; empty: it did not

	exec func(active bool) error

	role  election.Role
	conn  *heartbeat.Conn
	state election.State

	wanted  []vip.Address
	service *service
	notify  func(string)
	lvsd    lvsd

	queue    []election.Event // produced by an action, to be stepped next
	alarm    *alarm           // of the election
	exit     *int
	refused  string
	jobs     context.Context // of the jobs under way and those that wait, until one overtakes them
	cutShort context.CancelFunc
	lastJob  <-chan struct{} // closed when the last of them has ended
	lvsdPid  int
	child    child   // the lvsd that runs
	servers  Servers // what it last said of them
	partners Servers // what the partner last said of its own

	commands    chan command        // the one that waits
	commandRuns sync.Mutex          // one at a time
	demoted     map[string]struct{} // commands the log has said of that they do not run as root

	looking  bool    // lookAfter is at work
	links    [2]bool // by election.Channel: its link is lost
	toldLost [2]bool // what the election knows of that

	partnerSerial int64 // as the partner last said
	partnerDigest [8]byte
	partnerSince  time.Time // when its state began, as it says

	messages []heartbeat.Message

	events *events.Ring

	asked   chan func() // what those beside the loop want done in it
	running sync.WaitGroup
	ctx     context.Context // ends lvsd and whatever else runs beside the loop
	end     context.CancelFunc
}

// New prepares a Daemon. The sockets are bound here, so that a failure is known before pulse goes into the background.
func New(o Options, c *Configuration, out Outside, log *eventlog.Logger) (*Daemon, error) {
	cfg := c.Config
	if err := served(cfg, o.ConfigFile); err != nil {
		return nil, err
	}
	role, err := findRole(cfg, out.Local)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		opt: o, log: log, cfg: cfg, digest: c.digest, undefinedBackup: c.undefinedBackup, loaded: time.Now(), tried: time.Now(), role: role, wanted: c.wanted,
		lvsd: newLvsd(o, os.Environ()), events: events.NewRing("pulse", time.Now()),
		asked: make(chan func()), commands: make(chan command, 1), demoted: map[string]struct{}{},
	}
	d.ctx, d.end = context.WithCancel(context.Background())
	if d.alarm, err = newAlarm(); err != nil {
		return nil, err
	}
	if cfg.BackupActive {
		if d.conn, err = heartbeat.Open(heartbeatConfig(cfg, role, c.key, o.Verbose)); err != nil {
			return nil, err
		}
	}
	if d.notify = out.Notify; d.notify == nil {
		d.notify = func(string) {}
	}
	d.exec = out.Exec
	d.service = &service{
		links: out.Links, lvsd: d.lvsd, managed: map[netip.Addr]bool{},
		sync: out.Sync, synced: cfg.SyncDaemon, daemon: syncDaemon(cfg),
		frame: out.Frame, up: d.child.up, hung: d.child.kill,
		warn: func(text string, err error) { log.Warn(text, "err", err.Error()) },
		done: func() { log.Info("gratuitous lvs arps finished") },
	}
	return d, nil
}

// Run takes part in the election until a signal ends it, and returns the exit status. It calls ready once, when the
// election has begun.
func (d *Daemon) Run(signals <-chan os.Signal, ready func() error) (int, error) {
	ctx := d.ctx
	defer d.running.Wait()
	defer d.end()
	defer d.alarm.close()
	d.running.Go(d.alarm.wait)
	var beats <-chan struct{}
	var boot uint64
	if d.conn != nil {
		defer d.conn.Close()
		d.running.Go(func() { _ = d.conn.Run(ctx) }) // its end is ours
		beats, boot = d.conn.Ready(), d.conn.Boot().Short()
	}
	if d.undefinedBackup {
		d.log.Warn("Undefined backup node marked as active? -- clearing that!")
	}
	d.judgeCommands()
	cfg := electionConfig(d.cfg, d.role, boot)
	cfg.ForceActive, cfg.Standby, cfg.Adopt = d.opt.ForceActive, d.wasStandby(), d.opt.Adopt
	d.tellStart()
	d.state = election.New(cfg)
	d.step(election.Start{})
	if d.exit != nil {
		return *d.exit, nil
	}
	d.watchLinks(ctx)
	d.keepLvsd()
	if err := ready(); err != nil {
		return 1, err
	}
	d.notify("READY=1")
	d.loop(signals, beats)
	d.notify("STOPPING=1")
	d.finish()
	return *d.exit, nil
}

// loop is where everything that happens comes together, until the election ends.
func (d *Daemon) loop(signals <-chan os.Signal, beats <-chan struct{}) {
	var alive <-chan time.Time
	if d.opt.Watchdog > 0 {
		alive = time.Tick(d.opt.Watchdog / 3)
	}
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for d.exit == nil {
		select {
		case <-look.C:
			d.lookAfter()
		case <-alive:
			d.notify("WATCHDOG=1")
		case <-beats:
			d.drain()
			d.step()
		case <-d.alarm.C:
			d.step(election.Timer{})
		case f := <-d.asked:
			f()
		case s := <-signals:
			d.signal(s)
		}
	}
}

// lookInterval is how often an active router looks whether it still has what it should have.
const lookInterval = time.Second

// lookAfter puts back what somebody else has taken away: a link that was down takes IPv6 addresses with it, and so does a device
// that is created anew. There is at most one such job.
func (d *Daemon) lookAfter() {
	if d.looking || d.opt.TestStart {
		return
	}
	active := d.state.Phase == election.Active
	d.looking = true
	d.begin(false, func(ctx context.Context) {
		if ctx.Err() == nil {
			d.service.lookAfter(active)
		}
		d.do(func() { d.looking = false })
	})
}

// finish waits for the jobs; the service is down by then. What they still report is of no use any more.
func (d *Daemon) finish() {
	for d.lastJob != nil {
		select {
		case <-d.lastJob:
			d.lastJob = nil
		case f := <-d.asked:
			f()
		}
	}
	if d.jobs != nil {
		d.cutShort()
	}
	d.service.hush()
}

// step steps the election with events, and with those that its actions bring forth.
func (d *Daemon) step(events ...election.Event) {
	before := d.state.Phase
	defer func() {
		if d.state.Phase != before {
			d.notify("STATUS=" + d.state.Phase.String())
		}
	}()
	d.queue = append(d.queue, events...)
	for len(d.queue) > 0 && d.exit == nil {
		next := d.queue[0]
		d.queue = d.queue[1:]
		var actions []election.Action
		seen := viewOf(&d.state)
		d.state, actions = election.Step(d.state, next, time.Now())
		d.tell(seen.to(viewOf(&d.state))...)
		for _, a := range actions {
			d.act(a)
		}
	}
}

// drain queues every heartbeat that has come in, and logs what did not count.
func (d *Daemon) drain() {
	if d.conn == nil {
		return
	}
	d.messages, _ = d.conn.Drain(d.messages[:0])
	for _, m := range d.messages {
		d.heard(m)
		d.queue = append(d.queue, packet(m))
	}
	for _, r := range d.conn.Reports(nil) {
		detail := []string{"channel", r.Channel.String()}
		if r.Suppressed > 0 {
			detail = append(detail, "suppressed", strconv.Itoa(int(r.Suppressed)))
		}
		if r.Reason.Debug() {
			d.log.Debug(r.Text(), detail...)
		} else {
			d.log.Warn(r.Text(), detail...)
		}
	}
}
