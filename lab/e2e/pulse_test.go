package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// pair is two routers with pulse, in front of three web servers.
type pair struct {
	t       *testing.T
	net     *topology.Net
	servers []*realserver.Server
	dirs    [2]string
	pulse   [2]*process
	slow    *stall
	owners  *owners
}

// Times of the pairs. The lab's machine may be slow: a heartbeat must not be late because of that alone.
const (
	keepalive = 200 * time.Millisecond
	deadtime  = time.Second
)

// pairConf is the lvs.cf of both routers; extra goes into its global part.
func pairConf(extra string) string {
	c := conf("scheduler = rr\nvip_nmask = 255.255.255.0", all)
	head := fmt.Sprintf("primary = 192.0.2.1\nbackup = 192.0.2.2\nbackup_active = 1\nheartbeat = 1\nkeepalive = %dms\ndeadtime = %dms\n"+
		"nat_router = %s eth1:1\nnat_nmask = 255.255.255.0\n%s\n", keepalive.Milliseconds(), deadtime.Milliseconds(), topology.NATRouter, extra)
	return head + c
}

func newPair(t *testing.T, conf string) *pair {
	t.Helper()
	return newPairOf(t, topology.NAT, conf)
}

// newDirectPair is a pair with direct routing: the VIP is on the real servers too, which do not answer for it, and
// their answers pass no router.
func newDirectPair(t *testing.T, extra string) *pair {
	t.Helper()
	nat := fmt.Sprintf("nat_router = %s eth1:1\nnat_nmask = 255.255.255.0\n", topology.NATRouter)
	conf := strings.Replace(pairConf(extra), nat, "", 1)
	return newPairOf(t, topology.Direct, strings.Replace(conf, "network = nat", "network = direct", 1))
}

func newPairOf(t *testing.T, forward topology.Forward, conf string) *pair {
	t.Helper()
	need(t, "ipvsadm")
	n := network(t, topology.Options{Forward: forward})
	p := &pair{t: t, net: n, servers: serveReals(t, n), slow: watchStall(t)}
	p.owners = watchOwners(t, n, p.slow)
	for i := range p.dirs {
		p.dirs[i] = t.TempDir()
		if err := os.WriteFile(filepath.Join(p.dirs[i], "lvs.cf"), []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// start starts pulse on router i, counted from 1, and waits until it takes part in the election, or has ended.
func (p *pair) start(i int, options ...string) {
	p.t.Helper()
	dir := p.dirs[i-1]
	args := append([]string{"-n", "-c", filepath.Join(dir, "lvs.cf"), "--lvsd=" + binary(p.t, "lvs"), "--nanny=" + binary(p.t, "nanny"),
		"--run-dir=" + dir, "--state-dir=" + dir}, options...)
	p.pulse[i-1] = start(p.t, p.net.Router(i), "pulse", args...)
	p.t.Cleanup(p.owners.end) // before the process is killed
	eventually(p.t, patience, func() error {
		if _, begun := p.pulse[i-1].find("STARTING PULSE AS"); !begun && !p.pulse[i-1].hasEnded() {
			return fmt.Errorf("pulse of router%d says %q", i, p.pulse[i-1].Log())
		}
		return nil
	})
}

// startBoth starts both routers, router 1 with options. It serves before router 2 comes: who of two that come together will serve
// depends on how long the machine lets either wait.
func (p *pair) startBoth(options ...string) {
	p.t.Helper()
	p.start(1, append(options, "--forceactive")...)
	p.wantActiveAlone(1)
	p.start(2)
	p.wantAcquainted()
	p.wantChecked(2)
	p.wantActive(1)
}

// wantChecked waits until the lvsd of router i, if there is to be one, has seen the real servers up: what it does before
// keeps the machine busy.
func (p *pair) wantChecked(i int) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dirs[i-1], "lvs.cf"))
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.Contains(string(text), "standby = cold") {
		return
	}
	eventually(p.t, patience, func() error {
		if s := p.status(i); s.Servers == nil || s.Servers.Up != s.Servers.Configured {
			return fmt.Errorf("real servers that router%d sees: %v", i, s.Servers)
		}
		return nil
	})
}

// wantAcquainted waits until each router has heard the other.
func (p *pair) wantAcquainted() {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		for i := 1; i <= 2; i++ {
			var s pulseStatus
			if err := p.call(i, http.MethodGet, "status", &s); err != nil || s.Partner.Health != "alive" {
				return fmt.Errorf("the other one is %q to router%d, %v", s.Partner.Health, i, err)
			}
		}
		return nil
	})
}

