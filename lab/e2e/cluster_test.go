package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// cluster is one router with lvsd and NAT to web servers, as the tests of lvsd have it.
type cluster struct {
	t       *testing.T
	net     *topology.Net
	router  *topology.Node
	servers []*realserver.Server
	dir     string // run and state directory
	file    string // lvs.cf
	slow    *stall
}

// newCluster builds everything but lvsd. Its addresses are on the router, as pulse would have put them there.
func newCluster(t *testing.T, conf string) *cluster {
	t.Helper()
	return newClusterBy(t, topology.NAT, conf)
}

// newClusterBy does so for a forwarding method.
func newClusterBy(t *testing.T, forward topology.Forward, conf string) *cluster {
	t.Helper()
	need(t, "ipvsadm")
	n := network(t, topology.Options{Forward: forward})
	c := &cluster{t: t, net: n, router: n.Router(1), servers: serveReals(t, n), dir: t.TempDir(), slow: watchStall(t)}
	for _, a := range []struct{ addr, dev string }{
		{topology.VIP + "/24", "eth0"}, {topology.NATRouter + "/24", "eth1"},
		{topology.VIP6 + "/64", "eth0"}, {topology.NATRouter6 + "/64", "eth1"},
	} {
		if err := c.router.AddAddr(a.addr, a.dev, ""); err != nil {
			t.Fatal(err)
		}
	}
	c.file = filepath.Join(c.dir, "lvs.cf")
	c.configure(conf)
	return c
}

func (c *cluster) configure(conf string) {
	c.t.Helper()
	if err := os.WriteFile(c.file, []byte(conf), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// args are the options with which the tests start lvsd.
func (c *cluster) args(more ...string) []string {
	return append([]string{
		"-c", c.file, "--nanny=" + binary(c.t, "nanny"), "--run-dir=" + c.dir, "--state-dir=" + c.dir,
	}, more...)
}

// lvsd starts lvsd in the foreground and waits until it has adopted the table.
func (c *cluster) lvsd() *process {
	c.t.Helper()
	p := start(c.t, c.router, "lvs", c.args("-n")...)
	p.WaitLog("table adopted", patience)
	return p
}

// conf is an lvs.cf with one virtual server, web, and real servers named by their numbers; extra goes into the virtual
// block, and weights are those of the servers.
func conf(extra string, weights map[int]int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "serial_no = 1\nnetwork = nat\nvirtual web {\nactive = 1\naddress = %s eth0:1\ntimeout = 1\nreentry = 3\n%s\n", topology.VIP, patient(extra))
	for i := 1; i <= 3; i++ {
		if w, in := weights[i]; in {
			fmt.Fprintf(&b, "server real%d {\naddress = %s\nactive = 1\nweight = %d\n}\n", i, topology.RealAddr(i), w)
		}
	}
	return b.String() + "}\n"
}

// rows are the lines of ipvsadm -S -n for conf, when the servers named by weights are up.
func rows(scheduler string, weights map[int]int) []string {
	lines := []string{"-A -t " + hostPort(topology.VIP) + " -s " + scheduler}
	for i, w := range weights {
		lines = append(lines, fmt.Sprintf("-a -t %s -r %s -m -w %d", hostPort(topology.VIP), hostPort(topology.RealAddr(i)), w))
	}
	return lines
}

var all = map[int]int{1: 1, 2: 1, 3: 1}

// patient makes a real server fail with its third bad check, unless extra says with which: the machine may stand still for as long as
// one check may take.
func patient(extra string) string {
	if strings.Contains(extra, "fall = ") {
		return extra
	}
	return extra + "\nfall = 3"
}

// nannies returns the pids of the nannies in lvsd's status by real server.
func (c *cluster) nannies() map[string]int {
	c.t.Helper()
	pids := map[string]int{}
	for _, vs := range c.status().VirtualServers {
		for _, rs := range vs.RealServers {
			pids[rs.Name] = rs.Pid
		}
	}
	return pids
}

// status is the part of lvsd's answer (doc/api.md) that the tests want.
type status struct {
	InStep         bool `json:"in_step"`
	VirtualServers []struct {
		RealServers []struct {
			Name   string `json:"name"`
			State  string `json:"state"`
			Reason string `json:"reason"`
			Pid    int    `json:"monitor_pid"`

			NotChecked bool `json:"not_checked"`
			LastCheck  *struct {
				Reason string `json:"reason"`
			} `json:"last_check"`
		} `json:"real_servers"`
	} `json:"virtual_servers"`
}

func (c *cluster) status() status {
	c.t.Helper()
	h := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(c.dir, "lvs.sock"))
		},
	}}
	resp, err := h.Get("http://lvsd/v1/status")
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var s status
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// load is a client that asks the virtual server until end is called.
type load struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	ended  atomic.Int64 // requests
	report client.Report
	err    error
}

// underLoad starts asking, so many requests a second.
func underLoad(t *testing.T, n *topology.Net, rate float64) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	loop := client.Loop{
		Dial: n.Client().DialContext, URL: "http://" + topology.VIP + "/", Rate: rate, Timeout: 5 * time.Second,
		Each: func(client.Result) { l.ended.Add(1) },
	}
	l.done.Go(func() { l.report, l.err = loop.Run(ctx) })
	t.Cleanup(func() { cancel(); l.done.Wait() })
	return l
}

// underLoad starts asking, 50 requests a second.
func (c *cluster) underLoad() *load { return underLoad(c.t, c.net, 50) }

// more waits until so many more requests have ended.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	before := l.ended.Load()
	eventually(t, patience, func() error {
		if ended := l.ended.Load() - before; ended < n {
			return fmt.Errorf("%d requests have ended, want %d", ended, n)
		}
		return nil
	})
}

// end stops asking and returns what the client saw.
func (l *load) end(t *testing.T) client.Report {
	t.Helper()
	l.cancel()
	l.done.Wait()
	if l.err != nil {
		t.Fatal(l.err)
	}
	return l.report
}

// wantNoError expects that at least n requests were made and all of them were answered.
func wantNoError(t *testing.T, r client.Report, n int) {
	t.Helper()
	if len(r.Errors()) > 0 || len(r.Results) < n {
		t.Errorf("client saw: %v\nwant at least %d requests and no error", r, n)
	}
}

// gone tells whether a process has ended; one that nobody has reaped yet counts as ended.
func gone(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, after, found := bytes.Cut(stat, []byte(") ")); found && bytes.HasPrefix(after, []byte("Z")) {
		return nil
	}
	return fmt.Errorf("process %d still runs", pid)
}
