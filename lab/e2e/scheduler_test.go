package e2e

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// reload has an lvsd read its lvs.cf and waits until it has.
func reload(t *testing.T, lvsd *process) {
	t.Helper()
	lvsd.Mark()
	lvsd.Signal(syscall.SIGHUP)
	lvsd.WaitLog("configuration reread", patience)
}

// schedulers are all there are, with how they spread connections that stay open over three servers of weight 1, 2 and 3.
// nil: all of a client go to one server, by its address or the service's.
var schedulers = []struct {
	name  string
	extra string
	open  int // connections
	want  map[string]int
}{
	{name: "rr", open: 12, want: map[string]int{"real1": 4, "real2": 4, "real3": 4}},
	{name: "wrr", open: 12, want: map[string]int{"real1": 2, "real2": 4, "real3": 6}},
	{name: "lc", open: 12, want: map[string]int{"real1": 4, "real2": 4, "real3": 4}},
	{name: "wlc", open: 12, want: map[string]int{"real1": 2, "real2": 4, "real3": 6}},
	{name: "sed", open: 12, want: map[string]int{"real1": 2, "real2": 4, "real3": 6}},
	{name: "nq", open: 12, want: map[string]int{"real1": 2, "real2": 4, "real3": 6}},
	{name: "fo", open: 12, want: map[string]int{"real3": 12}},
	{name: "ovf", open: 9, want: map[string]int{"real1": 2, "real2": 3, "real3": 4}}, // from the heaviest on, until there are more than its weight
	{name: "lblc", open: 1},
	{name: "lblcr", open: 1},
	{name: "dh", open: 12},
	{name: "sh", open: 12},
	{name: "sh", extra: "scheduler_fallback = 1", open: 12},
	{name: "mh", open: 12},
}

// TestSchedulers: every scheduler spreads open connections as it should. Each has a virtual server of its own: connections
// that have ended count for a while.
func TestSchedulers(t *testing.T) {
	var conf strings.Builder
	conf.WriteString("serial_no = 1\nnetwork = nat\n")
	for i, s := range schedulers {
		fmt.Fprintf(&conf, "virtual v%d {\nactive = 1\naddress = %s eth0:1\nport = %d\nscheduler = %s\n%s\ncheck = none\n", i, topology.VIP, 8000+i, s.name, s.extra)
		for r := 1; r <= 3; r++ {
			fmt.Fprintf(&conf, "server real%d {\naddress = %s\nport = 80\nactive = 1\nweight = %d\n}\n", r, topology.RealAddr(r), r)
		}
		conf.WriteString("}\n")
	}
	c := newCluster(t, conf.String())
	c.lvsd()
	for i, s := range schedulers {
		t.Run(s.name, func(t *testing.T) {
			addr := net.JoinHostPort(topology.VIP, fmt.Sprint(8000+i))
			got := map[string]int{}
			for range s.open {
				got[c.hold(t, addr)]++
			}
			if s.want != nil && !maps.Equal(got, s.want) {
				t.Errorf("%d open connections: %v, want %v", s.open, got, s.want)
			}
			if s.want == nil && len(got) != 1 {
				t.Errorf("%d open connections: %v, want one server", s.open, got)
			}
		})
	}
	t.Run("sources", func(t *testing.T) { wantBySource(t, c) })
}

// hold begins a download that does not end before the test. It returns who sends it.
func (c *cluster) hold(t *testing.T, addr string) string {
	t.Helper()
	conn, err := c.net.Client().Dial("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /slow?bytes=65536&delay=10s HTTP/1.1\r\nHost: web\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Get(realserver.Header)
}

// wantBySource: sh and mh send each client to the same server every time, and different clients to different ones.
func wantBySource(t *testing.T, c *cluster) {
	sources := c.sources(12)
	for i, s := range schedulers {
		if s.name != "sh" && s.name != "mh" {
			continue
		}
		addr := net.JoinHostPort(topology.VIP, fmt.Sprint(8000+i))
		used := map[string]int{}
		for _, source := range sources {
			first, second := c.askFrom(source, addr), c.askFrom(source, addr)
			if first != second {
				t.Errorf("%s: %s was served by %s and %s", s.name, source, first, second)
			}
			used[first]++
		}
		if len(used) < 2 {
			t.Errorf("%s: twelve clients were served by %v", s.name, used)
		}
	}
}
