package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

func TestRoundRobin(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	report := ask(t, c.net.Client(), hostPort(topology.VIP), 60)
	wantNoError(t, report, 60)
	for name, n := range report.PerServer() {
		if n != 20 {
			t.Errorf("%s answered %d of 60 requests, want 20", name, n)
		}
	}
}

func TestWeights(t *testing.T) {
	weights := map[int]int{1: 1, 2: 3}
	c := newCluster(t, conf("scheduler = wrr", weights))
	c.lvsd()
	wantTable(t, c.router, rows("wrr", weights)...)
	report := ask(t, c.net.Client(), hostPort(topology.VIP), 200)
	wantNoError(t, report, 200)
	got := report.PerServer()
	if ratio := float64(got["real2"]) / float64(got["real1"]); ratio < 2.7 || ratio > 3.3 {
		t.Errorf("answers %v: ratio %.2f, want 3 ± 10 %%", got, ratio)
	}
}

// TestServerLostAndBack: a stopped server leaves within timeout + 1 s, and is back after the reentry rule: reentry /
// timeout = 3 good checks in a row, a second apart.
func TestServerLostAndBack(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr\nfall = 1", all))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	if err := c.servers[1].Stop(); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	two := rows("rr", map[int]int{1: 1, 3: 1})
	wantTable(t, c.router, two...)
	c.slow.wantWithin(t, "removed", stopped, 0, 2*time.Second) // timeout + 1 s
	lvsd.WaitLog("[inactive] shutting down "+hostPort(topology.RealAddr(2))+" due to connection failure", patience)
	report := ask(t, c.net.Client(), hostPort(topology.VIP), 30)
	wantNoError(t, report, 30)
	if n := report.PerServer()["real2"]; n != 0 {
		t.Errorf("real2 answered %d requests while it was stopped", n)
	}
	lvsd.Mark()
	started := time.Now()
	startReal(t, c.net.Real(2), c.servers[1])
	wantTable(t, c.router, rows("rr", all)...)
	c.slow.wantWithin(t, "back", started, 1900*time.Millisecond, 4*time.Second) // three good checks: 2 to 3 s, and one to spare
	lvsd.WaitLog("[ active ] making "+hostPort(topology.RealAddr(2))+" available", patience)
	wantNoError(t, ask(t, c.net.Client(), hostPort(topology.VIP), 30), 30)
}

func TestReloadAddsServerUnderLoad(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", map[int]int{1: 1, 2: 1}))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", map[int]int{1: 1, 2: 1})...)
	before := c.nannies()
	load := c.underLoad()
	load.more(t, 20)
	lvsd.Mark()
	c.configure(conf("scheduler = rr", all))
	lvsd.Signal(syscall.SIGHUP)
	lvsd.WaitLog("rereading configuration file", patience)
	lvsd.WaitLog("configuration reread serial_no=1 writes=0", patience)
	lvsd.WaitLog("table updated writes=1", patience)
	wantTable(t, c.router, rows("rr", all)...)
	load.more(t, 20)
	report := load.end(t)
	wantNoError(t, report, 40)
	if report.PerServer()["real3"] == 0 {
		t.Errorf("real3 answered nothing: %v", report.PerServer())
	}
	for name, pid := range c.nannies() {
		if name != "real3" && before[name] != pid {
			t.Errorf("nanny of %s has pid %d, had %d: restarted without need", name, pid, before[name])
		}
	}
	lvsd.Mark()
	lvsd.Signal(syscall.SIGHUP)
	lvsd.WaitLog("configuration reread serial_no=1 writes=0", patience)
	lvsd.Mark()
	c.configure(conf("scheduler = rr", map[int]int{1: 1, 2: 7, 3: 1}))
	lvsd.Signal(syscall.SIGHUP)
	lvsd.WaitLog("configuration reread serial_no=1 writes=1", patience)
	wantTable(t, c.router, rows("rr", map[int]int{1: 1, 2: 7, 3: 1})...)
}

// TestKilledLvsd: lvsd is killed under load, and a successor takes over. No row is missing at any moment.
func TestKilledLvsd(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	lvsd := c.lvsd()
	want := rows("rr", all)
	wantTable(t, c.router, want...)
	old := c.nannies()
	load := c.underLoad()
	load.more(t, 15)
	lvsd.Signal(syscall.SIGKILL)
	lvsd.Wait(patience)
	for name, pid := range old {
		eventually(t, patience, func() error { return gone(pid) })
		t.Logf("nanny of %s is gone", name)
	}
	wantRows(t, c, want)
	next := c.lvsd()
	next.WaitLog("table adopted rows=3 writes=0", patience)
	for range 3 {
		next.WaitNext("real server up", patience)
		wantRows(t, c, want)
	}
	load.more(t, 15)
	wantRows(t, c, want)
	wantNoError(t, load.end(t), 30)
	if line, found := next.find("writes="); found {
		t.Errorf("the successor wrote: %s", line)
	}
}

