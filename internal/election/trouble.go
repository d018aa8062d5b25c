package election

import (
	"strconv"
	"time"
)

// Back-off of restarts: after a failure that follows a good minute it begins anew.
const (
	backoffFirst = time.Second
	backoffMost  = 32 * time.Second
	backoffReset = time.Minute
)

// failed counts a failure of lvsd or of an activation.
func (m *machine) failed() {
	if m.failures > 0 && m.now.Sub(m.failedAt) > backoffReset {
		m.failures = 0
	}
	m.failures = min(m.failures+1, 7)
	m.failedAt = m.now
}

// backoff is the pause after the failures so far, of which the first free ones cost the shortest or none.
func (m *machine) backoff(least int) time.Duration {
	n := max(int(m.failures)-1, least)
	if n == 0 {
		return 0
	}
	return min(backoffFirst<<(n-1), backoffMost)
}

// lvsdDied restarts lvsd, wherever the service goes: at once after the first death, then with growing pauses.
func (m *machine) lvsdDied() {
	if m.Stopping {
		return
	}
	m.LvsdDown = true
	m.failed()
	m.restartAt = m.now.Add(m.backoff(0))
}

// link follows the state of a link. Losing the private one is told and no more: the public one may carry both.
func (m *machine) link(e Link) {
	if !m.Config.MonitorLinks || !m.Config.BackupActive {
		return
	}
	switch {
	case e.Channel == Private && !e.Up:
		m.warning("Private NIC: link down")
	case e.Channel == Private:
		m.info("Private NIC: link up")
	case !e.Up:
		m.linkAt = time.Time{}
		if !m.LinkDown {
			m.LinkDown = true
			m.warning("Primary NIC: link down")
			m.warning("Local NIC link failure: Pulse disabled")
		}
	case m.LinkDown:
		// A link that flaps does not count as back, and a partner not heard meanwhile may have been active.
		m.linkAt = m.now.Add(m.Config.Deadtime)
		if m.Partner.Health == Dead {
			m.Partner.Health = Unknown
			m.deadAt = m.now.Add(m.Config.Deadtime)
		}
	}
}

func (m *machine) refuse(text string) {
	m.do(Refuse{text})
	m.warning("refused: " + text)
}

func (m *machine) switchover() {
	switch {
	case !m.Config.BackupActive:
		m.refuse("there is no other router")
	case m.Stopping || m.Phase != Active && m.Phase != Inactive:
		m.refuse("this router is " + m.Phase.String())
	case m.Phase == Active && !m.CanHandOver():
		m.refuse("the other router cannot take over")
	case m.Phase == Active:
		m.info("switchover: deactivating LVS")
		m.after = afterYield
		m.deactivate(Deactivating, ByOperator)
	case m.Flags()&^Wanted != 0:
		m.refuse("this router would not serve")
	case m.Partner.Health != Alive || m.Partner.Kind != Running:
		m.refuse("the other router is not active")
	case m.Partner.Trailer:
		m.wantUntil = m.now.Add(m.Config.Deadtime)
		m.tell = true
	case m.Config.Role == Primary:
		// An original backup steps down when it hears that the primary is active; nothing else moves it.
		m.activate(ByOperator, "switchover: activating lvs")
	default:
		m.refuse("an original primary does not give way; stop its pulse")
	}
}

func (m *machine) enterStandby() {
	serving := m.Phase == Active || m.Phase == Activating
	switch {
	case !m.Config.BackupActive:
		m.refuse("there is no other router")
	case m.Standby || m.Stopping:
	case serving && !m.Partner.canServe():
		m.refuse("the other router cannot take over")
	default:
		m.Standby = true
		m.wantUntil = time.Time{}
		if serving {
			m.info("standby: deactivating LVS")
			m.after = afterYield
			m.deactivate(Deactivating, ByOperator)
			return
		}
		m.info("standby")
		m.tell = true
	}
}

func (m *machine) resume() {
	if !m.Standby {
		return
	}
	m.Standby = false
	m.info("standby ended")
	m.tell = true
}

// stop begins the orderly end. The farewell follows when everything is down.
func (m *machine) stop(signal int) {
	if m.Stopping {
		return
	}
	m.Stopping = true
	m.info("Terminating due to signal " + strconv.Itoa(signal))
	m.restartAt, m.linkAt, m.wantUntil = time.Time{}, time.Time{}, time.Time{}
	switch m.Phase {
	case Activating, Active:
		m.deactivate(Deactivating, Stopping)
	case Inactive:
		m.deactivate(Clearing, Stopping)
	}
}

func (m *machine) reload(c Config) {
	c = c.sane()
	longer := c.Deadtime - m.Config.Deadtime
	m.Config.Keepalive, m.Config.Deadtime = c.Keepalive, c.Deadtime
	m.Config.MonitorLinks = c.MonitorLinks
	if !c.MonitorLinks {
		m.LinkDown, m.linkAt = false, time.Time{}
	}
	if !m.sendAt.IsZero() {
		m.sendAt = earlier(m.sendAt, m.now.Add(c.Keepalive))
	}
	switch {
	case m.deadAt.IsZero():
	case longer > 0:
		m.deadAt = m.deadAt.Add(longer)
	default:
		m.deadAt = earlier(m.deadAt, m.now.Add(c.Deadtime))
	}
}
