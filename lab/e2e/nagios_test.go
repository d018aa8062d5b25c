package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// wantPlugin waits until check_piranha on router i exits with a status and a line that contains want.
func (p *pair) wantPlugin(i, status int, want string, args ...string) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		process := start(p.t, p.net.Router(i), "check_piranha", append([]string{"--run-dir=" + p.dirs[i-1]}, args...)...)
		got := process.Wait(patience)
		if said := strings.Join(process.Log(), "\n"); got != status || !strings.Contains(said, want) {
			return fmt.Errorf("router%d: check_piranha: status %d, %q, want %d, %q", i, got, said, status, want)
		}
		return nil
	})
}

// TestCheckPiranha: what a monitoring system sees of a pair whose life is not easy.
func TestCheckPiranha(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.wantPlugin(1, 2, "pulse does not run")
	p.start(1)
	p.start(2)
	p.wantPlugin(1, 0, "active as primary; virtual servers: 1, real servers up: 3 of 3 | heartbeat_age=0.")
	p.wantPlugin(2, 0, "inactive as backup")
	p.wantCtl(1, "", "drain", "web", "real2", "--no-wait")
	p.wantPlugin(1, 0, "real2 of web: drain ordered")
	if err := p.servers[0].Stop(); err != nil {
		t.Fatal(err)
	}
	p.wantPlugin(1, 1, "web has 1 of 3 real servers down: real1, ")
	p.wantPlugin(1, 0, "'web down'=1;1;;0;3", "-w", "1")
	p.wantPlugin(1, 2, "'web down'=1;0;0;0;3", "-c", "25%")
	if err := p.servers[2].Stop(); err != nil {
		t.Fatal(err)
	}
	p.wantPlugin(1, 2, "web has none of 3 real servers in service")
	startReal(t, p.net.Real(1), p.servers[0])
	startReal(t, p.net.Real(3), p.servers[2])
	p.wantPlugin(1, 0, "real servers up: 3 of 3")
	p.wantCtl(2, "", "standby")
	p.wantPlugin(2, 1, "on standby by an operator's wish")
	p.wantCtl(2, "", "resume")
	p.crash(1)
	p.wantPlugin(2, 1, "the other router is not heard: nobody would take over; active as backup")
}
