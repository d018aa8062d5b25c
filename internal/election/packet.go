package election

import "time"

// stopmeEvery is how often STOPME is logged at most.
const stopmeEvery = time.Minute

// announceAfter is when a router announces once more after an original has stepped down: that one goes on announcing
// for 5 s.
const announceAfter = 6 * time.Second

func (m *machine) packet(p Packet) {
	switch {
	case !m.Config.BackupActive:
		return
	case (p.Kind == Hold || p.Kind == Held) && !p.Trailer && m.Partner.Trailer:
		return // no new router says so
	case p.Kind == StopMe:
		// Only forged packets say so where service = lvs: they neither stop us nor show that the partner lives.
		if m.stopmeAt.IsZero() || m.now.Sub(m.stopmeAt) >= stopmeEvery {
			m.stopmeAt = m.now
			m.warning("PARTNER HAS TOLD US TO GO INACTIVE! ignored=true")
		}
		return
	}
	if p.Trailer && !m.fresh(p) {
		return
	}
	m.Partner.Heard[p.Channel] = m.now
	m.Partner.Health = Alive
	m.deadAt = m.now.Add(m.Config.Deadtime)
	m.graced, m.grace = false, 0
	if p.Kind != Running && p.Kind != Stopped {
		return
	}
	// It may have been active without our hearing so.
	suspect := m.Partner.away || p.Trailer && p.Turn != m.Partner.Turn
	m.Partner.away = false
	m.Partner.handover = !p.Trailer && p.Kind == Stopped &&
		(m.Partner.handover || m.Partner.Kind == Running)
	m.Partner.Trailer, m.Partner.Kind = p.Trailer, p.Kind
	m.Partner.Flags, m.Partner.Role, m.Partner.Turn = p.Flags, p.Role, p.Turn
	if p.Kind == Running {
		m.partnerRunning()
	} else {
		m.partnerStopped(suspect)
	}
}

// fresh says whether a packet is newer than all before. It must be: a STOPPED that was overtaken by a RUNNING would
// make both active. Of two runs of the partner the newer cannot be told from its boot id, so another one is believed
// only when the one we know has been silent: delayed packets of a run that ended fade away, those of the living do not.
func (m *machine) fresh(p Packet) bool {
	q := &m.Partner
	switch p.Boot {
	case m.Config.Boot:
		return false // our own, sent back
	case q.Boot:
	default:
		if q.Health == Alive && m.now.Sub(q.bootAt) < m.Config.Keepalive*3/2 ||
			p.Boot == q.previousBoot && p.Counter <= q.previousCounter {
			return false
		}
		if q.Boot != 0 {
			m.info("partner has restarted")
			q.away = true
		}
		q.previousBoot, q.previousCounter, q.Boot = q.Boot, q.counter, p.Boot
		q.counter, q.counters = 0, [2]uint64{}
		q.Kind, q.Flags, q.Turn, q.handover = 0, 0, 0, false
		m.waitUntil = time.Time{}
	}
	if p.Counter > q.counters[p.Channel] {
		q.counters[p.Channel] = p.Counter
		q.Heard[p.Channel] = m.now
	}
	if p.Counter <= q.counter {
		return false
	}
	q.counter, q.bootAt = p.Counter, m.now
	return true
}

func (m *machine) partnerRunning() {
	m.waitUntil = time.Time{}
	// Not one that is about to give way. A new router's claim does not mend a failure here: if both fail for the same reason,
	// their claims would end each other's pause.
	if !m.Partner.has(Unwilling) && (!m.holdFailed || !m.Partner.Trailer) {
		m.holdUntil, m.holdFailed = time.Time{}, false
	}
	if m.Phase != Activating && m.Phase != Active {
		return
	}
	if !m.prevails() {
		// An original primary announces again when it hears this last one.
		m.send(1)
		m.info("partner active: deactivating LVS")
		m.deactivate(Deactivating, PartnerActive)
		return
	}
	first := !m.contested
	m.contested = true
	if !first && m.now.Sub(m.announcedAt) < m.Config.Keepalive {
		return
	}
	m.announcedAt = m.now
	if first {
		m.info("partner active: resending arps")
		m.send(1) // the partner steps down when it hears us
	}
	m.again = true
	if first && m.Phase == Active {
		m.do(RunActiveCommand{})
	}
}

func (m *machine) partnerStopped(suspect bool) {
	serving := m.Phase == Active || m.Phase == Activating
	if m.contested || suspect && serving {
		m.uncontested()
	}
	if m.Partner.has(Leaving) {
		m.partnerGone(Left)
		return
	}
	if m.Partner.has(Unwilling) && !m.holdFailed {
		m.holdUntil = time.Time{}
	}
	if m.Phase == Active && m.Partner.has(Wanted) && m.CanHandOver() {
		m.info("switchover asked for by the partner: deactivating LVS")
		m.after = afterYield
		m.deactivate(Deactivating, ByOperator)
	}
}

// uncontested makes sure that the network knows who is left, after the partner has withdrawn its claim.
func (m *machine) uncontested() {
	m.contested = false
	m.again = true // in an activation, its end announces
	m.outlast()
}

// outlast announces again when an original that was active is done with announcing.
func (m *machine) outlast() {
	if !m.Partner.Trailer && m.Partner.Heard != [2]time.Time{} {
		m.announceAt = m.now.Add(announceAfter)
	}
}

// partnerGone is the partner's death or farewell.
func (m *machine) partnerGone(h Health) {
	if m.contested {
		m.uncontested()
	}
	m.Partner.Health = h
	m.Partner.away = m.Partner.away || h == Dead
	m.Partner.Kind, m.Partner.handover = 0, false
	m.deadAt, m.waitUntil, m.draining = time.Time{}, time.Time{}, false
	if !m.holdFailed {
		m.holdUntil = time.Time{}
	}
}

// prevails says who stays when both are active: the primary. A new partner that has a reason not to serve, or is on
// its way down, yields to us if we have none.
func (m *machine) prevails() bool {
	p := m.Partner
	ours := m.LinkDown || m.LvsdDown || m.Standby
	if p.Trailer && ours != p.has(Unwilling|Leaving) {
		return !ours
	}
	return m.first()
}

// first says whether we go before the partner when nothing else decides. Two routers that believe to have the same role
// (their lvs.cf differ) go by boot id.
func (m *machine) first() bool {
	if p := m.Partner; p.Trailer && p.Role == m.Config.Role {
		return m.Config.Boot < p.Boot
	}
	return m.Config.Role == Primary
}
