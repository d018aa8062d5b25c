package election

import (
	"strings"
	"testing"
	"time"
)

// The defects are those of piranha-pulse.md section 8.

func TestDefect2StopMeIsIgnoredAndLoggedOnceAMinute(t *testing.T) {
	b := active(t, Primary, true)
	text := "PARTNER HAS TOLD US TO GO INACTIVE! ignored=true"
	b.expect("first", b.step(Packet{Kind: StopMe}), text, Active)
	b.expect("second", b.step(Packet{Kind: StopMe}), "", Active)
	for range 60 {
		b.hear(true, Stopped, 0)
		b.wait(second)
	}
	b.expectIn("a minute later", b.step(Packet{Kind: StopMe}), text)
	b = inactive(t, Primary, true)
	b.wait(deadtime - second/2)
	b.step(Packet{Kind: StopMe})
	b.expectIn("it is no sign of life", b.wait(second), "partner dead")
}

func TestDefect3Farewell(t *testing.T) {
	for _, role := range []Role{Primary, Backup} {
		b := inactive(t, role, false)
		b.expectIn("the partner takes over at once", b.hear(false, Stopped, Leaving|Unwilling), "activate 4")
	}
}

func TestDefect4DrainBeforeDeciding(t *testing.T) {
	b := inactive(t, Backup, true)
	b.wait(deadtime - second/10)
	b.now = b.now.Add(second / 10)
	b.expect("timer", b.step(Timer{}), "drain", Inactive)
	b.expect("timer again", b.step(Timer{}), "", Inactive)
	b.expectNotIn("what was waiting", b.hear(true, Running, 0), "activat")
	b.expectNotIn("drained", b.step(Drained{}), "activat")
}

func TestDefect4OwnStall(t *testing.T) {
	b := inactive(t, Backup, true)
	b.now = b.now.Add(time.Hour)
	b.expectIn("stall", b.step(Timer{}), "own stall")
	b.expectNotIn("nothing was waiting", b.step(Drained{}), "activat")
	b.expectNotIn("fresh deadtime", b.wait(deadtime-1), "activat")
	b.expectIn("then dead", b.wait(1), "partner dead: activating lvs")
}

func TestOwnStallMakesWhatWasHeardOld(t *testing.T) {
	b := inactive(t, Backup, false)
	b.boot++
	b.wait(2 * second)
	b.hear(false, Stopped, 0) // waits for the primary
	b.now = b.now.Add(5 * second)
	b.step(Timer{})
	b.expectNotIn("the STOPPED from before the stall", b.step(Drained{}), "activat")
}

func TestOneWhoAlwaysStallsFindsOut(t *testing.T) {
	b := inactive(t, Backup, true)
	for range 20 {
		b.now = b.state.armed.Add(deadtime/3 + second/5)
		b.step(Timer{})
		b.step(Drained{})
	}
	if b.state.Phase != Activating {
		t.Errorf("phase %v, want activating", b.state.Phase)
	}
}

func TestDefect7ColdStart(t *testing.T) {
	b := newBench(t, config(Backup))
	b.step(Start{})
	b.step(Deactivated{b.state.op})
	b.expect("the backup answers and waits", b.hear(false, Stopped, 0), "send STOPPED", Inactive)
	b.expectNotIn("waits", b.wait(2*second-1), "activat")
	b.expectIn("the primary does not hear it", b.wait(1), "primary inactive: activating lvs")

	b = newBench(t, config(Primary))
	b.step(Start{})
	b.step(Deactivated{b.state.op})
	b.expectIn("the primary goes first", b.hear(false, Stopped, 0), "backup inactive: activating lvs")
}

func TestRecoveryTogether(t *testing.T) {
	b := inactive(t, Backup, false)
	b.step(Link{Public, false})
	b.step(Link{Public, true})
	for range 2 {
		b.wait(second)
		b.hear(false, Stopped, Unwilling)
	}
	b.wait(second)
	b.expectNotIn("as if at start", b.hear(false, Stopped, Unwilling), "activat")
}

func TestDefect8PrivateLinkOnlyWarns(t *testing.T) {
	b := active(t, Primary, true)
	b.expect("lost", b.step(Link{Private, false}), "Private NIC: link down", Active)
	b.expect("back", b.step(Link{Private, true}), "Private NIC: link up", Active)
}

