package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// TestDrain: a real server in maintenance. Whoever it serves is served to the end, piranhactl waits for that, nobody new is sent
// there, and a restart of lvsd changes nothing.
func TestDrain(t *testing.T) {
	one := map[int]int{1: 1}
	c := newCluster(t, conf("scheduler = rr", one))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", one)...)
	const size = 1200 << 10 // a minute
	loop := client.Loop{
		Dial: c.net.Client().DialContext, Count: 1, Timeout: 2 * time.Minute,
		URL: fmt.Sprintf("http://%s/slow?bytes=%d&delay=50ms", topology.VIP, size),
	}
	var report client.Report
	var err error
	var downloading sync.WaitGroup
	downloading.Go(func() { report, err = loop.Run(context.Background()) })
	eventually(t, patience, func() error {
		if said := run(t, c.router, "ipvsadm", "-L", "-n", "-c"); !strings.Contains(said, "ESTABLISHED") {
			return fmt.Errorf("no connection: %s", said)
		}
		return nil
	})
	c.configure(conf("scheduler = rr", all))
	lvsd.Signal(syscall.SIGHUP)
	wantTable(t, c.router, rows("rr", all)...)

	drain := start(t, c.router, "piranhactl", "--run-dir="+c.dir, "drain", "web", "real1")
	drain.WaitLog("connections are left", patience)
	drained := rows("rr", map[int]int{1: 0, 2: 1, 3: 1})
	wantTable(t, c.router, drained...)
	answers := ask(t, c.net.Client(), hostPort(topology.VIP), 20)
	wantNoError(t, answers, 20)
	if n := answers.PerServer()["real1"]; n != 0 {
		t.Errorf("real1 answered %d new requests", n)
	}
	lvsd.Signal(syscall.SIGKILL)
	lvsd.Wait(patience)
	lvsd = c.lvsd()
	wantTable(t, c.router, drained...)
	drain = start(t, c.router, "piranhactl", "--run-dir="+c.dir, "drain", "web", "real1")
	drain.WaitLog("connections are left", patience)
	c.servers[0].Hurry()
	downloading.Wait()
	if err != nil || len(report.Errors()) > 0 || len(report.Results) != 1 {
		t.Errorf("download: %v, %v", err, report.Errors())
	}
	drain.WaitLog("no connection is left", patience)
	if status := drain.Wait(patience); status != 0 {
		t.Errorf("piranhactl drain: exit status %d", status)
	}
	if said := c.ctl("drain", "--run-dir="+c.dir, "web", "real1"); !strings.Contains(said, "no connection is left") {
		t.Errorf("drain once more: %q", said)
	}
	c.ctl("--run-dir="+c.dir, "maint", "web", "real1")
	wantTable(t, c.router, rows("rr", map[int]int{2: 1, 3: 1})...)
	c.ctl("--run-dir="+c.dir, "ready", "web", "real1")
	c.ctl("--run-dir="+c.dir, "weight", "web", "real1", "5")
	wantTable(t, c.router, rows("rr", map[int]int{1: 5, 2: 1, 3: 1})...)
	lvsd.WaitLog("ordered: weight 5", patience)
}