// wantRows expects the table as it is now.
func wantRows(t *testing.T, c *cluster, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if got := table(t, c.router); !slices.Equal(got, want) {
		t.Errorf("table %q, want %q", got, want)
	}
}

// TestKilledNanny: the row stays, and the new nanny does its work.
func TestKilledNanny(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	load := c.underLoad()
	old := c.nannies()["real2"]
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	lvsd.WaitLog("nanny for child web/real2 died! restarting it", patience)
	wantRows(t, c, rows("rr", all))
	eventually(t, patience, func() error {
		if pid := c.nannies()["real2"]; pid == 0 || pid == old {
			return fmt.Errorf("nanny of real2 has pid %d", pid)
		}
		return nil
	})
	wantRows(t, c, rows("rr", all))
	load.more(t, 10)
	wantNoError(t, load.end(t), 10)
	if err := c.servers[1].Stop(); err != nil {
		t.Fatal(err)
	}
	wantTable(t, c.router, rows("rr", map[int]int{1: 1, 3: 1})...)
}

// TestTerminate: SIGTERM leaves no row of ours, every row of others, and no process, socket or pid file.
func TestTerminate(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	others := []string{"-A -t 192.0.2.99:80 -s wlc", "-a -t 192.0.2.99:80 -r 10.11.12.99:80 -g -w 1"}
	run(t, c.router, strings.Fields("ipvsadm "+others[0])...)
	run(t, c.router, strings.Fields("ipvsadm "+others[1])...)
	lvsd := c.lvsd()
	wantTable(t, c.router, append(rows("rr", all), others...)...)
	nannies := c.nannies()
	lvsd.Signal(syscall.SIGTERM)
	if status := lvsd.Wait(patience); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	wantRows(t, c, others)
	lvsd.WaitLog("shutting down due to signal 15", patience)
	lvsd.WaitLog("shutting down virtual service web", patience)
	for _, pid := range nannies {
		if err := gone(pid); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "lvs.sock")); !os.IsNotExist(err) {
		t.Errorf("lvs.sock after the end: %v", err)
	}
}

// TestFlushedTableIsRepaired: somebody runs ipvsadm -C under load. Requests are answered again as soon as the table is back.
func TestFlushedTableIsRepaired(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	load := c.underLoad()
	load.more(t, 15)
	run(t, c.router, "ipvsadm", "-C")
	flushed := time.Now()
	wantTable(t, c.router, rows("rr", all)...)
	repaired := time.Now()
	c.slow.wantWithin(t, "repaired", flushed, 0, 2*time.Second+c.pause(flushed))
	load.more(t, 15)
	for _, failed := range load.end(t).Errors() {
		if failed.At.After(repaired) {
			t.Errorf("a request after the repair: %v", failed.Err)
		}
	}
	lvsd.WaitLog("table was changed by somebody else: repairing", patience)
}

// pause is by how much a look at the table that the machine made slow, before a moment, puts off the next one: the pause between
// two looks is twenty times as long as one takes, but never above 10 s.
func (c *cluster) pause(before time.Time) time.Duration {
	const most = 10 * time.Second
	return min(20*c.slow.lost(before.Add(-most), before), most)
}

// TestBadReload: a file with errors changes nothing, and all of them are logged.
func TestBadReload(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	lvsd := c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	c.configure(conf("scheduler = fastest\nport = http2", map[int]int{1: 1}))
	lvsd.Signal(syscall.SIGHUP)
	lvsd.WaitLog("lvs: error parsing "+c.file+" on line 8.", patience)
	lvsd.WaitLog(`scheduler "fastest"`, patience)
	lvsd.WaitLog(`port "http2"`, patience)
	lvsd.WaitLog("old configuration goes on", patience)
	wantRows(t, c, rows("rr", all))
	if err := os.Remove(c.file); err != nil {
		t.Fatal(err)
	}
	lvsd.Signal(syscall.SIGHUP)
	lvsd.WaitLog("lvs: failed to open "+c.file, patience)
	wantNoError(t, ask(t, c.net.Client(), hostPort(topology.VIP), 6), 6)
	wantRows(t, c, rows("rr", all))
}

// TestDaemon: without -n the command returns when the table is in place, and the daemon is known by its pid file.
func TestDaemon(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []string
	}{{"fork", nil}, {"nofork", []string{"--nofork"}}} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t, conf("scheduler = rr", all))
			p := start(t, c.router, "lvs", c.args(tt.options...)...)
			if tt.options == nil {
				if status := p.Wait(patience); status != 0 {
					t.Fatalf("exit status %d, want 0: %q", status, p.Log())
				}
				if got := table(t, c.router); len(got) == 0 {
					t.Error("no table although the start is reported as done")
				}
			}
			wantTable(t, c.router, rows("rr", all)...)
			text, err := os.ReadFile(filepath.Join(c.dir, "lvs.pid"))
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			eventually(t, patience, func() error { return gone(pid) })
			wantRows(t, c, nil)
			if _, err := os.Stat(filepath.Join(c.dir, "lvs.pid")); !os.IsNotExist(err) {
				t.Errorf("pid file after the end: %v", err)
			}
		})
	}
}

