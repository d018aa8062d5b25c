package election

import "testing"

func TestSwitchover(t *testing.T) {
	b := active(t, Primary, false)
	b.expect("asked", b.step(Switchover{}), "switchover: deactivating LVS; deactivate 9", Deactivating)
	b.expect("down", b.step(Deactivated{b.state.op}), "send STOPPED", Inactive)
	b.expect("a STOPPED on its way", b.hear(false, Stopped, 0), "", Inactive)
	b.expect("the partner serves", b.hear(false, Running, 0), "", Inactive)
	b.expectNotIn("no fail-back", b.wait(second), "activat")
}

func TestSwitchoverThatThePartnerDoesNotFollow(t *testing.T) {
	b := active(t, Primary, false)
	b.step(Switchover{})
	b.step(Deactivated{b.state.op})
	for range 3 {
		b.expectNotIn("patience", b.wait(second-second/10), "activat")
		b.hear(false, Stopped, 0)
	}
	b.expectIn("back", b.wait(second), "backup inactive: activating lvs")

	b = active(t, Primary, false)
	b.step(Switchover{})
	b.step(Deactivated{b.state.op})
	b.expectIn("it cannot", b.hear(false, Stopped, Unwilling), "backup inactive: activating lvs")
}

func TestSwitchoverAskedForOnTheInactiveRouter(t *testing.T) {
	b := inactive(t, Backup, false)
	b.wait(second + second/2)
	b.hear(false, Running, 0)
	b.expect("asked", b.step(Switchover{}), "send STOPPED", Inactive)
	if b.state.Flags() != Wanted {
		t.Errorf("flags %v, want Wanted", b.state.Flags())
	}
	b.wait(second / 4)
	b.expectIn("the primary gives way", b.hear(false, Stopped, Unwilling), "primary inactive: activating lvs")

	b = active(t, Primary, false)
	b.expect("the other side", b.hear(false, Stopped, Wanted),
		"switchover asked for by the partner: deactivating LVS; deactivate 9", Deactivating)

	b = inactive(t, Backup, false)
	b.step(Switchover{})
	for range 2 {
		b.wait(second)
		b.hear(false, Running, 0)
	}
	b.expectIn("in vain", b.wait(second), "switchover: the partner did not give way")
}

func TestSwitchoverWithAnOriginal(t *testing.T) {
	b := inactive(t, Primary, true)
	b.expect("an original backup gives way to RUNNING", b.step(Switchover{}),
		"switchover: activating lvs; send RUNNING; activate 9", Activating)
	b = inactive(t, Backup, true)
	b.expectIn("an original primary does not", b.step(Switchover{}), "refuse")
	b = active(t, Backup, true)
	b.expectIn("towards an original", b.step(Switchover{}), "deactivate 9")
}

func TestSwitchoverRefused(t *testing.T) {
	b := alone(t, Primary)
	b.expect("nobody there", b.step(Switchover{}), "refuse; refused: the other router cannot take over", Active)
	b = active(t, Primary, false)
	b.hear(false, Stopped, Unwilling)
	b.expect("it would not", b.step(Switchover{}), "refuse; refused: the other router cannot take over", Active)
	b = inactive(t, Primary, false)
	b.step(EnterStandby{})
	b.expect("in standby", b.step(Switchover{}), "refuse; refused: this router would not serve", Inactive)
	b = active(t, Primary, false)
	b.step(Switchover{})
	b.expect("under way", b.step(Switchover{}), "refuse; refused: this router is deactivating", Deactivating)
}

func TestStandby(t *testing.T) {
	b := active(t, Backup, false)
	b.expect("active", b.step(EnterStandby{}), "standby: deactivating LVS; deactivate 9", Deactivating)
	b.step(Deactivated{b.state.op})
	b.expectNotIn("not even for a dead partner", b.wait(4*deadtime), "activat")
	b.expectIn("until resumed", b.step(Resume{}), "partner dead: activating lvs")

	b = alone(t, Backup)
	b.expectIn("nobody would serve", b.step(EnterStandby{}), "refuse")

	b = inactive(t, Backup, false)
	b.expect("inactive", b.step(EnterStandby{}), "standby; send STOPPED", Inactive)
	b.hear(false, Running, 0)
	b.expect("resume brings nothing back", b.step(Resume{}), "standby ended; send STOPPED", Inactive)

	c := config(Primary)
	c.Standby = true
	b = newBench(t, c)
	b.step(Start{})
	b.step(Deactivated{b.state.op})
	b.expectNotIn("kept over a restart", b.wait(3*deadtime), "activat")
}