// comeBack starts pulse on router i, which was cut off when it crashed, and heals the links when it has rid itself of what it had.
// Until then its deadtime is long, so that it does not serve alone.
func (p *pair) comeBack(i int) {
	p.t.Helper()
	file := filepath.Join(p.dirs[i-1], "lvs.cf")
	text, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	patient := strings.Replace(string(text), fmt.Sprintf("deadtime = %dms", deadtime.Milliseconds()), fmt.Sprintf("deadtime = %dms", patience.Milliseconds()), 1)
	if err := os.WriteFile(file, []byte(patient), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.start(i)
	p.wantNoAddress(i)
	p.heal(i)
}

// wantTakeover expects that router i has taken over at a moment because its partner had died then, within deadtime and a
// keepalive. A router that the machine stalls gives its partner time for another heartbeat, four times at most, and after a long
// stall, which it logs, a fresh deadtime.
func (p *pair) wantTakeover(what string, i int, died, seen time.Time) {
	p.t.Helper()
	log := p.pulse[i-1]
	log.WaitLog("partner dead: activating lvs", patience)
	fresh := time.Duration(log.CountSince("own stall: the partner gets a fresh deadtime", died))
	again := time.Duration(min(p.slow.stalls(died, seen), 4))
	p.slow.wantBetween(p.t, what, died, seen, deadtime-keepalive-50*time.Millisecond, deadtime+keepalive+again*keepalive*3/2+fresh*deadtime)
}

// crash is what the partner sees of a power failure: the links are dead, and nothing runs any more. It returns when that was.
func (p *pair) crash(i int) time.Time {
	p.t.Helper()
	at := p.cut(i)
	if err := syscall.Kill(-p.pulse[i-1].Pid(), syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	return at
}

// cut takes router i off both networks: what it has may be on the other one too, until heal. It returns when that was.
func (p *pair) cut(i int) time.Time {
	p.t.Helper()
	p.owners.leave(i)
	if err := p.net.Router(i).Cut(); err != nil {
		p.t.Fatal(err)
	}
	return time.Now()
}

func (p *pair) heal(i int) {
	p.t.Helper()
	if err := p.net.Router(i).Heal(); err != nil {
		p.t.Fatal(err)
	}
	p.owners.join(i)
}

// call makes a call of router i's pulse.sock.
func (p *pair) call(i int, method, name string, answer any) error {
	h := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.dirs[i-1], "pulse.sock"))
		},
	}}
	req, err := http.NewRequest(method, "http://pulse/v1/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := h.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", name, resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// state is what router i's pulse says of itself.
func (p *pair) state(i int) string {
	var s struct {
		State string `json:"state"`
	}
	if err := p.call(i, http.MethodGet, "status", &s); err != nil {
		return err.Error()
	}
	return s.State
}

// holds tells whether router i has all floating addresses, or none; a mixture is an error.
func (p *pair) holds(i int) (bool, error) {
	count, floating := 0, map[string]string{"eth0": topology.VIP + "/24", "eth1": topology.NATRouter + "/24"}
	if p.net.Options.Forward != topology.NAT {
		delete(floating, "eth1")
	}
	for dev, addr := range floating {
		have, err := p.net.Router(i).Addrs(dev)
		if err != nil {
			return false, err
		}
		if slices.Contains(have, addr) {
			count++
		}
	}
	if count > 0 && count < len(floating) {
		return false, fmt.Errorf("router%d has %d of the floating addresses %v", i, count, floating)
	}
	return count > 0, nil
}

// wantActive waits until router i serves and the other does not, in word and deed.
func (p *pair) wantActive(i int) {
	p.t.Helper()
	other := 3 - i
	eventually(p.t, patience, func() error {
		if s := p.state(i); s != "active" {
			return fmt.Errorf("router%d is %s", i, s)
		}
		if s := p.state(other); s == "active" {
			return fmt.Errorf("router%d is active too", other)
		}
		for router, want := range map[int]bool{i: true, other: false} {
			if has, err := p.holds(router); err != nil || has != want {
				return fmt.Errorf("router%d has the floating addresses: %v, %v; want %v", router, has, err, want)
			}
		}
		if rows := table(p.t, p.net.Router(other)); len(rows) != 0 {
			return fmt.Errorf("router%d is not to serve and has rows %q", other, rows)
		}
		return nil
	})
	wantTable(p.t, p.net.Router(i), p.rows()...)
	p.owners.wantAnnounced(i)
	ask(p.t, p.net.Client(), hostPort(topology.VIP), 1) // now the client knows the owner, whom the next one must supersede
}

// rows is the table of the router that serves.
func (p *pair) rows() []string {
	lines := rows("rr", all)
	if p.net.Options.Forward == topology.Direct {
		for i := range lines {
			lines[i] = strings.Replace(lines[i], " -m ", " -g ", 1)
		}
	}
	return lines
}

// served expects that the client is served.
func (p *pair) served() {
	p.t.Helper()
	wantNoError(p.t, ask(p.t, p.net.Client(), hostPort(topology.VIP), 9), 9)
}

func TestPairColdStart(t *testing.T) {
	for _, order := range [][]int{{1, 2}, {2, 1}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			// A router that comes first waits so long for the other one, however slow the machine starts that.
			p := newPair(t, strings.Replace(pairConf(""), "deadtime = 1000ms", "deadtime = 10s", 1))
			p.start(order[0])
			p.start(order[1])
			p.pulse[0].WaitLog("STARTING PULSE AS MASTER", patience)
			p.pulse[1].WaitLog("STARTING PULSE AS BACKUP", patience)
			p.wantActive(1)
			p.served()
		})
	}
}

