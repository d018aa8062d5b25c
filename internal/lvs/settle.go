package lvs

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// update settles the table after something happened and logs what that took.
func (d *Daemon) update() {
	changed := d.dirty || d.told == tally{}
	if writes, _ := d.settle(); writes > 0 {
		d.log.Info("table updated", "writes", itoa(writes))
	}
	if changed {
		d.tellPulse()
	}
}

// settle brings the table to what is desired, if anything has changed, and returns how many changes were sent. One
// that the kernel refuses is logged, and tried again when something changes next or the table is verified: not before, as each
// attempt takes a reading of the whole table.
func (d *Daemon) settle() (writes int, err error) {
	if !d.dirty {
		return 0, nil
	}
	d.tellServices()
	defer func() {
		if err != nil {
			d.stale, d.dirty = true, false
			d.fail(err)
		}
	}()
	if d.stale {
		if err := d.look(); err != nil {
			return 0, err
		}
	}
	ops := ipvs.Diff(d.have.Only(d.ledger.mine), d.desired())
	if d.looked {
		d.looked = false
		d.logRepairs(ops)
	}
	if err := d.table.Apply(ops); err != nil {
		return max(len(ops)-refusals(err), 0), err
	}
	d.have = ipvs.Patch(d.have, ops)
	d.installed(ops)
	d.logSorry(ops)
	if d.failed != "" {
		d.tell(eventKernelOK, "the kernel's table is as it should be again", eventData{})
	}
	d.dirty, d.failed = false, ""
	d.remember(d.ledger.keep(func() map[rowKey]int { return weights(d.have) }))
	return len(ops), nil
}

// desired is empty on standby: a router that is also a real server would otherwise catch packets meant for itself, and
// packets could circle between two routers.
func (d *Daemon) desired() ipvs.Table {
	if !d.active {
		return nil
	}
	have := make(map[ipvs.ServiceKey][]ipvs.Destination, len(d.have))
	for _, e := range d.have {
		have[e.Service.Key] = e.Destinations
	}
	serving := func(key ipvs.ServiceKey) (list []ipvs.Destination) {
		for _, dst := range have[key] {
			if dst.Weight > 0 && d.ledger.mine(key, dst.Addr) {
				list = append(list, dst)
			}
		}
		return list
	}
	return d.plan.desired(func(key rowKey) placement { return d.health[key].placement }, serving)
}

// installed notes which servers have got a row or lost it, which decides what quiescing does.
func (d *Daemon) installed(ops []ipvs.Op) {
	for _, o := range ops {
		if h := d.health[rowKey{o.Service.Key, o.Destination.Addr}]; h != nil {
			h.installed = o.Kind != ipvs.RemoveDestination
		}
	}
}

// logSorry says, in the original's words, that a sorry server came or went.
func (d *Daemon) logSorry(ops []ipvs.Op) {
	if len(ops) == 0 {
		return
	}
	services := d.plan.byKey()
	for _, o := range ops {
		s := services[o.Service.Key]
		if s == nil || s.sorry == nil || o.Destination.Addr != s.sorry.Addr {
			continue
		}
		switch o.Kind {
		case ipvs.AddDestination:
			d.log.Warn("Virtual Server " + s.name + ": No real servers; activate sorry_server " + s.sorry.Addr.Addr().String())
			d.tell(eventSorryIn, s.name+": the sorry server "+s.sorry.Addr.Addr().String()+" answers now", eventData{Virtual: s.name, Address: s.sorry.Addr.String()})
		case ipvs.RemoveDestination:
			d.log.Info("Virtual Server " + s.name + ": " + itoa(d.living(*s)) + " real servers; deactivate sorry_server " + s.sorry.Addr.Addr().String())
			d.tell(eventSorryOut, s.name+": the sorry server "+s.sorry.Addr.Addr().String()+" answers no more", eventData{Virtual: s.name, Address: s.sorry.Addr.String()})
		default:
		}
	}
}

// living counts the real servers of a service that take connections.
func (d *Daemon) living(s service) (n int) {
	for _, rs := range s.servers {
		if weight, present := d.health[rs.key].weight(rs.row.Weight, s.quiesce); present && weight > 0 {
			n++
		}
	}
	return n
}

// maxRefusals is how many changes that the kernel refused are logged one by one.
const maxRefusals = 10

// fail logs a failure to read or write the table, once for each different one.
func (d *Daemon) fail(err error) {
	text := err.Error()
	if text == d.failed {
		return
	}
	d.failed = text
	reason := firstLine(text)
	d.tell(eventKernelError, "the kernel's table is not as it should be: "+reason, eventData{Reason: reason})
	lines := strings.Split(text, "\n")
	for _, line := range lines[:min(len(lines), maxRefusals)] {
		d.log.Error("table not updated", "err", line)
	}
	if more := len(lines) - maxRefusals; more > 0 {
		d.log.Error("table not updated", "more", itoa(more))
	}
	services := d.plan.byKey()
	for _, r := range refused(err) {
		if r == nil || r.Op.Kind != ipvs.AddService {
			continue
		}
		if s := services[r.Op.Service.Key]; s != nil {
			d.log.Error("ipvsadm failed for virtual server " + s.name + "!")
		}
	}
}

// remember logs, once, that the ledger could not be saved, which is tried again with each look at the table, and once
// that it has been since.
func (d *Daemon) remember(err error) {
	if forgetful := err != nil; forgetful != d.forgetful {
		d.forgetful = forgetful
		if forgetful {
			d.log.Warn("rows cannot be remembered for the next lvsd", "err", err.Error())
		} else {
			d.log.Info("rows are remembered for the next lvsd again")
		}
	}
}

// verify reads the table, for settle to repair what somebody else changed. It returns the pause until the next time.
func (d *Daemon) verify() time.Duration {
	d.remember(d.ledger.flush())
	d.expire(time.Now())
	d.warm(time.Now())
	d.setTimeouts()
	d.looked = !d.dirty && !d.stale
	started := time.Now()
	if err := d.look(); err != nil {
		d.looked = false
		d.fail(err)
		return verifyInterval
	}
	d.dirty = true
	return min(max(verifyInterval, verifyPause*time.Since(started)), verifyMost)
}

// logRepairs says what is about to be repaired, of a table that was right when lvsd last wrote it.
func (d *Daemon) logRepairs(ops []ipvs.Op) {
	const most = 10
	if len(ops) > 0 {
		d.tellRepair(inWords(ops))
	}
	for i, o := range ops {
		if i == most {
			d.log.Warn("table was changed by somebody else: repairing", "more", itoa(len(ops)-most))
			return
		}
		d.log.Warn("table was changed by somebody else: repairing", "change", o.String())
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func signalNumber(s os.Signal) string {
	if n, ok := s.(syscall.Signal); ok {
		return itoa(int(n))
	}
	return s.String()
}

// refusals counts the changes the kernel refused, given what Apply returned. If there was another failure nothing is
// known of what was done: then all count.
func refusals(err error) int {
	list := refused(err)
	if slices.Contains(list, nil) {
		return everything
	}
	return len(list)
}

// refused lists what is in an error that Apply returned: changes that the kernel refused, and nil for each other failure.
func refused(err error) (list []*ipvs.OpError) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			list = append(list, refused(e)...)
		}
		return list
	}
	var one *ipvs.OpError
	_ = errors.As(err, &one)
	return append(list, one)
}

const everything = 1 << 30
