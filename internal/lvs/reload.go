package lvs

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

// reload reads lvs.cf again. A file with errors changes nothing; otherwise only what differs is touched.
func (d *Daemon) reload(ctx context.Context) {
	d.log.Info("rereading configuration file")
	doc, err := lvscf.ReadFile(d.opt.ConfigFile)
	var refused lvscf.Findings
	switch {
	case errors.As(err, &refused):
		d.keepOld(refused)
		return
	case err != nil:
		d.log.Error("lvs: failed to open "+d.opt.ConfigFile, "err", err.Error())
		return
	}
	cfg, findings := doc.Config(lvscf.SystemLookup(lookupTime))
	if errs := findings.Errors(); len(errs) > 0 {
		d.keepOld(errs)
		return
	}
	for _, f := range findings {
		d.log.Warn(f.String())
	}
	d.change(ctx, cfg)
}

// keepOld says what is wrong with the file, and that nothing has changed.
func (d *Daemon) keepOld(errs lvscf.Findings) {
	d.log.Error("lvs: error parsing " + d.opt.ConfigFile + " on line " + itoa(errs[0].Line) + ".")
	for _, f := range errs {
		d.log.Error(f.String())
	}
	d.log.Warn("old configuration goes on", "serial_no", itoa(int(d.cfg.SerialNo)))
}

func (d *Daemon) change(ctx context.Context, cfg *lvscf.Config) {
	before, times := d.plan, timeouts(d.cfg)
	d.use(cfg, d.present())
	d.logServices(before)
	if err := d.setTimeouts(times); err != nil {
		d.log.Warn("ipvsadm failed to set timeouts", "err", err.Error())
	}
	d.startMonitors(ctx)
	d.dirty = true
	writes, _ := d.settle()
	d.log.Info("configuration reread", "serial_no", itoa(int(cfg.SerialNo)), "writes", itoa(writes))
}

// logServices names the virtual services that come and go.
func (d *Daemon) logServices(before plan) {
	in := func(p plan, key ipvs.ServiceKey) bool {
		return slices.ContainsFunc(p, func(s service) bool { return s.row.Key == key })
	}
	for _, s := range before {
		if !in(d.plan, s.row.Key) {
			d.log.Info("shutting down virtual service " + s.name)
		}
	}
	for _, s := range d.plan {
		if !in(before, s.row.Key) {
			d.log.Info("starting virtual service " + s.name + " active: " + port(s.port))
		}
	}
}