// TestPairCrash: the active router dies; the other takes over within deadtime and some, and keeps the service when the
// dead one returns.
func TestPairCrash(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.served()
	crashed := p.crash(1)
	p.wantHolding(2)
	p.wantTakeover("taken over", 2, crashed, p.owners.since(2))
	wantTable(t, p.net.Router(2), rows("rr", all)...)
	p.served()
	p.pulse[1].WaitLog("gratuitous lvs arps finished", patience)

	p.comeBack(1) // with what the crash left: the addresses and the rows of its table
	p.wantActive(2)
	p.served()
}

// TestPairPlanned: a stop and a switchover hand over at once.
func TestPairPlanned(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.switchover(1)
	p.wantActive(2)
	p.served()
	stopped := time.Now()
	p.pulse[1].Signal(syscall.SIGTERM)
	eventually(t, patience, func() error {
		if has, err := p.holds(1); err != nil || !has {
			return fmt.Errorf("router1 has the addresses: %v, %v", has, err)
		}
		return nil
	})
	p.slow.wantWithin(t, "handed over", stopped, 0, deadtime-keepalive) // by the farewell: silence would take longer
	if status := p.pulse[1].Wait(patience); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	p.pulse[1].WaitLog("Terminating due to signal 15", patience)
	wantTable(t, p.net.Router(1), rows("rr", all)...)
	p.owners.wantAnnounced(1)
	p.served()
	if rows := table(t, p.net.Router(2)); len(rows) != 0 {
		t.Errorf("router2 left rows %q", rows)
	}
}

// TestSingleRouter: without a backup pulse serves at once.
func TestSingleRouter(t *testing.T) {
	p := newPair(t, strings.Replace(pairConf(""), "backup_active = 1", "backup_active = 0", 1))
	p.start(1)
	wantTable(t, p.net.Router(1), rows("rr", all)...)
	p.served()
	p.start(2)
	if status := p.pulse[1].Wait(patience); status != 255 {
		t.Errorf("backup that is marked inactive: exit status %d, want 255", status)
	}
	p.pulse[1].WaitLog("We are backup node and backup is marked inactive -- exiting pulse", patience)
}

// TestKilledPulse: the addresses of a dead pulse do not stay beside the partner's, although its router lives on.
func TestKilledPulse(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.pulse[0].Signal(syscall.SIGKILL)
	eventually(t, patience, func() error {
		second, err := p.holds(2)
		if err != nil || !second {
			return fmt.Errorf("router2 has the addresses: %v, %v", second, err)
		}
		return nil
	})
	if first, err := p.holds(1); err != nil || first {
		t.Errorf("router1 has the addresses too: %v, %v", first, err)
	}
	wantTable(t, p.net.Router(2), rows("rr", all)...)
	p.served()
	wantTable(t, p.net.Router(1))
	p.start(1)
	p.wantActive(2)
}

// TestKilledLvsdOfPair: a living partner takes over; lvsd is started again.
func TestKilledLvsdOfPair(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	var s struct {
		Pid int `json:"lvsd_pid"`
	}
	if err := p.call(1, http.MethodGet, "status", &s); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.pulse[0].WaitLog(fmt.Sprintf("Child process %d terminated with signal 9", s.Pid), patience)
	p.wantActive(2)
	p.served()
	old := s.Pid
	eventually(t, patience, func() error {
		if err := p.call(1, http.MethodGet, "status", &s); err != nil || s.Pid == 0 || s.Pid == old {
			return fmt.Errorf("lvsd of router1 has pid %d, %v", s.Pid, err)
		}
		return nil
	})
}

