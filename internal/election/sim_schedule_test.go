package election

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// bytesSource makes a schedule of bytes, for the fuzzer; after their end it goes on by itself.
type bytesSource struct {
	data []byte
	rest *rand.PCG
}

func (s *bytesSource) Uint64() uint64 {
	if len(s.data) >= 2 { // two bytes decide as much as a schedule needs
		v := uint64(binary.LittleEndian.Uint16(s.data))
		s.data = s.data[2:]
		return v<<48 | v<<32 | v<<16 | v
	}
	return s.rest.Uint64()
}

var pairings = [...]pairing{
	{name: "new and new"},
	{name: "original primary", original: Primary},
	{name: "original backup", original: Backup},
}

func newWorld(source rand.Source, p pairing, step stepFunc, tracing bool) *world {
	w := &world{rng: rand.New(source), pair: p, arp: -1, tracing: tracing, judge: newJudge()}
	times := [...][2]time.Duration{
		{time.Second, 3 * time.Second}, {2 * time.Second, 5 * time.Second}, {time.Second, 4 * time.Second},
		{6 * time.Second, 18 * time.Second}, {100 * time.Millisecond, 300 * time.Millisecond},
	}
	n := len(times)
	if p.original != 0 {
		n-- // whole seconds
	}
	pick := times[w.rng.IntN(n)]
	w.keepalive, w.deadtime = pick[0], pick[1]
	w.channels[Public].exists = true
	w.channels[Private].exists = w.rng.IntN(2) == 0
	slow := [...]time.Duration{0, w.keepalive / 10, w.keepalive, w.deadtime}[w.rng.IntN(4)]
	for i := range w.nodes {
		role := Role(i + 1)
		base := node{w: w, id: i, role: role, linkUp: true, slow: slow, failSince: -time.Hour, linkSince: -time.Hour}
		if role == p.original {
			w.nodes[i] = &original{node: base}
			continue
		}
		w.nodes[i] = &modern{node: base, step: step, config: Config{Role: role, BackupActive: true, MonitorLinks: true}}
	}
	w.judge.slack = 2*slow + w.keepalive/10
	for c := range w.channels {
		w.channels[c].calm(w.keepalive)
	}
	return w
}

// simulate runs one schedule: disturbances, then repair, then a time in which nothing may happen any more.
func simulate(source rand.Source, p pairing, step stepFunc, tracing bool) *world {
	w := newWorld(source, p, step, tracing)
	for _, r := range w.nodes {
		w.after(w.between(0, 2*w.deadtime), r.start)
	}
	end := 8 * w.deadtime
	rough := w.rng.IntN(8)
	for range rough + 1 {
		w.after(w.between(0, end), w.disturb)
	}
	w.run(end)
	w.repair()
	settle := end + 4*w.deadtime + 2*w.judge.slack
	if w.judge.operatorAt >= 0 {
		settle += w.deadtime
	}
	settle += w.convalescence()
	w.run(settle)
	changes := w.judge.changes
	w.run(settle + w.deadtime + 2*w.keepalive)
	if w.judge.changes != changes {
		w.fail("invariant 3: a change without a cause after the end")
	}
	w.finally()
	return w
}

// convalescence is how long failures are still held against somebody.
func (w *world) convalescence() time.Duration {
	d := time.Duration(0)
	for _, r := range w.nodes {
		n := r.base()
		if n.failSince >= 0 || !n.lvsdUp {
			d = backoffMost + 2*time.Second + w.judge.slack
		}
	}
	return d
}

// finally says how it must end: exactly one serves.
func (w *world) finally() {
	a, b := w.nodes[0].serving(), w.nodes[1].serving()
	if w.failed == "" && a == b && (able(w, w.nodes[0]) || able(w, w.nodes[1])) {
		w.fail("in the end active: router 0 %v, router 1 %v", a, b)
	}
}

// repair ends every disturbance.
func (w *world) repair() {
	w.repaired = true
	w.log(nil, "everything is repaired")
	w.rough(0)
	for c := range w.channels {
		w.channels[c].calm(w.keepalive)
	}
	for _, r := range w.nodes {
		n := r.base()
		n.failMode = false
		w.setLink(r, true)
		if n.up && n.frozen {
			n.thaw()
		}
		if m, ok := r.(*modern); ok && m.up && m.standby {
			m.standby = false
			w.judge.operatorAt = w.now
			m.event(Resume{})
		}
		if !n.up {
			r.start()
		}
		if o, ok := r.(*original); ok && o.childFail {
			o.die() // only a restart helps it without a partner that serves (8.19)
			o.start()
		}
	}
}

// rough remembers until when packets sent so far may arrive.
func (w *world) rough(more time.Duration) {
	for c := range w.channels {
		more = max(more, w.channels[c].delay)
	}
	w.judge.roughUntil = max(w.judge.roughUntil, w.now+more)
}

func (w *world) setLink(r router, up bool) {
	n := r.base()
	if n.linkUp == up {
		return
	}
	n.linkUp, n.linkSince = up, w.now
	w.log(n, "public link up: %v", up)
	if m, ok := r.(*modern); ok {
		m.when(0, func() { m.event(Link{Public, n.linkUp}) })
	}
}

