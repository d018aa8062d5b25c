package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// TestEvents: with clients asking all the time, piranhactl events tells of a real server that dies and returns, of all of them, of what
// somebody else does to the table, and of an lvsd that is killed, in the order in which it happens.
func TestEvents(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	ctx, cancel := context.WithCancel(context.Background())
	loop := client.Loop{Dial: c.net.Client().DialContext, URL: "http://" + topology.VIP + "/", Rate: 5, Timeout: time.Second}
	var asking sync.WaitGroup
	defer func() { cancel(); asking.Wait() }()
	asking.Go(func() { _, _ = loop.Run(ctx) })
	follow := start(t, c.router, "piranhactl", "--run-dir="+c.dir, "events", "--last=0")
	follow.WaitLog("pulse pulse does not run here", patience)

	if err := c.servers[0].Stop(); err != nil {
		t.Fatal(err)
	}
	follow.WaitLog("lvsd  web real1 is down: ", patience)
	startReal(t, c.net.Real(1), c.servers[0])
	follow.WaitLog("lvsd  web real1 is up, after ", patience)
	wantTable(t, c.router, rows("rr", all)...)

	for _, s := range c.servers {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	follow.WaitLog("lvsd  web has no real server left", patience)
	startReal(t, c.net.Real(1), c.servers[0])
	follow.WaitLog("lvsd  web is served again, after ", patience)
	for i, s := range c.servers[1:] {
		startReal(t, c.net.Real(i+2), s)
	}
	wantTable(t, c.router, rows("rr", all)...)

	run(t, c.router, "ipvsadm", "-d", "-t", hostPort(topology.VIP), "-r", hostPort(topology.RealAddr(2)))
	follow.WaitLog("repairing: -a -t "+hostPort(topology.VIP)+" -r "+hostPort(topology.RealAddr(2)), 3*patience) // a slow look is followed by a long pause
	c.configure(conf("scheduler = wlc", all))
	lvsd.Signal(syscall.SIGHUP)
	follow.WaitLog("lvsd  lvs.cf was read again, serial_no 1: web scheduler rr to wlc", patience)

	var types []string
	told := c.events()
	for _, e := range told {
		if !strings.HasPrefix(e.ID, "lvsd-") || e.Time.IsZero() || e.Text == "" {
			t.Errorf("event %+v", e)
		}
		if e.Data.Server == "real1" || e.Data.Server == "" {
			types = append(types, e.Type)
		}
	}
	want := []string{
		"start", "server_up", "server_down", "server_up", "server_down", "service_down", "server_up", "service_up", "repair", "reload",
	}
	if !slices.Equal(types, want) {
		t.Errorf("events %q, want %q, of\n%v", types, want, told)
	}

	lvsd.Signal(syscall.SIGKILL)
	lvsd.Wait(patience)
	follow.WaitLog("lvsd  lvsd ", patience)
	c.lvsd()
	follow.WaitLog("lvsd  lvsd answers again", patience)
	follow.WaitLog("lvsd  the daemon has been started since", patience)
	follow.WaitLog("lvsd  lvsd has started: 3 rows adopted", patience)
	follow.Signal(syscall.SIGINT)
	if status := follow.Wait(patience); status != 0 {
		t.Errorf("piranhactl events: exit status %d", status)
	}
}

// event is what piranhactl events --json prints, as far as it is looked at.
type event struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Type string    `json:"type"`
	Text string    `json:"text"`
	Data struct {
		Server string `json:"server"`
	} `json:"data"`
}

// events are those lvsd has told so far.
func (c *cluster) events() (list []event) {
	c.t.Helper()
	for line := range strings.Lines(c.ctl("--run-dir="+c.dir, "events", "--no-wait", "--last=1000", "--json")) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			c.t.Fatalf("%v: %s", err, line)
		}
		if e.ID != "" {
			list = append(list, e)
		}
	}
	return list
}