// TestPairReload: a new virtual server gets its address and is announced; one that leaves loses it.
func TestPairReload(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	more := pairConf("") + "virtual more {\nactive = 1\naddress = 192.0.2.101 eth0:2\nvip_nmask = 255.255.255.0\n" +
		"server real1 {\naddress = " + topology.RealAddr(1) + "\nactive = 1\n}\n}\n"
	for _, step := range []struct {
		conf string
		want bool
	}{{more, true}, {pairConf(""), false}} {
		for i := range p.dirs {
			if err := os.WriteFile(filepath.Join(p.dirs[i], "lvs.cf"), []byte(step.conf), 0o644); err != nil {
				t.Fatal(err)
			}
			p.pulse[i].Signal(syscall.SIGHUP)
		}
		eventually(t, patience, func() error {
			have, err := p.net.Router(1).Addrs("eth0")
			if got := slices.Contains(have, "192.0.2.101/24"); err != nil || got != step.want {
				return fmt.Errorf("router1 has the address: %v, %v; want %v", got, err, step.want)
			}
			return nil
		})
		if step.want {
			eventually(t, patience, func() error {
				if r := ask(t, p.net.Client(), "192.0.2.101:80", 1); len(r.Errors()) > 0 {
					return r.Errors()[0].Err
				}
				return nil
			})
		}
	}
	p.wantActive(1)
	p.served()
}

// TestConnectionsSurvive: with the sync daemon a download that is under way goes on through the other router after a
// crash.
func TestConnectionsSurvive(t *testing.T) {
	const syncd = "syncdaemon = 1\nsyncd_iface = eth1\nsyncd_id = 7"
	for name, build := range map[string]func() *pair{
		"nat":    func() *pair { return newPair(t, pairConf(syncd)) },
		"direct": func() *pair { return newDirectPair(t, syncd) },
	} {
		t.Run(name, func(t *testing.T) {
			p := build()
			p.startBoth()
			for i, role := range []string{"master", "backup"} {
				eventually(t, patience, func() error {
					if said := run(t, p.net.Router(i+1), "ipvsadm", "-L", "--daemon"); !strings.Contains(said, role+" sync daemon (mcast=eth1, syncid=7") {
						return fmt.Errorf("router%d: %q, want %s", i+1, said, role)
					}
					return nil
				})
			}
			wait := p.download()
			// The kernel sends what it knows of a connection within a few seconds.
			eventually(t, patience, func() error {
				if known := run(t, p.net.Router(2), "ipvsadm", "-L", "-n", "-c"); !strings.Contains(known, topology.VIP+":80") {
					return fmt.Errorf("router2 knows of %q", known)
				}
				return nil
			})
			p.crash(1)
			p.wantHolding(2)
			p.owners.wantAnnounced(2)
			wait()
			p.pulse[1].WaitLog("partner dead: activating lvs", patience)
		})
	}
}

// download starts a download through the VIP that takes a minute; wait has it end at once, and expects that all of it arrives.
func (p *pair) download() (wait func()) {
	const size = 3 << 20
	loop := client.Loop{
		Dial: p.net.Client().DialContext, Count: 1, Timeout: 2 * time.Minute,
		URL: fmt.Sprintf("http://%s/slow?bytes=%d&delay=20ms", topology.VIP, size),
	}
	var report client.Report
	var err error
	var done sync.WaitGroup
	done.Go(func() { report, err = loop.Run(context.Background()) })
	return func() {
		p.t.Helper()
		for _, s := range p.servers {
			s.Hurry()
		}
		done.Wait()
		if err != nil || len(report.Errors()) > 0 || len(report.Results) != 1 || report.Results[0].Bytes != size {
			p.t.Errorf("download: %v, %v; want %d bytes", report, err, size)
		}
	}
}

// TestSingleRouterKeepsServing: the death of lvsd, and of pulse, costs a single router's clients nothing.
func TestSingleRouterKeepsServing(t *testing.T) {
	p := newPair(t, strings.Replace(pairConf(""), "backup_active = 1", "backup_active = 0", 1))
	p.start(1)
	wantTable(t, p.net.Router(1), rows("rr", all)...)
	load := underLoad(t, p.net, 50)
	var s struct {
		Pid int `json:"lvsd_pid"`
	}
	if err := p.call(1, http.MethodGet, "status", &s); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	old := s.Pid
	eventually(t, patience, func() error {
		if err := p.call(1, http.MethodGet, "status", &s); err != nil || s.Pid == 0 || s.Pid == old {
			return fmt.Errorf("lvsd has pid %d, %v", s.Pid, err)
		}
		return nil
	})
	load.more(t, 25)
	wantTable(t, p.net.Router(1), rows("rr", all)...)
	p.pulse[0].Signal(syscall.SIGKILL)
	load.more(t, 50)
	wantTable(t, p.net.Router(1), rows("rr", all)...)
	wantNoError(t, load.end(t), 75)
}
