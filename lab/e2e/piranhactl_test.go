package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ctl runs piranhactl on router i and returns what it printed and its exit status.
func (p *pair) ctl(i int, args ...string) (said string, status int) {
	p.t.Helper()
	process := start(p.t, p.net.Router(i), "piranhactl", append([]string{"--run-dir=" + p.dirs[i-1]}, args...)...)
	status = process.Wait(patience)
	return strings.Join(process.Log(), "\n"), status
}

// wantCtl expects that piranhactl succeeds, and says so with a line that contains want.
func (p *pair) wantCtl(i int, want string, args ...string) {
	p.t.Helper()
	if said, status := p.ctl(i, args...); status != 0 || !strings.Contains(said, want) {
		p.t.Fatalf("router%d: piranhactl %s: status %d, %q, want %q", i, strings.Join(args, " "), status, said, want)
	}
}

// wantHandover expects that piranhactl switchover on router i hands over, as soon as the other one is willing: it is not until it has
// heard who serves.
func (p *pair) wantHandover(i int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		said, status := p.ctl(i, "switchover")
		if strings.Contains(said, "the other router cannot take over") {
			return fmt.Errorf("router%d: %s", i, said)
		}
		if status != 0 || !strings.Contains(said, "the other one serves") {
			p.t.Fatalf("router%d: piranhactl switchover: status %d, %q", i, status, said)
		}
		return nil
	})
}

// TestPiranhactl: an operator's commands, each of which has taken effect when it returns.
func TestPiranhactl(t *testing.T) {
	p := newPair(t, pairConf(""))
	if said, status := p.ctl(1, "status"); status != 1 || !strings.Contains(said, "pulse does not run here") {
		t.Errorf("without pulse: status %d, %q", status, said)
	}
	p.startBoth()
	p.wantHandover(1)
	p.wantActive(2)
	p.wantCtl(1, "this router is active", "switchover") // from the other end
	p.wantActive(1)

	said, status := p.ctl(1, "status", "--json")
	var s struct {
		Pulse struct{ State string }
		Lvsd  struct {
			VirtualServers []any `json:"virtual_servers"`
		}
	}
	if err := json.Unmarshal([]byte(said), &s); err != nil || status != 0 || s.Pulse.State != "active" || len(s.Lvsd.VirtualServers) != 1 {
		t.Errorf("status --json: %d, %v, %+v", status, err, s)
	}

	file := filepath.Join(p.dirs[0], "lvs.cf")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.wantCtl(1, "serial_no 1 is in force", "reload")
	if err := os.WriteFile(file, append(good, "nonsense\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, status := p.ctl(1, "reload"); status != 1 || !strings.Contains(said, "error parsing "+file+" at line") {
		t.Errorf("reload of a bad file: %d, %q", status, said)
	}
	if said, status := p.ctl(1, "check", file); status != 1 || !strings.Contains(said, "nonsense") {
		t.Errorf("check of a bad file: %d, %q", status, said)
	}
	p.served()
}

// TestStandbyOutlivesRestart: a router in maintenance does not serve because it was rebooted, whatever happens to the other one.
func TestStandbyOutlivesRestart(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.wantCtl(2, "this router is inactive", "standby")
	p.terminate(2)
	p.start(2)
	p.pulse[1].WaitLog("on standby, as an operator left it", patience)
	eventually(t, patience, func() error { return p.call(2, http.MethodGet, "status", nil) })
	p.crash(1)
	for end := time.Now().Add(3 * deadtime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if has, err := p.holds(2); err != nil || has {
			t.Fatalf("router2 has the addresses: %v, %v", has, err)
		}
	}
	p.wantCtl(2, "may serve again", "resume")
	eventually(t, patience, func() error {
		if s := p.state(2); s != "active" {
			return fmt.Errorf("router2 is %s", s)
		}
		return nil
	})
	p.served()
	p.pulse[1].Signal(syscall.SIGTERM)
	p.pulse[1].Wait(patience)
	if _, err := os.Lstat(filepath.Join(p.dirs[1], "standby")); !os.IsNotExist(err) {
		t.Errorf("standby is still noted: %v", err)
	}
}
