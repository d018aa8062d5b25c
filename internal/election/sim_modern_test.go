package election

import (
	"fmt"
	"time"
)

// stepFunc is Step, or a broken one that the judge has to find.
type stepFunc func(State, Event, time.Time) (State, []Action)

// modern is a router that runs Step, with the loop around it.
type modern struct {
	node
	step    stepFunc
	config  Config
	state   State
	epoch   time.Time // what its clock showed at the beginning: monotonic, another one on each machine and boot
	counter uint64
	addrs   bool
	opDown  bool // a Deactivate is not finished
	opLast  uint32
	downBad bool // the next deactivation fails

	heardRunning time.Duration
	bornAt       time.Duration
}

func (m *modern) serving() bool {
	return m.up && (m.state.Phase == Activating || m.state.Phase == Active)
}

// holds: addresses a dead pulse left behind are the guard's to remove, not the election's.
func (m *modern) holds() bool      { return m.up && m.state.Phase != Clearing && m.addrs }
func (m *modern) describe() string { return m.state.Phase.String() }

func (m *modern) start() {
	if m.up {
		return
	}
	w := m.w
	m.up = true
	m.life++
	m.lvsdUp = true
	m.epoch = time.Unix(w.rng.Int64N(1<<31), w.rng.Int64N(1e9)).Add(w.pair.later)
	w.boots++
	m.config.Boot = w.rng.Uint64()<<16 | w.boots // random, but never the same
	m.config.Keepalive, m.config.Deadtime = w.keepalive, w.deadtime
	m.counter = 0
	m.opDown = false
	m.standby = false
	m.readySince, m.stallSince, m.bornAt = w.now, w.now, w.now
	m.state = New(m.config)
	w.log(&m.node, "process starts")
	m.event(Start{})
	if !m.linkUp {
		m.event(Link{Public, false})
	}
}

func (m *modern) clock() time.Time { return m.epoch.Add(m.w.now) }

// event is one pass of the loop.
func (m *modern) event(e Event) {
	if !m.up {
		return
	}
	w := m.w
	if w.steps++; w.steps > 50000 {
		w.fail("router %d does not come to rest", m.id)
		return
	}
	before := m.state.Phase
	state, actions := m.step(m.state, e, m.clock())
	m.state = state
	if w.tracing {
		w.log(&m.node, "%T%+v -> %v", e, e, traced(actions))
	}
	drain := false
	for _, a := range actions {
		if _, ok := a.(Drain); ok {
			drain = true
			continue
		}
		m.act(a)
	}
	w.judge.stepped(w, m, before, actions)
	if drain && m.up {
		m.readInbox()
		m.event(Drained{})
	}
}

func traced(actions []Action) []string {
	var s []string
	for _, a := range actions {
		if _, ok := a.(Arm); !ok {
			s = append(s, fmt.Sprintf("%T%+v", a, a)[len("election."):])
		}
	}
	return s
}

func (m *modern) act(a Action) {
	w := m.w
	switch a := a.(type) {
	case Send:
		if a.Kind == Stopped && m.addrs {
			w.fail("invariant 4: router %d says STOPPED with addresses up", m.id)
		}
		for range a.Copies {
			m.counter++
			w.transmit(&m.node, Packet{Kind: a.Kind, Trailer: true, Boot: m.config.Boot, Counter: m.counter,
				Flags: a.Flags, Role: m.role, Turn: a.Turn})
		}
	case Activate:
		m.activate(a)
	case Deactivate:
		m.deactivate(a)
	case Announce:
		if m.state.Phase != Active {
			w.fail("router %d announces while %v", m.id, m.state.Phase)
		}
		w.arp = m.id
	case RestartLvsd:
		died := w.rng.IntN(4) == 0
		m.when(w.between(0, w.keepalive), func() {
			if died {
				m.lvsdUp = false
				m.event(LvsdDied{})
				return
			}
			m.lvsdUp, m.readySince = true, w.now
			m.event(LvsdUp{})
		})
	case Arm:
		m.timerSeq++
		seq := m.timerSeq
		if !a.At.IsZero() {
			m.when(max(a.At.Sub(m.clock()), 0)+w.between(0, w.keepalive/100), func() {
				if seq == m.timerSeq {
					m.tick()
				}
			})
		}
	case Exit:
		if m.addrs && a.Code == 0 {
			w.fail("invariant 4: router %d ends with addresses up", m.id)
		}
		m.die()
	}
}

func (m *modern) activate(a Activate) {
	w := m.w
	if m.opDown {
		w.fail("invariant 4: router %d activates while a deactivation is unfinished", m.id)
	}
	m.opLast = a.Op
	m.addrs = true // in the worst case at once
	failing := m.failMode
	m.when(w.between(0, m.slow), func() {
		switch {
		case m.opLast != a.Op: // overtaken by a deactivation
		case failing:
			m.failSince = w.now
			m.event(ActivationFailed{a.Op, "simulated"})
		default:
			w.arp = m.id
			m.event(Activated{a.Op})
		}
	})
}

func (m *modern) deactivate(a Deactivate) {
	w := m.w
	m.opLast, m.opDown = a.Op, true
	bad := m.downBad
	m.downBad = false
	m.when(w.between(0, m.slow), func() {
		m.opDown = false
		m.readySince = w.now
		if bad {
			m.event(DeactivationFailed{a.Op, "simulated"})
			return
		}
		m.addrs = false
		m.event(Deactivated{a.Op})
	})
}

func (m *modern) packet(p Packet, _ *node) {
	if p.Kind == Running {
		m.heardRunning = m.w.now
	}
	m.event(p)
}

func (m *modern) tick() { m.event(Timer{}) }