// TestConnections: whom a real server serves is listed while it does, and not who is served by another one.
func TestConnections(t *testing.T) {
	one := map[int]int{1: 1}
	c := newCluster(t, conf("scheduler = rr\npersistent = 60", one))
	c.lvsd()
	persistent := rows("rr", one)
	persistent[0] += " -p 60"
	wantTable(t, c.router, persistent...)
	loop := client.Loop{
		Dial: c.net.Client().DialContext, Count: 1, Timeout: 2 * time.Minute,
		URL: fmt.Sprintf("http://%s/slow?bytes=%d&delay=50ms", topology.VIP, 1200<<10),
	}
	var downloading sync.WaitGroup
	downloading.Go(func() { _, _ = loop.Run(context.Background()) })
	defer func() {
		c.servers[0].Hurry()
		downloading.Wait()
	}()
	list := func(words ...string) string {
		return c.ctl(append([]string{"--run-dir=" + c.dir, "connections"}, words...)...)
	}
	row := regexp.MustCompile(`(?m)^TCP +` + regexp.QuoteMeta(topology.ClientAddr) + `:\d+ +web +real1 +ESTABLISHED +\d+s\n1 connection$`)
	eventually(t, patience, func() error {
		if said := list("web", "real1", "--state=established", "--client="+topology.ClientAddr); !row.MatchString(said) {
			return fmt.Errorf("no connection of the client: %s", said)
		}
		return nil
	})
	remembered := regexp.MustCompile(`(?m)^TCP +` + regexp.QuoteMeta(topology.ClientAddr) + `:0 +web +real1 +persistence +\d+s$`)
	if said := list("web"); !remembered.MatchString(said) {
		t.Errorf("what persistence remembers is not listed: %s", said)
	}
	if said := list("--client=203.0.113.0/24"); strings.TrimSpace(said) != "0 connections" {
		t.Errorf("of other clients: %s", said)
	}
}

// TestTop: the rate that top shows is the one at which clients ask.
func TestTop(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	load := c.underLoad()
	said := c.ctl("--run-dir="+c.dir, "top", "--interval=2", "-n", "2")
	load.end(t)
	rates := regexp.MustCompile(`(?m)^web +3/3 up +\d+ +\d+ +([0-9.]+) `).FindAllStringSubmatch(said, -1)
	if len(rates) != 2 {
		t.Fatalf("%d tables with a rate, want 2:\n%s", len(rates), said)
	}
	for _, r := range rates { // 50 a second, as far as the machine allows
		if rate, err := strconv.ParseFloat(r[1], 64); err != nil || rate < 10 || rate > 60 {
			t.Errorf("rate %s, want about 50:\n%s", r[1], said)
		}
	}
}

// TestEventsOfAPair: the standby router's events tell of a handover and of the partner's death, and the takeover's, of pulse and lvsd, in one
// list.
func TestEventsOfAPair(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.served()
	follow := start(t, p.net.Router(2), "piranhactl", "--run-dir="+p.dirs[1], "events", "--last=1000")
	follow.WaitLog("pulse pulse has started as the backup", patience) // it follows: a switchover may be over before it would have begun
	p.wantHandover(1)
	p.wantActive(2)
	follow.WaitLog("pulse this router is active, after ", patience)
	p.wantHandover(2)
	p.wantActive(1)
	follow.WaitLog("pulse this router is inactive, after ", patience)
	follow.WaitLog("pulse the other router is active", patience)
	p.crash(1)
	follow.WaitLog("pulse the other router is dead: nothing is heard of it", patience)
	follow.WaitLog("pulse this router is active, after ", patience)

	said, status := p.ctl(2, "events", "--no-wait", "--last=1000")
	if status != 0 {
		t.Fatalf("events: %d, %s", status, said)
	}
	for _, want := range []string{
		"pulse pulse has started as the backup", "pulse lvsd runs as pid ", "pulse the other router is alive",
		"lvsd  lvsd has started: 0 rows adopted", "lvsd  active, writes=", "lvsd  on standby, writes=",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no event %q in\n%s", want, said)
		}
	}
}
