package lvs

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// What cannot be done while leaving is tried a few times more. All of it must fit into the time that pulse gives us between
// SIGTERM and SIGKILL.
const (
	leaveTries = 5
	leavePause = 200 * time.Millisecond
)

// leave removes the rows lvsd has charge of. An error says that some stay; the log has said so, too.
func (d *Daemon) leave() error {
	for _, s := range d.plan {
		d.log.Info("shutting down virtual service " + s.name)
	}
	d.failed = "" // what was logged long ago bears repeating
	writes := 0
	err := insist(func() error {
		n, err := d.empty()
		writes += n
		if err != nil {
			d.fail(err)
		}
		return err
	})
	if err != nil {
		d.log.Error("rows stay in the table: the next lvsd takes charge of them", "writes", itoa(writes))
		return fmt.Errorf("rows stay in the table: %w", err)
	}
	d.log.Info("table left", "writes", itoa(writes))
	d.remember(d.ledger.replace(nil))
	return nil
}

// empty removes the rows once and returns how many changes the kernel has taken.
func (d *Daemon) empty() (writes int, err error) {
	have, err := d.table.Read()
	if err != nil {
		return 0, err
	}
	ops := ipvs.Diff(have.Only(d.ledger.mine), nil)
	if err := d.table.Apply(ops); err != nil {
		return max(len(ops)-refusals(err), 0), err
	}
	return len(ops), nil
}

// undo returns what puts the rows that lvsd has charge of, and the ledger, back to what they are now and to known: a start
// that fails must neither leave rows behind nor take any away.
func (d *Daemon) undo(known map[rowKey]bool) func() error {
	found := d.have.Only(d.ledger.mine)
	charge := func(service ipvs.ServiceKey, addr netip.AddrPort) bool {
		_, known := known[rowKey{service, addr}]
		return known || d.ledger.mine(service, addr)
	}
	return func() error {
		err := insist(func() error {
			have, err := d.table.Read()
			if err != nil {
				return err
			}
			return d.table.Apply(ipvs.Diff(have.Only(charge), found))
		})
		if err == nil {
			d.remember(d.ledger.replace(known))
		}
		return err
	}
}

// insist does something until it succeeds, leaveTries times at most, and returns the last error.
func insist(do func() error) (err error) {
	for try := range leaveTries {
		if try > 0 {
			time.Sleep(leavePause)
		}
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

// orphaned ends an lvsd whose pulse has died.
func (d *Daemon) orphaned() error {
	d.tell(eventStop, "lvsd ends: pulse is gone", eventData{Reason: "pulse is gone"})
	if !d.cfg.BackupActive {
		d.log.Error("pulse is gone: leaving, the table stays for the next start")
		return nil
	}
	d.log.Error("pulse is gone: giving up the service before the partner takes it")
	err := insist(func() error { return releaseAddresses(d.cfg) })
	if err != nil {
		d.log.Error("floating addresses stay on this router", "err", err.Error())
	}
	return errors.Join(err, d.leave())
}
