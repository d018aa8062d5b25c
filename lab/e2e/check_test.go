package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// results is the answer to GET /v1/history (doc/api.md).
type results []struct {
	Server  string `json:"server"`
	Results []struct {
		Time     time.Time `json:"time"`
		Duration float64   `json:"duration"`
		Reason   string    `json:"reason"`
	} `json:"results"`
}

func (c *cluster) ctl(argv ...string) string {
	c.t.Helper()
	return run(c.t, c.router, append([]string{binary(c.t, "piranhactl")}, argv...)...)
}

// TestHTTPCheck: the body decides, after as many good and bad checks as rise and fall say, and lvsd remembers them, whoever
// makes the checks.
func TestHTTPCheck(t *testing.T) {
	t.Run("process", func(t *testing.T) { httpCheck(t, "") })
	t.Run("pooled", func(t *testing.T) { httpCheck(t, "nanny_mode = pooled\n") })
}

func httpCheck(t *testing.T, mode string) {
	c := newCluster(t, mode+conf("scheduler = rr\ncheck = http\ncheck_path = /load\ncheck_body = \"42\"\nrise = 3\nfall = 2", all))
	for _, s := range c.servers {
		s.SetLoad(42)
	}
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)

	failed := time.Now()
	c.servers[1].SetLoad(7)
	wantTable(t, c.router, rows("rr", map[int]int{1: 1, 3: 1})...)
	c.slow.wantWithin(t, "removed", failed, 900*time.Millisecond, 3*time.Second) // two bad checks
	if rs := c.status().VirtualServers[0].RealServers[1]; rs.State != "down" || !strings.Contains(rs.Reason, "42") {
		t.Errorf("status of real2: %+v", rs)
	}
	var list results
	if err := json.Unmarshal([]byte(c.ctl("history", "--run-dir="+c.dir, "--json", "web", "real2")), &list); err != nil || len(list) != 1 {
		t.Fatalf("history: %v, %v", list, err)
	}
	n := len(list[0].Results) // equal ones that a stalled machine made shortly one after the other are one
	if n < 2 || list[0].Results[0].Reason != "" || !strings.Contains(list[0].Results[n-1].Reason, "42") || list[0].Results[n-1].Duration <= 0 {
		t.Errorf("history of real2: %+v", list)
	}
	if out := c.ctl("probe", "-c", c.file, "--nanny="+binary(t, "nanny"), "web", "real1"); !strings.Contains(out, "\nup after ") {
		t.Errorf("probe of real1:\n%s", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := c.router.Exec(ctx, binary(t, "piranhactl"), "probe", "-c", c.file, "--nanny="+binary(t, "nanny"), "web", "real2")
	if err == nil {
		t.Errorf("probe of real2 passes:\n%s", out)
	}

	lvsd.Mark()
	mended := time.Now()
	c.servers[1].SetLoad(42)
	wantTable(t, c.router, rows("rr", all)...)
	c.slow.wantWithin(t, "back", mended, 1900*time.Millisecond, 4*time.Second) // three good checks
	lvsd.WaitLog("[ active ] making "+hostPort(topology.RealAddr(2))+" available", patience)
	wantNoError(t, ask(t, c.net.Client(), hostPort(topology.VIP), 30), 30)
}

// TestNotChecked: a real server that nothing listens on serves all the same, without a nanny.
func TestNotChecked(t *testing.T) {
	blind := net.JoinHostPort(topology.VIP, "81")
	text := conf("scheduler = rr", map[int]int{1: 1})
	text += fmt.Sprintf("virtual blind {\nactive = 1\naddress = %s eth0:1\nport = 81\nscheduler = rr\ncheck = none\n"+
		"server real2 {\naddress = %s\nactive = 1\n}\n}\n", topology.VIP, topology.RealAddr(2))
	c := newCluster(t, text)
	c.lvsd()
	want := append(rows("rr", map[int]int{1: 1}),
		"-A -t "+blind+" -s rr", fmt.Sprintf("-a -t %s -r %s -m -w 1", blind, net.JoinHostPort(topology.RealAddr(2), "81")))
	wantTable(t, c.router, want...)
	time.Sleep(1500 * time.Millisecond) // a check, if there were one
	wantTable(t, c.router, want...)
	if rs := c.status().VirtualServers[1].RealServers[0]; rs.State != "up" || rs.Pid != 0 || !rs.NotChecked || rs.LastCheck != nil {
		t.Errorf("status of real2: %+v", rs)
	}
	if rs := c.status().VirtualServers[0].RealServers[0]; rs.State != "up" || rs.Pid == 0 || rs.NotChecked || rs.LastCheck == nil || rs.LastCheck.Reason != "" {
		t.Errorf("status of real1: %+v", rs)
	}
}