func TestLinkFailureWithoutAPartnerThatCould(t *testing.T) {
	b := alone(t, Primary)
	b.expectNotIn("no partner", b.step(Link{Public, false}), "deactivat")
	b = active(t, Primary, false)
	b.hear(false, Stopped, Unwilling)
	b.expectNotIn("unwilling partner", b.step(Link{Public, false}), "deactivat")
	b.expectIn("it can now", b.hear(false, Stopped, 0), "local link failure: deactivating LVS")
}

func TestFlappingLinkDoesNotFlapTheService(t *testing.T) {
	b := inactive(t, Primary, false)
	for range 20 {
		b.expectNotIn("down", b.step(Link{Public, false}), "activat")
		b.expectNotIn("STOPPED", b.hear(false, Stopped, Unwilling), "activat")
		b.expectNotIn("up", b.step(Link{Public, true}), "activat")
		b.expectNotIn("wait", b.wait(deadtime-second), "activat")
	}
}

func TestDefect19SingleRouter(t *testing.T) {
	c := config(Primary)
	c.BackupActive = false
	b := newBench(t, c)
	b.expect("serves at once", b.step(Start{}),
		"STARTING PULSE AS MASTER; no partner: activating lvs; activate 1", Activating)
	b.step(Activated{b.state.op})
	b.expect("says nothing", b.wait(time.Hour), "", Active)
	b.expect("hears nothing", b.hear(true, Running, 0), "", Active)
	b.expect("no switchover", b.step(Switchover{}), "refuse; refused: there is no other router", Active)
	b.expect("lvsd", b.step(LvsdDied{}), "restart lvsd", Active)
	b.expect("links are not monitored", b.step(Link{Public, false}), "", Active)
	b.step(Stop{15})
	b.expect("stop", b.step(Deactivated{b.state.op}), "exit 0", Ended)
}

func TestDefect19LvsdDeathWithDeadPartner(t *testing.T) {
	b := alone(t, Backup)
	b.expect("first death", b.step(LvsdDied{}), "restart lvsd", Active)
	var pauses []string
	for range 7 {
		b.step(LvsdDied{})
		from := b.now
		for !strings.Contains(b.wait(second), "restart lvsd") {
			if b.now.Sub(from) > time.Minute {
				t.Fatal("no restart within a minute")
			}
		}
		pauses = append(pauses, b.now.Sub(from).String())
	}
	if got, want := strings.Join(pauses, " "), "1s 2s 4s 8s 16s 32s 32s"; got != want {
		t.Errorf("pauses %s, want %s", got, want)
	}
	b.expect("up", b.step(LvsdUp{}), "", Active)
}

func TestLvsdDownHandsOverWhenThePartnerComes(t *testing.T) {
	b := alone(t, Primary)
	b.step(LvsdDied{})
	b.expectIn("partner", b.hear(false, Stopped, 0), "lvsd failure: deactivating LVS")
}

func TestChildFailIsNotForEver(t *testing.T) {
	b := active(t, Backup, true)
	b.step(LvsdDied{})
	b.step(Deactivated{b.state.op})
	b.wait(deadtime) // the original does not take over: it may have a failed child itself, for ever
	b.hear(true, Stopped, 0)
	b.step(LvsdUp{})
	b.wait(2 * second)
	if b.state.Phase != Activating {
		t.Errorf("phase %v, want activating", b.state.Phase)
	}
}

func TestPartnerRestartIsRecognised(t *testing.T) {
	b := active(t, Primary, false)
	b.counter, b.turn = 1000, 0
	b.hear(false, Stopped, 0)
	b.boot, b.counter = 10, 0
	b.expect("too early to tell from a delayed packet", b.hear(false, Stopped, 0), "", Active)
	b.wait(2 * second)
	b.expect("another run", b.hear(false, Stopped, 0), "partner has restarted; announce", Active)
	if b.state.Partner.Boot != 10 {
		t.Errorf("boot %d, want 10", b.state.Partner.Boot)
	}
}

func TestOldPacketsAreNotHeeded(t *testing.T) {
	b := inactive(t, Primary, false)
	b.counter = 50
	b.hear(false, Running, 0)
	b.counter = 40
	b.expect("overtaken STOPPED", b.hear(false, Stopped, 0), "", Inactive)
	b.boot = b.state.Config.Boot
	b.counter = 100
	b.expect("our own, sent back", b.hear(false, Stopped, 0), "", Inactive)
}

func TestHoldIsNoLifeSignOfANewPartner(t *testing.T) {
	b := inactive(t, Primary, false)
	b.wait(deadtime - second/2)
	b.step(Packet{Kind: Hold})
	b.expectIn("forged", b.wait(second), "partner dead")
}

