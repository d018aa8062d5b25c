package lvs

import (
	"context"
	"errors"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

// reading is what came of reading lvs.cf.
type reading struct {
	cfg      *lvscf.Config
	findings lvscf.Findings
	err      error // the file cannot be read
}

// readConfig reads and checks a file. It may wait for name servers, until ctx is done.
func readConfig(ctx context.Context, path string) reading {
	doc, err := lvscf.ReadFile(path)
	var refused lvscf.Findings
	switch {
	case errors.As(err, &refused):
		return reading{findings: refused}
	case err != nil:
		return reading{err: err}
	}
	cfg, findings := doc.Config(lvscf.SystemLookupContext(ctx, lookupTime))
	return reading{cfg: cfg, findings: findings}
}

// reload begins to read lvs.cf again, beside the loop, which reloaded tells the result. Of the calls that come meanwhile
// one more is followed afterwards: the file may have changed after it was read.
func (d *Daemon) reload(ctx context.Context) {
	if d.reading {
		d.again = true
		return
	}
	d.reading = true
	d.log.Info("rereading configuration file")
	path := d.opt.ConfigFile
	d.running.Go(func() {
		r := d.read(ctx, path)
		select {
		case d.readings <- r:
		case <-ctx.Done():
		}
	})
}

// reloaded uses what was read. A file with errors changes nothing; otherwise only what differs is touched.
func (d *Daemon) reloaded(ctx context.Context, r reading) {
	d.reading = false
	switch {
	case r.err != nil:
		d.log.Error("lvs: failed to open "+d.opt.ConfigFile, "err", r.err.Error())
		d.tell(eventReloadRefused, "lvs.cf cannot be read: "+r.err.Error(), eventData{Reason: r.err.Error()})
	case r.findings.Err() != nil:
		d.keepOld(r.findings)
	default:
		d.logFindings(r.findings)
		d.change(ctx, r.cfg)
	}
	if d.again {
		d.again = false
		d.reload(ctx)
	}
}

// keepOld says what is wrong with the file, and that nothing has changed.
func (d *Daemon) keepOld(findings lvscf.Findings) {
	d.log.Error("lvs: error parsing " + d.opt.ConfigFile + " on line " + itoa(findings.Errors()[0].Line) + ".")
	d.logFindings(findings)
	reason := findings.Errors()[0].String()
	d.tell(eventReloadRefused, "lvs.cf is not taken: "+reason, eventData{Reason: reason})
	d.log.Warn("old configuration goes on", "serial_no", itoa(int(d.cfg.SerialNo)))
}

func (d *Daemon) logFindings(findings lvscf.Findings) {
	for _, f := range findings {
		if f.Severity == lvscf.Error {
			d.log.Error(f.String())
		} else {
			d.log.Warn(f.String())
		}
	}
}

func (d *Daemon) change(ctx context.Context, cfg *lvscf.Config) {
	before := d.plan
	next := d.newPlan(cfg)
	d.use(cfg, next, d.present(next))
	d.logServices(before)
	d.setTimeouts()
	d.startMonitors(ctx)
	d.dirty = true
	writes, _ := d.settle()
	d.log.Info("configuration reread", "serial_no", itoa(int(cfg.SerialNo)), "writes", itoa(writes))
	d.tellReload(before, writes)
}

// logServices names the virtual services that come and go.
func (d *Daemon) logServices(before plan) {
	old, now := before.byKey(), d.plan.byKey()
	for _, s := range before {
		if now[s.row.Key] == nil {
			d.log.Info("shutting down virtual service " + s.name)
		}
	}
	for _, s := range d.plan {
		if old[s.row.Key] == nil {
			d.log.Info("starting virtual service " + s.name + " active: " + port(s.port))
		}
	}
}
