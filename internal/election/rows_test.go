package election

import (
	"fmt"
	"testing"
)

// TestRows is the transition table for lvs mode, piranha-pulse.md section 2.5, against an original and a new partner.
func TestRows(t *testing.T) {
	down := func(b *bench) { b.step(Link{Public, false}) }
	lvsd := func(b *bench) { b.step(LvsdDied{}) }
	tests := []struct {
		row    string
		role   Role
		active bool
		before func(*bench)
		hear   Kind
		want   string
		phase  Phase
	}{
		{"2 RUNNING, inactive primary", Primary, false, nil, Running, "", Inactive},
		{"2 RUNNING, inactive backup", Backup, false, nil, Running, "", Inactive},
		{"3 RUNNING, active backup", Backup, true, nil, Running,
			"send RUNNING; partner active: deactivating LVS; deactivate 5", Deactivating},
		{"4 RUNNING, active primary", Primary, true, nil, Running,
			"partner active: resending arps; send RUNNING; active_cmd; announce", Active},
		{"5 STOPPED, active primary", Primary, true, nil, Stopped, "", Active},
		{"5 STOPPED, active backup", Backup, true, nil, Stopped, "", Active},
		{"6 STOPPED, inactive primary", Primary, false, nil, Stopped,
			"backup inactive: activating lvs; send RUNNING; activate 4", Activating},
		{"8 STOPPED, link failure", Primary, false, down, Stopped, "", Inactive},
		{"8 STOPPED, lvsd failure", Backup, false, lvsd, Stopped, "", Inactive},
		{"11 HOLD, active", Backup, true, nil, Hold, "", Active},
		{"11 HELD, inactive", Backup, false, nil, Held, "", Inactive},
	}
	for _, tt := range tests {
		for _, original := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, original %v", tt.row, original), func(t *testing.T) {
				b := inactive(t, tt.role, original)
				if tt.active {
					b = active(t, tt.role, original)
				}
				if tt.before != nil {
					tt.before(b)
				}
				b.expect("hear", b.hear(original, tt.hear, 0), tt.want, tt.phase)
			})
		}
	}
}

func TestRow1RunningEndsHold(t *testing.T) {
	b := inactive(t, Primary, true)
	b.hear(true, Stopped, 0)
	b.step(ActivationFailed{b.state.op, "x"})
	b.step(Deactivated{b.state.op})
	b.expect("held back", b.hear(true, Stopped, 0), "", Inactive)
	b.hear(true, Running, 0)
	b.expect("no longer", b.hear(true, Stopped, 0), "backup inactive: activating lvs; send RUNNING; activate 4", Activating)
}

func TestRow7BackupFollowsPrimary(t *testing.T) {
	b := inactive(t, Backup, true)
	b.expect("an original steps down", b.hear(true, Stopped, 0),
		"primary inactive: activating lvs; send RUNNING; activate 4", Activating)
	b = inactive(t, Backup, false)
	b.wait(second)
	b.expect("a new one hands over", b.hear(false, Stopped, Unwilling),
		"primary inactive: activating lvs; send RUNNING; activate 4", Activating)
}

func TestRow10StopMeIsNotRunning(t *testing.T) {
	b := active(t, Backup, true)
	b.expectNotIn("STOPME", b.step(Packet{Kind: StopMe}), "deactivat")
}

func TestRow12DeadPartner(t *testing.T) {
	for _, original := range []bool{true, false} {
		b := inactive(t, Backup, original)
		b.expectNotIn("early", b.wait(deadtime-1), "activat")
		b.expect("dead", b.wait(1), "drain; partner dead: activating lvs; send RUNNING; activate 3", Activating)
	}
}

func TestRow13DeadPartnerOfOneThatCannot(t *testing.T) {
	b := active(t, Primary, false)
	b.expectNotIn("active", b.wait(2*deadtime), "partner")
	b = inactive(t, Primary, false)
	b.step(Link{Public, false})
	b.expectNotIn("link failure", b.wait(2*deadtime), "activat")
	b = inactive(t, Primary, false)
	b.step(LvsdDied{})
	b.expectNotIn("lvsd failure", b.wait(2*deadtime), "activat")
}

func TestRow14To16Link(t *testing.T) {
	b := active(t, Primary, false)
	b.expect("14 lost while active", b.step(Link{Public, false}), "Primary NIC: link down; "+
		"Local NIC link failure: Pulse disabled; local link failure: deactivating LVS; deactivate 6", Deactivating)
	b = inactive(t, Primary, false)
	b.expect("15 lost while inactive", b.step(Link{Public, false}),
		"Primary NIC: link down; Local NIC link failure: Pulse disabled", Inactive)
	b.step(Link{Public, true})
	for range 4 {
		b.hear(false, Running, 0)
		b.expectNotIn("16 back", b.wait(second-1), "activat")
		b.now = b.now.Add(1)
	}
	if b.state.LinkDown {
		t.Error("the link is still held against us")
	}
	b.expectIn("16 then row 6", b.hear(false, Stopped, 0), "backup inactive: activating lvs; send RUNNING; activate 4")
}

func TestRow17LvsdDies(t *testing.T) {
	b := active(t, Primary, true)
	b.expect("lvsd died", b.step(LvsdDied{}), "restart lvsd; lvsd failure: deactivating LVS; deactivate 7", Deactivating)
	b.step(LvsdUp{})
	b.expect("down", b.step(Deactivated{b.state.op}), "send STOPPED", Inactive)
}

func TestRow18Signal(t *testing.T) {
	b := active(t, Primary, true)
	b.expect("signal", b.step(Stop{15}), "Terminating due to signal 15; deactivate 10", Deactivating)
	b.expect("down", b.step(Deactivated{b.state.op}), "send STOPPED x3; exit 0", Ended)
	b = inactive(t, Primary, true)
	b.expect("inactive", b.step(Stop{2}), "Terminating due to signal 2; deactivate 10", Clearing)
	b.expect("down", b.step(Deactivated{b.state.op}), "send STOPPED x3; exit 0", Ended)
}

func TestStart(t *testing.T) {
	starting := map[Role]string{Primary: "STARTING PULSE AS MASTER", Backup: "STARTING PULSE AS BACKUP"}
	for role, text := range starting {
		b := newBench(t, config(role))
		b.expect("start", b.step(Start{}), text+"; deactivate 1", Clearing)
		b.expect("silent while clearing", b.wait(2*second), "", Clearing)
		b.expect("cleared", b.step(Deactivated{b.state.op}), "send STOPPED", Inactive)
	}
	c := config(Backup)
	c.BackupActive = false
	b := newBench(t, c)
	b.expect("no backup wanted", b.step(Start{}),
		"We are backup node and backup is marked inactive -- exiting pulse; exit 255", Ended)
	for role, text := range starting {
		c = config(role)
		c.Adopt = true
		b = newBench(t, c)
		b.expect("adopted", b.step(Start{}), text+"; going on active; send RUNNING; activate 11", Activating)
		b.expect("the partner still waits", b.hear(true, Stopped, 0), "", Activating)
		b.expect("and all is as before", b.step(Activated{b.state.op}), "activation complete", Active)
	}
	c = config(Backup)
	c.ForceActive = true
	b = newBench(t, c)
	b.step(Start{})
	b.expect("forced", b.step(Deactivated{b.state.op}),
		"Forced active on startup: activating lvs; send RUNNING; activate 2", Activating)
	b.expect("a forced backup still yields", b.hear(true, Running, 0),
		"send RUNNING; partner active: deactivating LVS; deactivate 5", Deactivating)
}