func TestWinnerAnnouncesAgain(t *testing.T) {
	for _, original := range []bool{true, false} {
		b := active(t, Primary, original)
		b.expectIn("both active", b.hear(original, Running, 0), "announce")
		b.wait(second / 4)
		b.expectIn("the loser is down", b.hear(original, Stopped, 0), "announce")
		later := ""
		for range 8 {
			later += b.wait(second)
			b.hear(original, Stopped, 0)
		}
		if got := strings.Contains(later, "announce"); got != original {
			t.Errorf("announced once more: %v, want %v: only an original announces after stepping down", got, original)
		}
	}
	b := active(t, Primary, false)
	b.turn++
	b.expectIn("it was active and we did not hear so", b.hear(false, Stopped, 0), "announce")
	b = active(t, Primary, false)
	b.hear(false, Running, 0)
	b.expectIn("the loser died", b.wait(deadtime+second), "announce")
}

func TestSameRoleTwiceGoesByBootID(t *testing.T) {
	for boot, want := range map[uint64]Phase{3: Deactivating, 12: Active} {
		b := alone(t, Primary)
		b.step(Packet{Kind: Running, Trailer: true, Boot: boot, Counter: 1, Role: Primary})
		if b.state.Phase != want {
			t.Errorf("partner's boot %d: phase %v, want %v", boot, b.state.Phase, want)
		}
	}
}

func TestActivationFails(t *testing.T) {
	b := inactive(t, Primary, false)
	b.hear(false, Stopped, 0)
	b.expect("failed", b.step(ActivationFailed{b.state.op, "add address: timeout"}),
		"activation failed: add address: timeout; deactivate 8", Deactivating)
	b.expect("a late success", b.step(Activated{b.state.op - 1}), "", Deactivating)
	b.step(Deactivated{b.state.op})
	if !b.state.holdFailed || b.state.Flags()&Unwilling == 0 {
		t.Error("a router that has just failed does not say so")
	}
	b.expectIn("again", b.wait(second)+b.hear(false, Stopped, Unwilling), "activate 4")
}

func TestDeactivationFails(t *testing.T) {
	b := active(t, Backup, true)
	b.hear(true, Running, 0)
	b.expect("failed", b.step(DeactivationFailed{b.state.op, "x"}), "deactivation failed: x", Deactivating)
	b.expect("again", strings.ReplaceAll(b.wait(second), "send RUNNING; ", ""), "deactivate 5", Deactivating)
	b.step(Stop{15})
	for range maxStopTries - 1 {
		b.expectIn("tried again", b.step(DeactivationFailed{b.state.op, "x"})+"; "+b.wait(stopPause), "deactivate")
	}
	b.expect("no farewell with addresses up", b.step(DeactivationFailed{b.state.op, "x"}), "deactivation failed: x; exit 1", Ended)
}

func TestDoneEventsOfOthersAreIgnored(t *testing.T) {
	b := active(t, Primary, false)
	for _, e := range []Event{Activated{1}, Deactivated{b.state.op}, Deactivated{1}, ActivationFailed{1, ""},
		DeactivationFailed{1, ""}, Drained{}, Start{}} {
		b.expect("stray", b.step(e), "", Active)
	}
}

func TestReload(t *testing.T) {
	b := inactive(t, Backup, true)
	c := config(Backup)
	c.Keepalive, c.Deadtime = second/10, second
	b.step(Reload{c})
	b.expectIn("a second from now", b.wait(second), "partner dead")
	b = inactive(t, Backup, true)
	c.Deadtime = time.Minute
	b.step(Reload{c})
	b.expectNotIn("longer", b.wait(time.Minute-1), "partner dead")
	b.expectIn("longer", b.wait(1), "partner dead")
}

func TestStateIsComparable(t *testing.T) {
	a, b := inactive(t, Backup, false), inactive(t, Backup, false)
	if a.state != b.state {
		t.Errorf("the same events lead to different states:\n%+v\n%+v", a.state, b.state)
	}
}

func TestShortStallLeavesTimeForOnePacket(t *testing.T) {
	b := inactive(t, Backup, true)
	b.wait(2 * second)
	b.now = b.now.Add(second * 9 / 5) // the timer is 0.8 s late, the partner has 0 s left
	b.step(Timer{})
	b.step(Drained{})
	b.expectNotIn("one keepalive and a half", b.wait(second*3/2-1), "partner dead")
	b.expectIn("and no more", b.wait(1), "partner dead")
}
