package election

import "time"

// Step is the election: what follows from an event, given everything before. now must come from a clock that nobody
// sets, and must not go back.
func Step(s State, e Event, now time.Time) (State, []Action) {
	m := machine{State: s, now: now}
	if m.Phase == Unstarted || m.Phase == Ended {
		if _, ok := e.(Start); ok && m.Phase == Unstarted {
			m.start()
			m.settle()
			m.arm()
		}
		return m.State, m.actions
	}
	m.noticeStall()
	m.handle(e)
	m.expire()
	m.settle()
	if m.again && m.Phase == Active {
		m.do(Announce{})
	}
	m.beat()
	m.arm()
	return m.State, m.actions
}

// machine is one Step under way.
type machine struct {
	State
	now     time.Time
	actions []Action
	// again asks for an announcement, if we are active when everything is decided.
	again bool
	sent  bool // a heartbeat went out
	tell  bool // a heartbeat shall go out even if it is not due
}

func (m *machine) do(a Action)         { m.actions = append(m.actions, a) }
func (m *machine) info(text string)    { m.do(Log{Info, text}) }
func (m *machine) warning(text string) { m.do(Log{Warning, text}) }

func (m *machine) handle(e Event) {
	switch e := e.(type) {
	case Packet:
		m.packet(e)
	case Drained:
		m.drained()
	case Link:
		m.link(e)
	case LvsdDied:
		m.lvsdDied()
	case LvsdUp:
		m.LvsdDown, m.restartAt = false, time.Time{}
	case Activated:
		m.activated(e)
	case ActivationFailed:
		m.activationFailed(e)
	case Deactivated:
		m.deactivated(e)
	case DeactivationFailed:
		m.deactivationFailed(e)
	case Switchover:
		m.switchover()
	case EnterStandby:
		m.enterStandby()
	case Resume:
		m.resume()
	case Stop:
		m.stop(e.Signal)
	case Reload:
		m.reload(e.Config)
	}
}

func (m *machine) start() {
	if !m.Config.BackupActive && m.Config.Role == Backup {
		m.info("We are backup node and backup is marked inactive -- exiting pulse")
		m.enter(Ended)
		m.do(Exit{255})
		return
	}
	if m.Config.Role == Primary {
		m.info("STARTING PULSE AS MASTER")
	} else {
		m.info("STARTING PULSE AS BACKUP")
	}
	m.Standby = m.Config.Standby && m.Config.BackupActive
	if !m.Config.BackupActive {
		// Nobody else can hold the addresses: what an earlier run left up may serve on.
		m.enter(Inactive)
		return
	}
	m.sendAt = m.now.Add(m.Config.Keepalive)
	m.deadAt = m.now.Add(m.Config.Deadtime)
	if m.Config.Adopt {
		m.activate(Adopted, "going on active")
		return
	}
	m.deactivate(Clearing, AtStart)
}

// enter changes the phase.
func (m *machine) enter(p Phase) {
	m.Phase, m.Since = p, m.now
}

// send sends what we claim to be, if anything.
func (m *machine) send(copies int) {
	if kind := m.Claim(); kind != 0 && m.Config.BackupActive {
		m.sent = true
		m.do(Send{Kind: kind, Flags: m.Flags(), Turn: m.Turn, Copies: copies})
	}
}

// graces is how often a stall within one silence of the partner is forgiven.
const graces = 4

// noticeStall gives the partner time when we were the one that did not run: its packets may be lost, as while a
// virtual machine was moved. A short stall, which may still have cost two packets, and any after the first long one
// only leave time for one more packet. A machine that always stalls must find out in the end that the partner is dead.
func (m *machine) noticeStall() {
	late := m.now.Sub(m.armed)
	if m.armed.IsZero() || late <= m.Config.Keepalive/4 || !m.Config.BackupActive || m.Partner.Health == Left {
		return
	}
	least := m.now.Add(m.Config.Keepalive * 3 / 2)
	if late > m.Config.Deadtime/3 {
		m.distrust()
		m.deadAt = later(m.deadAt, late)
		if !m.graced {
			m.graced = true
			least = m.now.Add(m.Config.Deadtime)
			m.warning("own stall: the partner gets a fresh deadtime, late=" + late.String())
		}
		if m.Partner.Health == Dead {
			m.Partner.Health = Unknown
			m.deadAt = least
		}
	}
	if m.grace < graces && !m.deadAt.IsZero() {
		m.grace++
		if m.deadAt.Before(least) {
			m.deadAt = least
		}
	}
}

// distrust makes what was heard before a long stall old news, and has the sockets read before anything is decided.
func (m *machine) distrust() {
	m.waitUntil = time.Time{}
	if m.Partner.Kind == Stopped {
		m.Partner.Kind = 0
	}
	if !m.draining {
		m.draining = true
		m.do(Drain{})
	}
}

// later puts off a deadline, if it is set.
func later(at time.Time, d time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(d)
}

// due says whether a deadline has come, and clears it.
func (m *machine) due(at *time.Time) bool {
	if at.IsZero() || m.now.Before(*at) {
		return false
	}
	*at = time.Time{}
	return true
}

// expire acts on every deadline that has come.
func (m *machine) expire() {
	if !m.draining && !m.deadAt.IsZero() && !m.now.Before(m.deadAt) {
		m.draining = true
		m.do(Drain{})
	}
	if m.due(&m.holdUntil) {
		m.holdFailed = false
	}
	if m.due(&m.wantUntil) {
		m.warning("switchover: the partner did not give way")
	}
	if m.due(&m.restartAt) {
		m.do(RestartLvsd{})
	}
	if m.due(&m.linkAt) {
		m.LinkDown = false
		m.info("Local NIC link(s) restored: Pulse enabled")
	}
	if m.due(&m.announceAt) {
		m.again = true
	}
	if m.due(&m.deactivateAt) {
		m.op++
		m.do(Deactivate{m.op, m.reason})
	}
}

// beat sends the heartbeat when it is due. It comes last, so that it tells what was just decided, and not while packets
// are unread: a STOPPED right before an activation would invite the partner to activate as well.
func (m *machine) beat() {
	if m.tell && !m.sent {
		m.send(1)
	}
	at := m.sendAt
	if m.draining || m.Phase == Ended || !m.due(&m.sendAt) {
		return
	}
	if !m.sent {
		m.send(1)
	}
	// At a fixed rate, but what was missed is not made up for.
	if m.sendAt = at.Add(m.Config.Keepalive); !m.sendAt.After(m.now) {
		m.sendAt = m.now.Add(m.Config.Keepalive)
	}
}

// drained decides on the dead timer, now that nothing is left unread.
func (m *machine) drained() {
	if !m.draining {
		return
	}
	m.draining = false
	if m.deadAt.IsZero() || m.now.Before(m.deadAt) {
		return
	}
	m.partnerGone(Dead)
}

// arm sets the timer for the earliest deadline.
func (m *machine) arm() {
	if m.Phase == Ended {
		return
	}
	next := time.Time{}
	for _, at := range [...]time.Time{
		m.holdUntil, m.wantUntil, m.restartAt, m.linkAt, m.announceAt, m.deactivateAt,
	} {
		next = earlier(next, at)
	}
	if !m.draining { // both are due once the sockets are read
		next = earlier(next, earlier(m.sendAt, m.deadAt))
	}
	if m.now.Before(m.waitUntil) { // it may be over while something else holds us back
		next = earlier(next, m.waitUntil)
	}
	if next != m.armed {
		m.armed = next
		m.do(Arm{next})
	}
}

// earlier returns the earlier of two deadlines, of which the zero one is not set.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
