package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

const pooled = "nanny_mode = pooled\n"

// pool returns the pid of the one monitor that all real servers have; 0 when they have none, or several.
func (c *cluster) pool() int {
	c.t.Helper()
	pid := 0
	for _, p := range c.nannies() {
		if pid != 0 && p != pid {
			return 0
		}
		pid = p
	}
	return pid
}

// TestKilledPool: who serves goes on, who is down stays down for as long as it should, and the new pool does its work.
func TestKilledPool(t *testing.T) {
	c := newCluster(t, pooled+conf("scheduler = rr", all))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	if err := c.servers[1].Stop(); err != nil {
		t.Fatal(err)
	}
	two := rows("rr", map[int]int{1: 1, 3: 1})
	wantTable(t, c.router, two...)
	old := c.pool()
	if old == 0 {
		t.Fatalf("monitors %v, want one for all", c.nannies())
	}
	load := c.underLoad()
	lvsd.Mark()
	startReal(t, c.net.Real(2), c.servers[1])
	started := time.Now()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	lvsd.WaitLog("pool of monitors died! restarting it", patience)
	wantRows(t, c, two)
	lvsd.WaitLog("pool of monitors running as pid", patience)
	eventually(t, patience, func() error {
		if pid := c.pool(); pid == 0 || pid == old {
			return fmt.Errorf("monitors %v", c.nannies())
		}
		return nil
	})
	wantTable(t, c.router, rows("rr", all)...)
	c.slow.wantWithin(t, "back", started, 1900*time.Millisecond, 5*time.Second) // three good checks
	load.more(t, 15)
	wantNoError(t, load.end(t), 15)
	if err := c.servers[0].Stop(); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	wantTable(t, c.router, rows("rr", map[int]int{2: 1, 3: 1})...)
	c.slow.wantWithin(t, "removed", stopped, 1900*time.Millisecond, 4*time.Second) // three bad checks
	lvsd.WaitLog("[inactive] shutting down "+hostPort(topology.RealAddr(1))+" due to connection failure", patience)
	now := c.pool()
	lvsd.Signal(syscall.SIGTERM)
	lvsd.Wait(patience)
	if err := gone(now); err != nil {
		t.Error(err)
	}
}

// TestSwitchMode: from nannies to a pool and back by reload, under load. No row is missing at any moment, and whoever watches
// next sees a server fail.
func TestSwitchMode(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	lvsd := c.lvsd()
	want := rows("rr", all)
	wantTable(t, c.router, want...)
	load := c.underLoad()
	for _, mode := range []string{pooled, "", pooled} {
		old := c.nannies()
		lvsd.Mark()
		c.configure(mode + conf("scheduler = rr", all))
		lvsd.Signal(syscall.SIGHUP)
		lvsd.WaitLog("configuration reread serial_no=1 writes=0", patience)
		for _, pid := range old {
			eventually(t, patience, func() error { return gone(pid) })
		}
		wantRows(t, c, want)
		eventually(t, patience, func() error {
			if pool := c.pool(); (pool != 0) != (mode == pooled) || c.nannies()["real1"] == 0 {
				return fmt.Errorf("mode %q: monitors %v", mode, c.nannies())
			}
			return nil
		})
		time.Sleep(1500 * time.Millisecond) // a check and a half
		wantRows(t, c, want)
	}
	if line, found := lvsd.find("real server down"); found {
		t.Errorf("lvsd says: %s", line)
	}
	wantNoError(t, load.end(t), 40)
	if err := c.servers[2].Stop(); err != nil {
		t.Fatal(err)
	}
	wantTable(t, c.router, rows("rr", map[int]int{1: 1, 2: 1})...)
}
