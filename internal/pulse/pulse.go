// Package pulse is the pulse daemon: heartbeats and a timer go into the election, and what the election decides is done
// with floating addresses, announcements and lvsd.
//
// One loop steps the election and does nothing slow. Whatever may take time runs beside it, one job at a time, and
// comes back as an event.
package pulse

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/ipvs/syncd"
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
	Output           *os.File // standard output of lvsd; nil: none
}

// Outside is the part of the machine that pulse works on, besides its own sockets.
type Outside struct {
	Local []netip.Addr // this machine's addresses
	Links links
	Sync  syncer // nil: no connection sync
}

// Daemon is the running pulse. Only Run touches its fields, but for what is said otherwise.
type Daemon struct {
	opt    Options
	log    *eventlog.Logger
	cfg    *lvscf.Config
	digest [32]byte
	role   election.Role
	conn   *heartbeat.Conn
	state  election.State

	wanted  []vip.Address
	service *service
	lvsd    lvsd

	queue    []election.Event // produced by an action, to be stepped next
	timer    *time.Timer
	exit     *int
	refused  string
	jobs     context.Context // of the jobs under way and those that wait, until one overtakes them
	cutShort context.CancelFunc
	lastJob  <-chan struct{} // closed when the last of them has ended
	lvsdPid  int

	partnerSerial int64 // as the partner last said
	partnerDigest [8]byte

	messages []heartbeat.Message

	asked   chan func() // what those beside the loop want done in it
	running sync.WaitGroup
	ctx     context.Context // ends lvsd and whatever else runs beside the loop
}

// New prepares a Daemon for a configuration that has passed its check. The sockets are bound here, so that a failure is known before pulse goes into the background.
func New(o Options, doc *lvscf.Document, cfg *lvscf.Config, out Outside, log *eventlog.Logger) (*Daemon, error) {
	role, err := findRole(cfg, out.Local)
	if err != nil {
		return nil, err
	}
	if err := served(cfg); err != nil {
		return nil, errors.New(err.Error() + o.ConfigFile)
	}
	wanted, err := addresses(cfg)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		opt: o, log: log, cfg: cfg, digest: doc.Digest(), role: role, wanted: wanted,
		lvsd: newLvsd(o, os.Environ()), timer: time.NewTimer(0),
		asked: make(chan func()),
	}
	d.timer.Stop()
	if cfg.BackupActive {
		key, err := readKey(cfg)
		if err != nil {
			return nil, err
		}
		if d.conn, err = heartbeat.Open(heartbeatConfig(cfg, role, key, o.Verbose)); err != nil {
			return nil, err
		}
	}
	d.service = &service{
		links: out.Links, lvsd: d.lvsd, managed: map[netip.Addr]bool{},
		sync: out.Sync, daemon: syncd.Daemon{Dev: cfg.SyncdIface, ID: uint8(cfg.SyncdID)},
		warn: func(text string, err error) { log.Warn(text, "err", err.Error()) },
		done: func() { log.Info("gratuitous lvs arps finished") },
	}
	return d, nil
}

// served is the original's refusal to run without anything to serve.
func served(cfg *lvscf.Config) error {
	if cfg.Service == lvscf.FOS {
		return errors.New("service = fos is not supported: ")
	}
	for i := range cfg.Virtual {
		if cfg.Virtual[i].Enabled {
			return nil
		}
	}
	return errors.New("no active lvs services defined in ")
}

// Run takes part in the election until a signal ends it, and returns the exit status. It calls ready once, when the
// election has begun.
func (d *Daemon) Run(signals <-chan os.Signal, ready func() error) (int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	d.ctx = ctx
	defer d.running.Wait()
	defer cancel()
	var beats <-chan struct{}
	var boot uint64
	if d.conn != nil {
		defer d.conn.Close()
		d.running.Go(func() { _ = d.conn.Run(ctx) }) // its end is ours
		beats, boot = d.conn.Ready(), d.conn.Boot().Short()
	}
	cfg := electionConfig(d.cfg, d.role, boot)
	cfg.ForceActive = d.opt.ForceActive
	d.state = election.New(cfg)
	d.step(election.Start{})
	if d.exit != nil {
		return *d.exit, nil
	}
	d.missing()
	d.startLvsd()
	if err := ready(); err != nil {
		return 1, err
	}
	for d.exit == nil {
		select {
		case <-beats:
			d.drain()
			d.step()
		case <-d.timer.C:
			d.step(election.Timer{})
		case f := <-d.asked:
			f()
		case s := <-signals:
			d.signal(s)
		}
	}
	d.finish()
	return *d.exit, nil
}

// missing warns of what lvs.cf asks for and pulse cannot do yet.
func (d *Daemon) missing() {
	for _, m := range [...]struct {
		asked bool
		text  string
	}{
		{d.cfg.MonitorLinks, "monitor_links is not supported yet: a lost link is not noticed"},
		{d.cfg.Standby == lvscf.Cold, "standby = cold is not supported yet: lvsd runs on both routers"},
	} {
		if m.asked {
			d.log.Warn(m.text)
		}
	}
}

// finish waits for the jobs; the service is down by then. What they still report is of no use any more.
func (d *Daemon) finish() {
	for d.lastJob != nil {
		select {
		case <-d.lastJob:
			d.lastJob = nil
		case <-d.asked:
		}
	}
	if d.jobs != nil {
		d.cutShort()
	}
	d.service.hush()
}

// step steps the election with events, and with those that its actions bring forth.
func (d *Daemon) step(events ...election.Event) {
	d.queue = append(d.queue, events...)
	for len(d.queue) > 0 && d.exit == nil {
		next := d.queue[0]
		d.queue = d.queue[1:]
		var actions []election.Action
		d.state, actions = election.Step(d.state, next, time.Now())
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
		if r.Reason.Debug() {
			d.log.Debug(r.Text())
			continue
		}
		d.log.Warn(r.Text(), "channel", r.Channel.String())
	}
}
