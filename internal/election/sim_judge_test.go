package election

import "time"

// never is a time at which something that does not hold began.
const never = time.Duration(-1)

// judge watches the invariants. Between two events nothing changes, so it looks at the end of each such interval.
type judge struct {
	goodSince  time.Duration // a channel works in both directions and both routers run
	dualSince  time.Duration // both say that they are active
	bothSince  time.Duration // both have addresses up
	noneSince  time.Duration // nobody serves or holds addresses
	ableSince  [2]time.Duration
	aliveSince [2]time.Duration // it serves, runs and can be heard
	arpSince   time.Duration    // the network believes in the wrong router
	operatorAt time.Duration
	roughUntil time.Duration // delayed packets may arrive until then
	changes    int           // of phase
	activated  [2]time.Duration
	served     [2]time.Duration // when it last served or held
	slack      time.Duration    // for deactivation and activation
	delay      time.Duration    // the longest a packet takes: the last one may arrive after the death of its sender
}

func newJudge() judge {
	return judge{goodSince: never, dualSince: never, bothSince: never, noneSince: never,
		ableSince: [2]time.Duration{never, never}, aliveSince: [2]time.Duration{never, never}, arpSince: never, operatorAt: -time.Hour,
		activated: [2]time.Duration{-time.Hour, -time.Hour}, served: [2]time.Duration{-time.Hour, -time.Hour}}
}

// mark notes since when a condition holds.
func mark(since *time.Duration, holds bool, now time.Duration) {
	switch {
	case !holds:
		*since = never
	case *since == never:
		*since = now
	}
}

func (j *judge) check(w *world, at time.Duration) {
	a, b := w.nodes[0], w.nodes[1]
	j.observe(w)
	bound := w.deadtime + w.keepalive + w.keepalive/2
	exceeds := func(limit time.Duration, since ...time.Duration) bool {
		latest := time.Duration(0)
		for _, s := range since {
			if s == never {
				return false
			}
			latest = max(latest, s)
		}
		return at-latest > limit
	}
	if exceeds(bound, j.dualSince, j.goodSince) {
		w.fail("invariant 1: both active for %v on a working path", at-j.dualSince)
	}
	if exceeds(bound+j.slack, j.bothSince, j.goodSince) {
		w.fail("invariant 1: addresses on both for %v on a working path", at-j.bothSince)
	}
	for i := range w.nodes {
		if exceeds(bound+j.delay, j.noneSince, j.ableSince[i]) {
			w.fail("invariant 2: nobody serves for %v though router %d could", at-j.noneSince, i)
		}
	}
	limit := bound + j.slack
	if w.pair.original != 0 {
		limit += announceAfter // what an original left behind announces for 5 s
	}
	if exceeds(limit, j.arpSince, j.goodSince) {
		w.fail("invariant 5: the network still believes in router %d", w.arp)
	}
	for i, r := range [2]router{a, b} {
		if r.serving() || r.holds() {
			j.served[i] = at
		}
	}
}

func (j *judge) observe(w *world) {
	a, b := w.nodes[0], w.nodes[1]
	na, nb := a.base(), b.base()
	good := na.up && nb.up && !na.frozen && !nb.frozen && !busy(a) && !busy(b) &&
		(w.channels[0].good(w, Public) || w.channels[1].good(w, Private))
	for c := range w.channels { // an original cannot tell old packets from new ones
		good = good && (w.pair.original == 0 || w.channels[c].delay <= w.keepalive/10)
	}
	mark(&j.goodSince, good, w.now)
	if good && w.pair.original != 0 {
		j.goodSince = max(j.goodSince, j.roughUntil)
	}
	mark(&j.dualSince, a.serving() && b.serving(), w.now)
	mark(&j.bothSince, a.holds() && b.holds(), w.now)
	mark(&j.noneSince, !a.serving() && !b.serving() && !a.holds() && !b.holds(), w.now)
	for i, r := range w.nodes {
		n := r.base()
		heard := w.channels[0].good(w, Public) || w.channels[1].good(w, Private)
		mark(&j.aliveSince[i], heard && r.serving() && n.up && !n.frozen && !busy(r), w.now)
		mark(&j.ableSince[i], able(w, r), w.now)
	}
	// Of one that serves alone the network must know. An original announces only when it hears RUNNING (2.5 row 4),
	// so nothing is asked of it.
	wrong := false
	for i, r := range w.nodes {
		m, ok := r.(*modern)
		other := w.nodes[1-i]
		// An original that announced without ever saying RUNNING (8.14) goes unnoticed.
		if w.pair.original != 0 && m != nil && m.heardRunning < j.activated[1-i] {
			continue
		}
		if ok && m.up && m.state.Phase == Active && !other.serving() && !other.holds() && w.arp != i {
			wrong = true
		}
	}
	mark(&j.arpSince, wrong, w.now)
}

