package lvs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mode is what an operator wants of a real server at run time, whatever its health. The zero value: to serve.
type Mode uint8

// The modes.
const (
	Serve Mode = iota
	Drain      // it gets no new connections and keeps those it has
	Maint      // it has no row: nothing reaches it
)

var modeWords = []string{"", "drain", "maint"}

// String is the word for it in the status; "" for Serve.
func (m Mode) String() string { return modeWords[m] }

// order is what an operator has told lvsd of one real server. The zero value is nothing, and never kept.
type order struct {
	mode     Mode
	until    time.Time // of Drain: Maint follows then; zero: not by itself
	weighted bool      // the server has the weight below instead of the one of lvs.cf, or by its load
	weight   int       // 0 to 65535
}

// who names a real server as an operator does.
type who struct{ virtual, server string }

func (s *server) who() who { return who{s.virtual, s.name} }

// orders are an operator's, kept in a file, so that maintenance outlives a restart.
type orders struct {
	stateFile
	all map[who]order
}

// orderFile is the file's form.
type orderFile struct {
	Version int         `json:"version"`
	Orders  []orderLine `json:"orders"`
}

type orderLine struct {
	Virtual string    `json:"virtual"`
	Server  string    `json:"server"`
	Mode    string    `json:"mode,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Weight  *int      `json:"weight,omitempty"`
}

// openOrders reads the file in stateDir. One that is missing or cannot be understood has no orders; the error says why in the
// latter case.
func openOrders(stateDir string) (*orders, error) {
	o := &orders{stateFile: newStateFile(stateDir, "orders.json"), all: map[who]order{}}
	o.durable = true
	var f orderFile
	if err := o.read(&f); err != nil {
		return o, err
	}
	for _, line := range f.Orders {
		mode := slices.Index(modeWords, line.Mode)
		if mode < 0 {
			continue // of a later version
		}
		next := order{mode: Mode(mode), until: line.Until}
		if line.Weight != nil && *line.Weight >= 0 && *line.Weight <= maxWeight {
			next.weighted, next.weight = true, *line.Weight
		}
		if next != (order{}) {
			o.all[who{line.Virtual, line.Server}] = next
		}
	}
	return o, nil
}

// set gives an order; the zero value takes it back.
func (o *orders) set(w who, next order) {
	if o.all[w] == next {
		return
	}
	o.unsaved = true
	if next == (order{}) {
		delete(o.all, w)
	} else {
		o.all[w] = next
	}
}

// keep forgets the orders of servers that are no longer there.
func (o *orders) keep(there func(who) bool) {
	for w := range o.all {
		if !there(w) {
			o.set(w, order{})
		}
	}
}

// expire puts the servers whose drain is over into maintenance, and names them.
func (o *orders) expire(now time.Time) (over []who) {
	for w, order := range o.all {
		if order.mode == Drain && !order.until.IsZero() && !now.Before(order.until) {
			order.mode, order.until = Maint, time.Time{}
			o.set(w, order)
			over = append(over, w)
		}
	}
	return over
}

func (o *orders) flush() error { return o.save(o.content) }

// content is the file's.
func (o *orders) content() ([]byte, error) {
	f := orderFile{Version: 1, Orders: []orderLine{}}
	for w, order := range o.all {
		line := orderLine{Virtual: w.virtual, Server: w.server, Mode: order.mode.String(), Until: order.until}
		if order.weighted {
			line.Weight = &order.weight
		}
		f.Orders = append(f.Orders, line)
	}
	slices.SortFunc(f.Orders, func(a, b orderLine) int {
		return strings.Compare(a.Virtual+"\x00"+a.Server, b.Virtual+"\x00"+b.Server)
	})
	text, err := json.MarshalIndent(f, "", "\t")
	return append(text, '\n'), err
}

// useOrders gives the servers of the configuration the orders that there are for them.
func (d *Daemon) useOrders() {
	there := make(map[who]bool, len(d.orders.all))
	for _, h := range d.health {
		w := h.server.who()
		order, given := d.orders.all[w]
		if given {
			there[w] = true
		}
		if was := h.order.mode; was != Serve && order.mode == Serve && h.state == up {
			h.comeBack()
		}
		h.order = order
	}
	d.orders.keep(func(w who) bool { return there[w] })
	d.saveOrders()
}

// moveOrders has those of servers that get another name in a plan follow: what is out of service must not come into service by
// that. A name that several have, which lvs.cf allows, keeps its order as long as one of them keeps the name.
func (d *Daemon) moveOrders(p plan) {
	stays, moved := map[who]bool{}, map[who]order{}
	var left []who
	for _, s := range p {
		for _, rs := range s.servers {
			h := d.health[rs.key]
			switch {
			case h == nil:
			case h.server.who() == rs.who():
				stays[rs.who()] = true
			default:
				left = append(left, h.server.who())
				moved[rs.who()] = h.order
			}
		}
	}
	for _, w := range left {
		if !stays[w] {
			d.orders.set(w, order{})
		}
	}
	for w, order := range moved {
		if !stays[w] {
			d.orders.set(w, order)
		}
	}
}

// saveOrders logs, once, that the orders could not be saved, which is tried again with each look at the table, and once that
// they have been since.
func (d *Daemon) saveOrders() {
	err := d.orders.flush()
	if lost := err != nil; lost != d.ordersLost {
		d.ordersLost = lost
		if lost {
			d.log.Warn("what an operator has ordered will not outlive lvsd", "err", err.Error())
		} else {
			d.log.Info("what an operator has ordered will outlive lvsd again")
		}
	}
}

// expire ends the drains whose time is over, and saves what could not be saved before.
func (d *Daemon) expire(now time.Time) {
	over := d.orders.expire(now)
	for _, w := range over {
		d.log.Info("real server drained: in maintenance", "vs", w.virtual, "rs", w.server)
		e := eventData{Virtual: w.virtual, Server: w.server, Order: "maint", Reason: "the time of its drain is over"}
		d.tell(eventOrder, w.virtual+" "+w.server+": maint, as "+e.Reason, e)
	}
	if len(over) > 0 {
		d.useOrders()
		d.dirty = true
	}
	d.saveOrders()
}

var errNoServer = errors.New("no active virtual server and real server of these names")

// Order does what an operator wants of a real server and returns when the table is so, with how many changes it took. It may be
// called by any goroutine while Run goes on.
func (d *Daemon) Order(ctx context.Context, virtual, server string, o Order) (writes int, err error) {
	return d.ask(ctx, func() (int, error) { return d.order(who{virtual, server}, o) })
}

func (d *Daemon) order(w who, o Order) (int, error) {
	if w.server == "" || !d.plan.has(w.virtual, w.server) {
		return 0, errNoServer
	}
	d.tell(eventOrder, w.virtual+" "+w.server+": "+o.String()+", as ordered", eventData{Virtual: w.virtual, Server: w.server, Order: o.String()})
	d.orders.set(w, o.apply(d.orders.all[w], time.Now()))
	d.useOrders()
	d.dirty = true
	writes, err := d.settle()
	d.log.Info("ordered: "+o.String(), "vs", w.virtual, "rs", w.server, "writes", itoa(writes))
	return writes, err
}

// String is the order in words.
func (o Order) String() string {
	switch {
	case o.Verb == "drain" && o.Within > 0:
		return "drain within " + o.Within.String()
	case o.Verb == "weight" && o.Weight < 0:
		return "weight default"
	case o.Verb == "weight":
		return "weight " + strconv.Itoa(o.Weight)
	}
	return o.Verb
}

// maxWeight is the kernel's.
const maxWeight = 65535

// Order is what an operator asks for.
type Order struct {
	Verb   string        // drain, maint, ready, weight
	Within time.Duration // of drain: maint follows after it; 0: not by itself
	Weight int           // of weight; -1: the one of lvs.cf again
}

var errVerb = errors.New("drain, maint, ready or weight expected")

// ParseOrder reads an order from the words of a call. Its errors are for whoever called.
func ParseOrder(verb, within, weight string) (o Order, err error) {
	o.Verb = verb
	switch verb {
	case "drain":
		if within != "" {
			if o.Within, err = time.ParseDuration(within); err != nil || o.Within <= 0 {
				return o, fmt.Errorf("within: a time longer than 0 expected, not %.40q", within)
			}
		}
	case "weight":
		if weight == "default" {
			o.Weight = -1
			break
		}
		if o.Weight, err = strconv.Atoi(weight); err != nil || o.Weight < 0 || o.Weight > maxWeight {
			return o, fmt.Errorf("weight: a number of 0 to %d, or default, expected, not %.40q", maxWeight, weight)
		}
	case "maint", "ready":
	default:
		return o, errVerb
	}
	return o, nil
}

// apply is what becomes of an order when another one is given.
func (o Order) apply(to order, now time.Time) order {
	switch o.Verb {
	case "drain":
		to.mode, to.until = Drain, time.Time{}
		if o.Within > 0 {
			to.until = now.Add(o.Within).Round(0)
		}
	case "maint":
		to.mode, to.until = Maint, time.Time{}
	case "ready":
		to.mode, to.until = Serve, time.Time{}
	case "weight":
		to.weighted, to.weight = o.Weight >= 0, max(o.Weight, 0)
	}
	return to
}