// TestStartFailures: one line that says what is wrong, status 1, nothing touched.
func TestStartFailures(t *testing.T) {
	c := newCluster(t, conf("scheduler = rr", all))
	c.lvsd()
	wantTable(t, c.router, rows("rr", all)...)
	other := t.TempDir()
	file, program := public(t, c.file), public(t, binary(t, "lvs"))
	for _, tt := range []struct {
		name    string
		options []string
		nobody  bool
		want    string
	}{
		{"second lvsd", nil, false, "lvs: already running with pid "},
		{"run directory not writable", []string{"--run-dir=/usr/lvsd-was-here"}, false, "lvs: mkdir /usr/lvsd-was-here: "},
		{"state directory not writable", []string{"--run-dir=" + other, "--state-dir=/usr"}, false, "lvs: write /usr: "},
		{"no nanny", []string{"--nanny=" + other + "/nanny"}, false, "lvs: nanny: stat " + other + "/nanny: no such file or directory"},
		{"no privilege", []string{"--run-dir=" + other, "--state-dir=" + other, "--nanny=" + program}, true, "lvs: read ipvs version: not permitted: CAP_NET_ADMIN is needed"},
	} {
		for _, mode := range []string{"-n", "--nofork", ""} {
			t.Run(tt.name+mode, func(t *testing.T) {
				argv := append(append([]string{program}, c.args("-c", file)...), tt.options...)
				if mode != "" {
					argv = append(argv, mode)
				}
				attr := &syscall.SysProcAttr{}
				if tt.nobody {
					attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
				}
				p := launch(t, c.router, attr, argv)
				status := p.Wait(patience)
				if log := p.Log(); status != 1 || len(log) != 1 || !strings.HasPrefix(log[0], tt.want) {
					t.Errorf("status %d, said %q; want status 1 and one line %q", status, log, tt.want)
				}
			})
		}
	}
	wantRows(t, c, rows("rr", all))
}

// TestMonitorsDropPrivileges: nannies run as user piranha without capabilities, and do their work so.
func TestMonitorsDropPrivileges(t *testing.T) {
	passwd := writeFile(t, "passwd", "root:x:0:0::/root:/bin/sh\npiranha:x:60:61::/:/sbin/nologin\n")
	group := writeFile(t, "group", "root:x:0:\npiranha:x:61:\n")
	for file, over := range map[string]string{passwd: "/etc/passwd", group: "/etc/group"} {
		if err := syscall.Mount(file, over, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(over, 0); err != nil {
				t.Error(err)
			}
		})
	}
	c := newCluster(t, conf("scheduler = rr", all))
	nanny := public(t, binary(t, "nanny"))
	start(t, c.router, "lvs", append(c.args("-n"), "--nanny="+nanny)...)
	wantTable(t, c.router, rows("rr", all)...)
	for name, pid := range c.nannies() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Uid:\t60\t60\t60\t60\n", "Gid:\t61\t61\t61\t61\n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("nanny of %s: status lacks %q:\n%s", name, want, text)
			}
		}
	}
	var st syscall.Stat_t
	if err := syscall.Stat(filepath.Join(c.dir, "lvs.sock"), &st); err != nil {
		t.Fatal(err)
	}
	if st.Gid != 61 || st.Mode&0o777 != 0o660 {
		t.Errorf("lvs.sock: group %d, mode %o; want 61, 660", st.Gid, st.Mode&0o777)
	}
}

// TestNannyByHand: without lvsd a nanny keeps the one row it is told about.
func TestNannyByHand(t *testing.T) {
	c := newCluster(t, "")
	run(t, c.router, "ipvsadm", "-A", "-t", hostPort(topology.VIP), "-s", "rr")
	nanny := start(t, c.router, "nanny", "-n", "-h", topology.RealAddr(1), "-p", "80", "-V", topology.VIP,
		"-t", "200ms", "-a", "400ms", "-w", "4", "-M", "m", "--lvs")
	wantTable(t, c.router, rows("rr", map[int]int{1: 4})...)
	nanny.WaitLog("[ active ] making "+hostPort(topology.RealAddr(1))+" available", patience)
	if err := c.servers[0].Stop(); err != nil {
		t.Fatal(err)
	}
	wantTable(t, c.router, rows("rr", nil)...)
	startReal(t, c.net.Real(1), c.servers[0])
	wantTable(t, c.router, rows("rr", map[int]int{1: 4})...)
	nanny.Signal(syscall.SIGTERM)
	if status := nanny.Wait(patience); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	wantRows(t, c, rows("rr", nil))
}