func busy(r router) bool {
	o, ok := r.(*original)
	return ok && o.busy()
}

// able says that nothing is wrong with a router, now and for as long as it holds back after a failure.
func able(w *world, r router) bool {
	n := r.base()
	if !n.up || n.frozen || !n.linkUp || !n.lvsdUp {
		return false
	}
	switch r := r.(type) {
	case *modern:
		back := w.now >= n.linkSince+w.deadtime+w.keepalive/10 && w.now >= n.failSince+backoffMost+time.Second
		return back && !n.failMode && !n.standby && !r.state.Stopping &&
			r.state.Phase != Clearing && r.state.Phase != Ended
	case *original:
		return !r.childFail && !r.linkFail && !r.busy()
	}
	return false
}

// stepped looks at what a Step did: no change of state without a cause.
func (j *judge) stepped(w *world, m *modern, before Phase, actions []Action) {
	if m.state.Phase != before {
		j.changes++
	}
	settled := j.goodSince != never && w.now-j.goodSince > w.deadtime+w.keepalive
	byOperator := w.now-j.operatorAt <= 2*w.deadtime+w.keepalive+j.slack
	other := w.nodes[1-m.id]
	lately := w.now-max(j.served[1-m.id], j.activated[1-m.id]) <= w.keepalive
	for _, a := range actions {
		switch a := a.(type) {
		case Arm:
			if !a.At.IsZero() && a.At.Before(m.clock()) {
				w.fail("router %d arms its timer %v ago", m.id, m.clock().Sub(a.At))
			}
		case Activate:
			j.activated[m.id] = w.now
			if since := j.aliveSince[1-m.id]; a.Reason == PartnerDead && since != never &&
				w.now-max(since, m.bornAt) > w.deadtime+w.keepalive && noticed(w, m) {
				w.fail("invariant 3: router %d believes a living partner dead", m.id)
			}
			// An original says RUNNING a keepalive late. Of two new ones both may activate if a failure of one ends
			// just as the other's patience does; no exchange of packets can exclude that.
			ago := w.now - j.activated[1-m.id]
			race := w.pair.original != 0 && ago <= w.keepalive+w.keepalive/5
			if o, ok := other.(*modern); ok && ago <= w.keepalive/5 {
				race = justReady(m) || justReady(o)
			}
			if settled && !byOperator && other.serving() && !race {
				w.fail("invariant 3: router %d activates beside an active partner", m.id)
			}
		case Deactivate:
			cause := before == Deactivating // tried again
			if cause {
				break
			}
			cause = true
			switch a.Reason {
			case LinkFailure:
				cause = !m.linkUp || w.now-max(m.linkSince, m.stallSince) <= w.deadtime+w.keepalive
			case LvsdFailure:
				cause = !m.lvsdUp
			case PartnerActive:
				cause = !settled || lately
			case ByOperator:
				cause = byOperator
			}
			if !cause {
				w.fail("invariant 3: router %d deactivates (%d) without a cause", m.id, a.Reason)
			}
		}
	}
}

// noticed says that m was not frozen just so long that it may have lost two packets and not be late for its timer.
func noticed(w *world, m *modern) bool {
	return w.now-m.stallSince > w.deadtime || m.stallLength > w.keepalive*5/4 && m.stalls <= graces
}

func justReady(m *modern) bool {
	return m.clock().Sub(m.state.readyAt) <= m.w.keepalive/5
}

func (j *judge) originalActivated(w *world, o *original) {
	j.activated[o.id] = w.now
	j.changes++
}
