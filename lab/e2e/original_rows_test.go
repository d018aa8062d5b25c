package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// rowBed is a router of ours beside an original one that says what the test wants.
type rowBed struct {
	*pair
	o    *original
	ours int
	log  *process
}

// newRow starts our router beside an active original, so that it is inactive; if active, the original then gives up.
func newRow(t *testing.T, ours int, active bool, conf string, options ...string) *rowBed {
	t.Helper()
	return rowOn(newPair(t, conf), ours, active, conf, options...)
}

func rowOn(p *pair, ours int, active bool, conf string, options ...string) *rowBed {
	t := p.t
	t.Helper()
	r := &rowBed{pair: p, o: newOriginal(t, p.net, 3-ours, strings.Contains(conf, "primary_private")), ours: ours}
	r.o.say(originalRunning)
	r.start(ours, options...)
	r.log = r.pulse[ours-1]
	r.o.wantHeard(originalStopped)
	r.log.Mark()
	if active {
		r.o.say(originalStopped)
		r.log.WaitLog("activation complete", patience)
		r.log.Mark()
	}
	return r
}

// wantNothing expects that our router stays what it is, and says nothing else, for long enough to miss the partner.
func (r *rowBed) wantNothing(active bool) {
	r.t.Helper()
	state := map[bool]string{true: "active", false: "inactive"}[active]
	for end := time.Now().Add(deadtime + 2*keepalive); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if has, err := r.holds(r.ours); err != nil || has != active || r.state(r.ours) != state {
			r.t.Fatalf("router%d is %s, has the addresses: %v, %v; want %s", r.ours, r.state(r.ours), has, err, state)
		}
	}
	for _, word := range []string{"activating", "deactivating"} {
		if line, found := r.log.find(word); found {
			r.t.Errorf("log has %q", line)
		}
	}
}

// wantBecome waits for a line of the log and that our router has become active or inactive.
func (r *rowBed) wantBecome(active bool, line string) {
	r.t.Helper()
	r.log.WaitLog(line, patience)
	eventually(r.t, patience, func() error {
		if has, err := r.holds(r.ours); err != nil || has != active {
			return fmt.Errorf("router%d has the addresses: %v, %v; want %v", r.ours, has, err, active)
		}
		return nil
	})
	r.o.wantHeard(map[bool]string{true: originalRunning, false: originalStopped}[active])
}

// stoppedLine is what a router logs that activates because the other one has stopped.
func stoppedLine(ours int) string {
	return map[int]string{1: "backup inactive: activating lvs", 2: "primary inactive: activating lvs"}[ours]
}

// TestOriginalRowsWithoutEffect: what leaves our router as it is, in either role.
func TestOriginalRowsWithoutEffect(t *testing.T) {
	for _, row := range []struct {
		name   string
		active bool
		hears  string
	}{
		{"2 RUNNING while inactive", false, originalRunning},
		{"5 STOPPED while active", true, originalStopped},
		{"9, 10 STOPME while active", true, originalStopMe}, // the original obeyed: defect 2 of reference section 8
		{"11 HOLD while inactive", false, originalHold},     // a sign of life, or it would take over
		{"11 HELD while inactive", false, originalHeld},
		{"11 HOLD while active", true, originalHold},
		{"13 silence while active", true, ""},
	} {
		for ours := 1; ours <= 2; ours++ {
			t.Run(fmt.Sprintf("%s router%d", row.name, ours), func(t *testing.T) {
				r := newRow(t, ours, row.active, pairConf(""))
				r.o.say(row.hears)
				r.wantNothing(row.active)
			})
		}
	}
}

// TestOriginalRows: what makes our router active or inactive, in either role.
func TestOriginalRows(t *testing.T) {
	for ours := 1; ours <= 2; ours++ {
		t.Run(fmt.Sprintf("6, 7, 12, 18 router%d", ours), func(t *testing.T) {
			r := newRow(t, ours, false, pairConf(""))
			r.o.say(originalStopped)
			r.wantBecome(true, stoppedLine(ours)) // 6, 7
			r.o.say(originalStopped)
			r.terminate(ours) // 18
			r.o.wantHeard(originalStopped)
			if _, found := r.log.find("Terminating due to signal 15"); !found {
				t.Error("no word of the signal")
			}
		})
		// Neither is what is no heartbeat a sign of life, nor STOPME, which only forged packets say in lvs mode.
		for name, says := range map[string]string{
			"silence": "", "STOPME": originalStopMe, "FOS": originalFOSRunning, "FOS STOPPED": originalFOSStopped, "short": "\xda\xdb\xad", "noise": "noise",
		} {
			t.Run(fmt.Sprintf("12 %s router%d", name, ours), func(t *testing.T) {
				r := newRow(t, ours, false, pairConf(""))
				r.o.say(originalRunning)
				began := time.Now()
				r.o.say(says)
				dead := r.log.When("partner dead: activating lvs", patience)
				r.wantTakeover("partner dead", ours, began, dead)
				r.wantBecome(true, "activation complete")
			})
		}
	}
}

