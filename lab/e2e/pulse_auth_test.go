package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

const (
	rightKey = "the key that both routers have"
	wrongKey = "the key of somebody else, not theirs"

	ignoredKey      = "heartbeat ignored: authenticated with another key"
	ignoredUnsigned = "heartbeat ignored: not authenticated"
)

// enforced is the lvs.cf of a pair that believes signed heartbeats only.
func enforced(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "heartbeat.key")
	if err := os.WriteFile(file, []byte(rightKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return pairConf("heartbeat_auth = enforce\nheartbeat_key = " + file)
}

// forged is what somebody without the key may say in the name of a router, in every way there is to say it.
func forged(kind string, role byte, counter uint64) [][]byte {
	b := beat{kind: kind, boot: [16]byte{6, 6, 6}, counter: counter, role: role, channel: 1}
	return [][]byte{b.bytes(wrongKey), b.bytes(""), []byte(kind)}
}

// deceive has somebody on the public network say for router i what is forged of a kind, ten times as often as the router
// does.
func (p *pair) deceive(i int, kind string) (stop func()) {
	f := newForger(p.t, p.net.Client(), fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("192.0.2.%d", 3-i))
	var counter uint64
	return repeatedly(p.t, keepalive/10, func() {
		counter++
		f.send(forged(kind, byte(i), counter)...)
	})
}

// TestWrongKeyIgnored: what is not signed with the routers' key is no sign of life, makes nobody take over and nobody
// give way. The log says so once, however much comes.
func TestWrongKeyIgnored(t *testing.T) {
	p := newPair(t, enforced(t))
	stop := p.deceive(1, originalRunning) // the primary is down, and somebody says that it serves
	p.start(2)
	began := p.pulse[1].When("STARTING PULSE AS BACKUP", patience)
	dead := p.pulse[1].When("partner dead: activating lvs", patience)
	p.wantTakeover("partner dead", 2, began, dead)
	p.wantActiveAlone(2)
	p.alone(2) // a backup that hears RUNNING gives way
	stop()

	p.start(1)
	p.wantActive(2)
	stop = p.deceive(2, originalStopped) // the router that serves is said not to
	p.steady(2)
	stop()
	p.wantActive(2)
	p.served()
	for i, process := range p.pulse {
		for _, line := range []string{ignoredKey, ignoredUnsigned} {
			if n := process.Count(line); n != 1 {
				t.Errorf("router%d: %d lines %q, want 1", i+1, n, line)
			}
		}
	}
}

// TestReplayIgnored: recordings of a router are no sign of its life when it has died, and move nothing afterwards,
// although they were signed with the right key.
func TestReplayIgnored(t *testing.T) {
	p := newPair(t, enforced(t))
	tape := record(t, p.net.Router(2), "eth0")
	p.start(1)
	p.wantActiveAlone(1)
	p.start(2)
	p.wantActive(1)
	p.served()
	player := newForger(t, p.net.Client(), "192.0.2.1", "192.0.2.2")
	var running, stopped [][]byte
	eventually(t, patience, func() error {
		running, stopped = tape.from("192.0.2.1", originalRunning), tape.from("192.0.2.1", originalStopped)
		if len(running) < 10 || len(stopped) == 0 {
			return fmt.Errorf("recorded %d RUNNING and %d STOPPED", len(running), len(stopped))
		}
		return nil
	})
	died := p.crash(1)
	stop := player.loop(keepalive/10, running, stopped)
	p.wantHolding(2)
	p.wantTakeover("taken over", 2, died, p.owners.since(2))
	p.wantActiveAlone(2)
	p.owners.wantAnnounced(2)
	p.served()
	p.pulse[1].WaitLog("heartbeat ignored: replayed", patience)
	p.alone(2) // a backup that hears RUNNING gives way

	// The dead router returns, and both are told the other's past.
	old := append(tape.from("192.0.2.2", originalRunning), tape.from("192.0.2.2", originalStopped)...)
	if len(old) == 0 {
		t.Fatal("router2 was not recorded")
	}
	back := newForger(t, p.net.Client(), "192.0.2.2", "192.0.2.1")
	stopBack := back.loop(keepalive/10, old)
	p.comeBack(1)
	p.wantActive(2)
	p.steady(2)
	stop()
	stopBack()
	p.wantActive(2)
	p.served()
	for i, process := range p.pulse {
		if n := process.Count("heartbeat ignored: replayed"); n > 1 {
			t.Errorf("router%d: %d lines of replayed heartbeats", i+1, n)
		}
	}
}

// TestRefusalsLoggedOnceAMinute: whoever sends junk does not fill the disk.
func TestRefusalsLoggedOnceAMinute(t *testing.T) {
	p := newPair(t, enforced(t))
	p.start(2)
	p.deceive(1, originalStopped)
	first := p.pulse[1].When(ignoredKey, patience)
	p.pulse[1].Mark()
	second := p.pulse[1].When(ignoredKey, time.Minute+patience)
	if line := p.pulse[1].WaitLog(ignoredKey, patience); !regexp.MustCompile(`suppressed=[1-9][0-9]{2,}`).MatchString(line) {
		t.Errorf("line %q does not say how many it stands for", line)
	}
	p.slow.wantBetween(t, "said again", first, second, time.Minute-50*time.Millisecond, time.Minute+time.Second)
	p.pulse[1].WaitLog(ignoredUnsigned, patience)
	for _, line := range []string{ignoredKey, ignoredUnsigned} {
		if n := p.pulse[1].Count(line); n != 2 {
			t.Errorf("%d lines %q within a minute, want 2", n, line)
		}
	}
}

// alone expects that router i has the addresses throughout, for twice deadtime.
func (p *pair) alone(i int) {
	p.t.Helper()
	for end := time.Now().Add(2 * deadtime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if has, err := p.holds(i); err != nil || !has {
			p.t.Fatalf("router%d has the addresses: %v, %v", i, has, err)
		}
	}
}

// wantNoAddress waits until router i has rid itself of what a crash left.
func (p *pair) wantNoAddress(i int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		if has, err := p.holds(i); err != nil || has {
			return fmt.Errorf("router%d still has the addresses: %v, %v", i, has, err)
		}
		return nil
	})
}
