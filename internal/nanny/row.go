package nanny

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/loadmon"
)

// kernelTimeout is how long a change of the kernel's table may take; usually it takes 0.1 ms.
const kernelTimeout = 2 * time.Second

// table is the part of an ipvs.Writer that a nanny uses.
type table interface {
	Apply(ops []ipvs.Op) error
	Close() error
}

// dialTable opens the kernel's table. A row changes so rarely that keeping it open would only cost memory.
func dialTable() (table, error) {
	w, err := ipvs.Dial(kernelTimeout)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// placement is what the row looks like, as far as this nanny knows.
type placement uint8

const (
	unknown   placement = iota // at the start; a nanny that died may have left anything
	absent                     // no row
	quiesced                   // weight 0: connections go on, new ones go elsewhere
	reweighed                  // there, with another weight than it should have
	serving
)

// row is the kernel's row of the real server, for a nanny started by hand.
type row struct {
	dial        func() (table, error)
	log         *eventlog.Logger
	service     ipvs.Service // only the key
	destination ipvs.Destination
	quiesce     bool
	scale       int // bounds what a load may make of the weight

	have   placement
	weight int    // of the row while it serves
	fault  string // last thing that went wrong, said once
}

// errNoService ends a nanny: without the service there is nothing to add the server to, and lvsd, or whoever created
// it, has gone another way. The original exited with 255 on any trouble with the table.
var errNoService = errors.New("virtual service does not exist")

// tell does nothing: the log says what somebody who starts a nanny by hand wants to know.
func (r *row) tell(*Watch, time.Time) {}

func (r *row) publish(s Standing) error {
	if !s.Known {
		return nil
	}
	want := absent
	switch {
	case s.Up:
		want = serving
		r.reweigh(s.Reading)
	case r.quiesce && r.have != absent:
		want = quiesced
	}
	return r.move(want)
}

// reweigh makes the weight what the load calls for, at once if the row serves.
func (r *row) reweigh(reading loadmon.Reading) {
	last := r.weight
	if r.have != serving && r.have != reweighed {
		last = r.destination.Weight
	}
	r.weight = reading.Weight(r.destination.Weight, r.scale, last)
	if r.have == serving && r.weight != last {
		r.have = reweighed
	}
}

// withdraw removes the row, a quiesced one too: the original left those behind.
func (r *row) withdraw() error {
	if r.have == unknown || r.have == absent {
		return nil
	}
	if err := r.move(absent); err != nil {
		return err
	}
	if r.have != absent {
		return errors.New(r.fault)
	}
	return nil
}

// move brings the row from one placement to another. If that fails it is said once and tried again at the next call.
func (r *row) move(want placement) error {
	if r.have == want {
		return nil
	}
	next, err := r.change(want)
	if err == nil {
		r.have, r.fault = next, ""
		return nil
	}
	if want != absent && errors.Is(err, unix.ESRCH) {
		r.log.Error("virtual service does not exist", "service", r.service.Key.String(), "err", err.Error())
		return errNoService
	}
	if err.Error() != r.fault {
		r.fault = err.Error()
		r.log.Error("cannot change the kernel's table, will try again", "err", r.fault)
	}
	return nil
}

// change makes the change and returns where the row is then.
func (r *row) change(want placement) (placement, error) {
	t, err := r.dial()
	if err != nil {
		return r.have, err
	}
	defer t.Close()
	d := r.destination
	switch want {
	case serving:
		// A row may be there or not, whatever this nanny did last: others have hands too.
		d.Weight = r.weight
		first, second, retry := ipvs.AddDestination, ipvs.SetDestination, unix.EEXIST
		if r.have == quiesced || r.have == reweighed {
			first, second, retry = ipvs.SetDestination, ipvs.AddDestination, unix.ENOENT
		}
		if err = r.apply(t, first, d); errors.Is(err, retry) {
			err = r.apply(t, second, d)
		}
	case quiesced:
		d.Weight = 0
		if err = r.apply(t, ipvs.SetDestination, d); errors.Is(err, unix.ENOENT) {
			return absent, nil
		}
	default:
		err = r.apply(t, ipvs.RemoveDestination, d)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
			err = nil
		}
	}
	return want, err
}

func (r *row) apply(t table, kind ipvs.OpKind, d ipvs.Destination) error {
	return t.Apply([]ipvs.Op{{Kind: kind, Service: r.service, Destination: d}})
}

// nothing is the outlet of --test-start.
type nothing struct{}

func (nothing) tell(*Watch, time.Time) {}
func (nothing) publish(Standing) error { return nil }
func (nothing) withdraw() error        { return nil }