// TestOriginalBothActive is rows 3 and 4: the backup says RUNNING once more and gives way, the primary stays, runs
// active_cmd and announces itself again.
func TestOriginalBothActive(t *testing.T) {
	t.Run("3", func(t *testing.T) {
		r := newRow(t, 2, true, pairConf(""))
		r.o.say(originalRunning)
		r.wantBecome(false, "partner active: deactivating LVS")
		if heard := r.o.since(); heard[0].kind != originalRunning {
			t.Errorf("an original primary announces itself on RUNNING, but heard %s", tellHeard(heard))
		}
	})
	t.Run("4", func(t *testing.T) {
		own, err := os.MkdirTemp("/run", "e2e-*") // where only root can write
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(own) })
		script, runs := filepath.Join(own, "active"), filepath.Join(own, "runs")
		if err := os.WriteFile(script, []byte("#!/bin/sh\necho run >>"+runs+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		conf := pairConf("active_cmd = " + script)
		p := newPair(t, conf)
		p.dirs[0] = own
		if err := os.WriteFile(filepath.Join(own, "lvs.cf"), []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		r := rowOn(p, 1, true, conf)
		ask(t, r.net.Client(), hostPort(topology.VIP), 1)
		if err := r.net.Router(2).Announce(topology.VIP, "eth0"); err != nil { // as the other active router does
			t.Fatal(err)
		}
		r.wantNeighbour(2)
		said := time.Now()
		r.o.say(originalRunning)
		r.wantBecome(true, "partner active: resending arps")
		r.wantNeighbour(1)
		r.slow.wantBetween(t, "client told again", said, r.owners.told(1, said), 0, announceTime+50*time.Millisecond)
		eventually(t, patience, func() error {
			if text, err := os.ReadFile(runs); strings.Count(string(text), "run") != 2 {
				return fmt.Errorf("active_cmd said %q, %v; want two runs", text, err)
			}
			return nil
		})
		r.wantNothing(true)
	})
}

// TestOriginalLinkFailure is rows 8 and 13 to 16: without its public link our router says STOPPED, through the private
// network, and activates on nothing until the link is back.
func TestOriginalLinkFailure(t *testing.T) {
	for ours := 1; ours <= 2; ours++ {
		t.Run(fmt.Sprintf("router%d", ours), func(t *testing.T) {
			r := newRow(t, ours, true, pairConf(privateChannel+"monitor_links = 1"))
			router := r.net.Router(ours)
			r.o.say(originalStopped)
			r.do(func() error { return router.Unplug("eth0") })
			r.wantBecome(false, "local link failure: deactivating LVS") // 14
			r.log.Mark()
			r.wantNothing(false) // 8
			r.o.say("")
			r.wantNothing(false) // 13
			r.o.say(originalRunning)
			r.do(func() error { return router.Plug("eth0") })
			r.log.WaitLog("Local NIC link(s) restored: Pulse enabled", patience) // 16
			r.wantNothing(false)
			r.do(func() error { return router.Unplug("eth0") })
			r.log.WaitLog("Local NIC link failure: Pulse disabled", patience) // 15
			r.o.say(originalStopped)
			r.wantNothing(false)
			r.do(func() error { return router.Plug("eth0") })
			r.wantBecome(true, stoppedLine(ours)) // 16, and then 6 or 7
		})
	}
}

// TestOriginalLvsdFailure is rows 1, 8, 13 and 17: without its lvsd our router gives up and activates on nothing; the
// partner's RUNNING makes amends.
func TestOriginalLvsdFailure(t *testing.T) {
	for ours := 1; ours <= 2; ours++ {
		t.Run(fmt.Sprintf("17, 1 router%d", ours), func(t *testing.T) {
			r := newRow(t, ours, true, pairConf(""))
			r.wantLvsd(ours, true)
			pid := r.status(ours).LvsdPid
			r.o.say(originalStopped)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			r.wantBecome(false, fmt.Sprintf("Child process %d terminated with signal 9", pid)) // 17
			r.o.say(originalRunning)
			r.wantLvsd(ours, true)
			r.log.Mark()
			r.wantNothing(false)
			r.o.say(originalStopped)
			r.wantBecome(true, stoppedLine(ours)) // 1
		})
		t.Run(fmt.Sprintf("8, 13 router%d", ours), func(t *testing.T) {
			r := newRow(t, ours, false, pairConf(""), "--lvsd=/bin/false")
			r.log.WaitLog("exited with status 1", patience)
			r.o.say(originalStopped)
			r.wantNothing(false)
			r.o.say("")
			r.wantNothing(false)
		})
	}
}

// TestOriginalWire: byte order, length and source port of what counts as a heartbeat, reference section 1.3.
func TestOriginalWire(t *testing.T) {
	for name, says := range map[string]string{
		"big-endian": "\xad\xbd\xda\xbd", "longer": originalStopped + "and then some", "longest": originalStopped + strings.Repeat("x", 500),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRow(t, 1, false, pairConf(""))
			r.o.say(says)
			r.wantBecome(true, stoppedLine(1))
		})
	}
	t.Run("another port", func(t *testing.T) {
		r := newRow(t, 1, false, pairConf(""))
		conn, err := r.net.Router(2).ListenPacket("udp4", "192.0.2.2:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r.o.say("")
		if _, err := conn.WriteTo([]byte(originalStopped), r.o.to[0]); err != nil {
			t.Fatal(err)
		}
		r.wantBecome(true, stoppedLine(1))
	})
}
