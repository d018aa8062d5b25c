package election

import "time"

// settle draws the conclusions from the state after an event.
func (m *machine) settle() {
	switch m.Phase {
	case Inactive:
		m.consider()
	case Activating, Active:
		m.giveWay()
	}
}

// consider activates if it is our turn.
func (m *machine) consider() {
	if m.draining {
		return // what is unread may say that the partner is active
	}
	forced := m.Config.ForceActive
	m.Config.ForceActive = false // at start or never
	if m.Stopping || m.Standby || m.LinkDown || m.LvsdDown || m.holdFailed {
		m.waitUntil, m.readyAt = time.Time{}, time.Time{}
		return
	}
	if m.readyAt.IsZero() {
		m.readyAt = m.now
	}
	p := m.Partner
	switch {
	case !m.holdUntil.IsZero() && p.Kind != Stopped:
	case !m.Config.BackupActive:
		m.activate(AtStart, "no partner: activating lvs")
	case forced:
		m.activate(Forced, "Forced active on startup: activating lvs")
	case p.Health == Dead:
		m.activate(PartnerDead, "partner dead: activating lvs")
	case p.Health == Left:
		m.activateAfterPartner()
	case p.Health == Alive && p.Kind == Stopped:
		m.considerStopped()
	default:
		m.waitUntil = time.Time{}
	}
}

// considerStopped activates on the partner's STOPPED: at once if it is not going to, or we go first. Otherwise only
// when it had the time to hear us and did not: two routers that start together would both activate, and so would two
// that recover together, as from the loss of a switch.
func (m *machine) considerStopped() {
	p := m.Partner
	switch {
	case m.first(), p.handover:
	case p.has(Unwilling) && m.now.Sub(m.readyAt) >= m.Config.Keepalive:
	case m.waitUntil.IsZero():
		// Two keepalives, so that one packet may be lost; but one, if we have been idle for a deadtime.
		idle := m.now.Sub(m.Since)
		wait := min(2*m.Config.Keepalive, max(m.Config.Deadtime-idle, m.Config.Keepalive))
		m.waitUntil = m.now.Add(wait)
		m.send(1) // it activates on hearing this
		return
	case m.now.Before(m.waitUntil):
		return
	}
	if !m.holdUntil.IsZero() {
		return
	}
	m.activateAfterPartner()
}

func (m *machine) activateAfterPartner() {
	if m.Config.Role == Primary {
		m.activate(PartnerInactive, "backup inactive: activating lvs")
		return
	}
	m.activate(PartnerInactive, "primary inactive: activating lvs")
}

// activate begins to serve. The claim comes before the first address is up, so that the partner does not begin too.
func (m *machine) activate(r Reason, text string) {
	m.info(text)
	m.enter(Activating)
	m.Turn++
	m.waitUntil, m.wantUntil = time.Time{}, time.Time{}
	m.send(1)
	m.op++
	m.do(Activate{m.op, r})
}

// deactivate begins to take down what is up; phase is Deactivating, or Clearing if we had not claimed anything.
func (m *machine) deactivate(phase Phase, r Reason) {
	m.enter(phase)
	m.contested = false
	m.announceAt, m.waitUntil = time.Time{}, time.Time{}
	m.reason = r
	m.op++
	m.do(Deactivate{m.op, r})
}

// giveWay hands over if something is wrong here and the partner can do better. Without such a partner an impaired
// service is better than none.
func (m *machine) giveWay() {
	if !m.Partner.canServe() {
		return
	}
	switch {
	case m.LinkDown && m.linkAt.IsZero(): // not one that is back and only has to prove itself
		m.info("local link failure: deactivating LVS")
		m.after = afterYield
		m.deactivate(Deactivating, LinkFailure)
	case m.LvsdDown:
		m.info("lvsd failure: deactivating LVS")
		m.after = afterYield
		m.deactivate(Deactivating, LvsdFailure)
	}
}

func (m *machine) activated(e Activated) {
	if e.Op != m.op || m.Phase != Activating {
		return
	}
	m.enter(Active)
	m.outlast()
	m.info("activation complete")
}

func (m *machine) activationFailed(e ActivationFailed) {
	if e.Op != m.op || m.Phase != Activating {
		return
	}
	m.warning("activation failed: " + e.Err)
	m.failed()
	m.after = afterFailed
	m.deactivate(Deactivating, ActivationFailure)
}

func (m *machine) deactivated(e Deactivated) {
	if e.Op != m.op || m.Phase != Deactivating && m.Phase != Clearing {
		return
	}
	m.deactivateAt = time.Time{}
	m.enter(Inactive)
	if m.Stopping {
		m.send(3)
		m.enter(Ended)
		m.do(Exit{0})
		return
	}
	// A STOPPED from before is old news: it must not make us active beside a partner that has heard ours.
	if m.Partner.Kind == Stopped {
		m.Partner.Kind = 0
	}
	switch m.after {
	case afterYield:
		m.holdUntil, m.holdFailed = m.now.Add(m.Config.Deadtime), false
	case afterFailed:
		m.holdUntil, m.holdFailed = m.now.Add(m.backoff(1)), true
	}
	m.after = 0
	m.tell = true
}

// A stop tries this often to take the service down, with pauses in between: nobody is left to do it after that.
const (
	maxStopTries = 5
	stopPause    = 200 * time.Millisecond
)

// deactivationFailed tries again. Until it works the claim stands, as the addresses may.
func (m *machine) deactivationFailed(e DeactivationFailed) {
	if e.Op != m.op || m.Phase != Deactivating && m.Phase != Clearing {
		return
	}
	m.warning("deactivation failed: " + e.Err)
	if !m.Stopping {
		m.deactivateAt = m.now.Add(time.Second)
		return
	}
	if m.stopTries++; m.stopTries >= maxStopTries {
		m.enter(Ended)
		m.do(Exit{1})
		return
	}
	m.deactivateAt = m.now.Add(stopPause)
}