// disturb does one of the things that happen to routers.
func (w *world) disturb() {
	r := w.nodes[w.rng.IntN(2)]
	switch w.rng.IntN(16) {
	case 0, 1, 2:
		w.disturbNetwork()
	case 3:
		for c := range w.channels {
			w.rough(0)
			w.channels[c].calm(w.keepalive)
		}
		w.log(nil, "network calm")
	case 4:
		w.crash(r)
	case 5:
		r.base().stall(w.between(0, 2*w.deadtime), w.rng.IntN(2) == 0)
	case 6:
		r.base().stall(w.between(w.deadtime/8, w.deadtime/2), w.rng.IntN(4) == 0)
	case 7:
		w.lvsdDeath(r)
	case 8:
		w.trouble(r)
	case 9, 10, 11:
		w.operate(r)
	case 12:
		w.flap(r)
	case 13:
		if m, ok := r.(*modern); ok && m.up {
			m.when(0, func() { m.event(Link{Private, w.rng.IntN(2) == 0}) })
		}
	case 14:
		w.forge(r)
	case 15:
		w.stop(r)
	}
}

func (w *world) disturbNetwork() {
	ch := &w.channels[w.rng.IntN(2)]
	w.rough(0)
	switch w.rng.IntN(4) {
	case 0:
		ch.cut = [2]bool{true, true}
	case 1:
		ch.cut[w.rng.IntN(2)] = true
	case 2:
		ch.loss = w.rng.Float64() * 0.6
	case 3:
		ch.delay = w.between(w.keepalive/10, 2*w.keepalive)
		w.judge.delay = max(w.judge.delay, ch.delay)
		ch.dup = w.rng.Float64() * 0.3
	}
	w.rough(0)
	w.log(nil, "network %+v", w.channels)
}

// crash takes a machine, or only its pulse, and brings it back after a while, or at the end.
func (w *world) crash(r router) {
	n := r.base()
	if !n.up {
		return
	}
	machine := w.rng.IntN(2) == 0
	w.log(n, "crashes, machine: %v", machine)
	n.die()
	if m, ok := r.(*modern); ok && machine {
		m.addrs = false
	}
	w.revive(r)
}

func (w *world) revive(r router) {
	if w.rng.IntN(4) != 0 {
		w.after(w.between(0, 2*w.deadtime), r.start)
	}
}

func (w *world) lvsdDeath(r router) {
	n := r.base()
	if !n.up || n.frozen {
		return
	}
	w.log(n, "lvsd dies")
	switch r := r.(type) {
	case *modern:
		r.lvsdUp = false
		r.event(LvsdDied{})
	case *original:
		r.lvsdDies()
	}
}

func (w *world) trouble(r router) {
	m, ok := r.(*modern)
	if !ok {
		if n := r.base(); n.up {
			r.(*original).clockStep(w.between(0, 2*w.deadtime))
		}
		w.rough(w.deadtime)
		return
	}
	if w.rng.IntN(3) == 0 {
		m.downBad = true
		w.judge.slack = max(w.judge.slack, 2*m.slow+w.keepalive/10+2*time.Second)
		return
	}
	m.failMode = !m.failMode
	if !m.failMode {
		m.failSince = w.now
	}
	w.log(&m.node, "activations fail: %v", m.failMode)
}

func (w *world) operate(r router) {
	m, ok := r.(*modern)
	if !ok || !m.up || m.frozen {
		return
	}
	w.judge.operatorAt = w.now
	switch w.rng.IntN(5) {
	case 0, 1:
		m.event(Switchover{})
	case 2:
		m.event(EnterStandby{})
		m.standby = m.state.Standby
	case 3:
		m.standby = false
		m.event(Resume{})
	case 4:
		c := m.config
		c.Keepalive -= c.Keepalive / 10
		c.Deadtime -= c.Deadtime / 20
		m.event(Reload{c})
	}
}

func (w *world) stop(r router) {
	n := r.base()
	if !n.up || n.frozen {
		return
	}
	w.judge.operatorAt = w.now
	switch r := r.(type) {
	case *modern:
		r.event(Stop{15})
		w.after(w.between(w.keepalive/100, 2*w.deadtime), r.start)
	case *original:
		w.log(n, "stops")
		r.die()
		w.revive(r)
	}
}

func (w *world) flap(r router) {
	d := time.Duration(0)
	for i := range 1 + w.rng.IntN(6) {
		w.after(d, func() {
			if !w.repaired {
				w.setLink(r, i%2 == 1)
			}
		})
		d += w.between(0, w.deadtime)
	}
}

func (w *world) forge(r router) {
	m, ok := r.(*modern)
	if ok && m.up && !m.frozen {
		if !m.state.Partner.Trailer {
			w.judge.ableSince[m.id] = w.now // an original might send HOLD, so it counts as life
		}
		m.event(Packet{Kind: [...]Kind{StopMe, Hold, Held}[w.rng.IntN(3)]})
	}
}
