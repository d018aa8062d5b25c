package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// TestSorryServer: it serves while no real server is up, from the start on, and not a request longer. A request that it has not
// answered when its row goes is lost, as with any row.
func TestSorryServer(t *testing.T) {
	two := map[int]int{1: 1, 2: 1}
	c := newCluster(t, conf("scheduler = rr\nsorry_server = "+topology.RealAddr(3), two))
	for _, s := range c.servers[:2] {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	lvsd := c.lvsd()
	sorry := rows("rr", map[int]int{3: 1})
	wantTable(t, c.router, sorry...)
	lvsd.WaitLog("Virtual Server web: No real servers; activate sorry_server "+topology.RealAddr(3), patience)
	c.wantAnswers(topology.VIP, 10, map[string]int{"real3": 10})

	load := c.underLoad()
	load.more(t, 15)
	startReal(t, c.net.Real(1), c.servers[0])
	wantTable(t, c.router, rows("rr", map[int]int{1: 1})...)
	lvsd.WaitLog("Virtual Server web: 1 real servers; deactivate sorry_server", patience)
	replaced := time.Now()
	load.more(t, 15)
	for _, failed := range load.end(t).Errors() {
		if failed.At.After(replaced) {
			t.Errorf("a request after the sorry server was replaced: %v", failed.Err)
		}
	}
	c.wantAnswers(topology.VIP, 10, map[string]int{"real1": 10})

	if err := c.servers[0].Stop(); err != nil {
		t.Fatal(err)
	}
	wantTable(t, c.router, sorry...)
	c.wantAnswers(topology.VIP, 10, map[string]int{"real3": 10})
}

// TestQuiesce: a real server whose check fails gets weight 0. Whom it serves is served to the end; nobody new is sent there.
func TestQuiesce(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr\nquiesce_server = 1\ncheck = tcp\ncheck_port = 81", all))
	health := []func(){}
	for i := 1; i <= 3; i++ {
		l, err := c.net.Real(i).Listen("tcp", ":81")
		if err != nil {
			t.Fatal(err)
		}
		closed := sync.OnceFunc(func() { l.Close() })
		t.Cleanup(closed)
		health = append(health, closed)
	}
	c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	hurry := func() {
		for _, s := range c.servers {
			s.Hurry()
		}
	}
	t.Cleanup(hurry)
	var downloads sync.WaitGroup
	reports := make([]client.Report, 3)
	for i := range reports { // in turn, so that each server has one
		downloads.Go(func() {
			loop := client.Loop{
				Dial: c.net.Client().DialContext, Count: 1, Timeout: 2 * time.Minute,
				URL: fmt.Sprintf("http://%s/slow?bytes=%d&delay=100ms", topology.VIP, 600<<10),
			}
			reports[i], _ = loop.Run(context.Background())
		})
	}
	eventually(t, patience, func() error {
		said := run(t, c.router, "ipvsadm", "-L", "-n", "-c")
		for i := 1; i <= 3; i++ {
			if !strings.Contains(said, hostPort(topology.RealAddr(i))) {
				return fmt.Errorf("real%d has no connection: %s", i, said)
			}
		}
		return nil
	})
	health[0]()
	quiesced := rows("rr", map[int]int{1: 0, 2: 1, 3: 1})
	wantTable(t, c.router, quiesced...)
	answers := ask(t, c.net.Client(), hostPort(topology.VIP), 20)
	wantNoError(t, answers, 20)
	if n := answers.PerServer()["real1"]; n != 0 {
		t.Errorf("real1 answered %d new requests", n)
	}
	hurry()
	downloads.Wait()
	servers := map[string]bool{}
	for _, r := range reports {
		wantNoError(t, r, 1)
		servers[r.Results[0].Server] = true
	}
	if len(servers) != 3 {
		t.Errorf("downloads from %v, want one from each server", servers)
	}
	wantTable(t, c.router, quiesced...)
}
