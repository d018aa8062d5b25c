package install

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// pairConf is the lvs.cf of two routers with NAT.
const pairConf = `serial_no = 1
primary = 192.0.2.1
backup = 192.0.2.2
backup_active = 1
heartbeat = 1
keepalive = 1
deadtime = 4
network = nat
nat_router = 10.11.12.254 eth1:1
nat_nmask = 255.255.255.0
virtual web {
	active = 1
	address = 192.0.2.100 eth0:1
	vip_nmask = 255.255.255.0
	port = 80
	scheduler = rr
	send = "GET / HTTP/1.0\r\n\r\n"
	expect = "HTTP"
	timeout = 6
	reentry = 1
	server one {
		address = 10.11.12.11
		active = 1
	}
	server two {
		address = 10.11.12.12
		active = 1
	}
}
`

// single is the same without the other router.
var single = strings.Replace(pairConf, "backup_active = 1", "backup_active = 0", 1)

// serveReals starts a web server on every real server.
func serveReals(t *testing.T, n *topology.Net) {
	t.Helper()
	for i := 1; i <= n.Options.Reals; i++ {
		s := realserver.New(n.Real(i).Name)
		l, err := n.Real(i).Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(l); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop() })
	}
}

// served expects that the client gets its pages.
func served(t *testing.T, n *topology.Net) {
	t.Helper()
	report, err := client.Loop{Dial: n.Client().DialContext, URL: "http://" + topology.VIP + "/", Count: 8, Timeout: 5 * time.Second}.Run(t.Context())
	if err != nil || len(report.Errors()) > 0 || len(report.PerServer()) != 2 {
		t.Errorf("requests: %v, %v; want answers of two servers", report, err)
	}
}

// TestPulseService goes through the actions of the init script and all their exit statuses.
func TestPulseService(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	m := newMachine(t, n, 1)
	m.install()
	m.wantStatus("service pulse status", 3)
	m.wantStatus("service pulse stop", 0)
	m.wantStatus("service pulse condrestart", 0)
	m.wantStatus("service pulse reload", 7)
	m.wantStatus("service pulse status", 3)
	m.wantStatus("service pulse start", 1) // the sample has no active service
	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.wantStatus("service pulse start", 0)
	m.wantActive()
	served(t, n)
	m.wantStatus("service pulse status", 0)
	m.wantStatus("service pulse start", 0)
	first := m.pid()

	m.write("/etc/sysconfig/ha/lvs.cf", strings.Replace(single, "serial_no = 1", "serial_no = 7", 1))
	m.wantStatus("service pulse reload", 0)
	eventually(t, func() error { return m.says("piranhactl --json status", `"serial_no": 7`) })
	if now := m.pid(); now != first {
		t.Errorf("after reload pulse has pid %d, want %d still", now, first)
	}
	m.wantStatus("service pulse restart", 0)
	if now := m.pid(); now == first {
		t.Errorf("after restart pulse has pid %d still", now)
	}
	first = m.pid()
	m.wantStatus("service pulse condrestart", 0)
	if now := m.pid(); now == first {
		t.Errorf("after condrestart pulse has pid %d still", now)
	}
	m.wantActive()
	served(t, n)

	if err := syscall.Kill(m.pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if left := m.processes("pulse"); len(left) > 0 {
			return fmt.Errorf("pulse %v still runs", left)
		}
		return nil
	})
	m.wantStatus("service pulse status", 1)
	m.wantStatus("service pulse start", 0)
	m.wantStatus("service pulse status", 0)
	m.wantStatus("service pulse stop", 0)
	m.wantStatus("service pulse status", 3)
	if left := m.processes(""); len(left) > 0 {
		t.Errorf("still running after stop: %v", left)
	}
}

// TestPulseServiceRefuses: what is missing is told by the exit status.
func TestPulseServiceRefuses(t *testing.T) {
	m := newMachine(t, network(t), 1)
	m.install()
	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.wantStatus("service pulse", 1)
	m.wantStatus("service pulse nonsense", 1)
	m.write("/etc/default/pulse", "OPTIONS=--nonsense\n")
	m.wantStatus("service pulse start", 1)
	m.write("/etc/default/pulse", "OPTIONS=\"-v --forceactive\"\n")
	m.wantStatus("service pulse start", 0)
	if line, err := os.ReadFile("/proc/" + strconv.Itoa(m.pid()) + "/cmdline"); err != nil || string(line) != "/usr/sbin/pulse\x00-v\x00--forceactive\x00" {
		t.Errorf("pulse runs as %q, %v", line, err)
	}
	m.run("mv /etc/sysconfig/ha/lvs.cf /root")
	m.wantStatus("service pulse status", 6)
	m.wantStatus("service pulse restart", 6)
	m.wantStatus("service pulse stop", 0) // what runs can be stopped whatever is missing
	m.wantStatus("service pulse start", 6)
	m.wantStatus("service piranha-gui start", 6)
	m.run("mv /root/lvs.cf /etc/sysconfig/ha; mv /usr/sbin/pulse /usr/sbin/piranha-gui /root")
	m.wantStatus("service pulse start", 5)
	m.wantStatus("service piranha-gui start", 5)
	m.run("mv /root/pulse /root/piranha-gui /usr/sbin")
	m.write("/etc/sysconfig/network", "NETWORKING=no\n")
	m.wantStatus("service pulse start", 1)
	m.wantStatus("service piranha-gui start", 1)
	m.run("mkdir -p /var/lock/subsys && touch /var/lock/subsys/pulse && rm /etc/sysconfig/network")
	m.wantStatus("service pulse status", 2)
	m.wantStatus("service pulse start", 0)
	m.wantStatus("service pulse stop", 0)
	m.wantStatus("service pulse status", 3)
}

// TestGUIService: the panels answer by TLS, as user piranha and with no capability, and their init script says how they are.
func TestGUIService(t *testing.T) {
	n := network(t)
	m := newMachine(t, n, 1)
	m.install()
	m.run("echo 'correct horse' | piranha-passwd --stdin")
	m.wantStatus("service piranha-gui status", 3)
	m.wantStatus("service piranha-gui condrestart", 0)
	m.wantStatus("service piranha-gui status", 3)
	m.wantStatus("service piranha-gui start", 0)
	m.wantStatus("service piranha-gui start", 0)
	m.wantStatus("service piranha-gui status", 0)
	browse(t, n, "https://192.0.2.1:3636/")
	pids := m.processes("piranha-gui")
	if len(pids) != 1 {
		t.Fatalf("piranha-gui runs as %v, want one process", pids)
	}
	for _, line := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Uid:\t" + m.run("id -u piranha") + "\t"} {
		if text, err := os.ReadFile("/proc/" + strconv.Itoa(pids[0]) + "/status"); err != nil || !strings.Contains(string(text), line) {
			t.Errorf("piranha-gui is not %q: %v", line, err)
		}
	}
	if text, _ := os.ReadFile("/proc/" + strconv.Itoa(pids[0]) + "/status"); !strings.Contains(string(text), "Groups:\t"+m.run("getent group piranha-operator | cut -d: -f3")+" \n") {
		t.Errorf("piranha-gui is not in group piranha-operator alone:\n%s", text)
	}
	if said := m.run("stat -c %U /var/log/piranha/piranha-gui"); said != "piranha" {
		t.Errorf("its log belongs to %s", said)
	}
	m.wantStatus("service piranha-gui reload", 3)
	m.wantStatus("service piranha-gui restart", 0)
	m.wantStatus("service piranha-gui condrestart", 0)
	browse(t, n, "https://192.0.2.1:3636/")
	m.wantStatus("service piranha-gui stop", 0)
	m.wantStatus("service piranha-gui stop", 0)
	m.wantStatus("service piranha-gui status", 3)
	m.write("/etc/default/piranha-gui", "OPTIONS=--listen=nonsense\n")
	m.wantStatus("service piranha-gui start", 1)
	m.write("/run/piranha-gui.pid", "99999\n")
	m.wantStatus("service piranha-gui status", 1)
	m.wantStatus("service piranha-gui nonsense", 1)
}

// browse expects that the client's browser gets a page, whose certificate it does not know.
func browse(t *testing.T, n *topology.Net, url string) string {
	t.Helper()
	c := n.Client().HTTPClient(patience)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	resp, err := c.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "Piranha") {
		t.Errorf("%s: %s, %v, %.200q", url, resp.Status, err, page)
	}
	return string(page)
}

// pid is that of the running pulse, as its pid file has it.
func (m *machine) pid() int {
	m.t.Helper()
	pid, err := strconv.Atoi(m.run("cat /var/run/pulse.pid"))
	if err != nil {
		m.t.Fatal(err)
	}
	return pid
}

// wantActive waits until this router serves with both real servers: an init script returns when pulse takes part in the election.
func (m *machine) wantActive() {
	m.t.Helper()
	eventually(m.t, func() error { return m.says("piranhactl status", "2 of 2 up") })
	eventually(m.t, func() error { return m.says("ipvsadm -L -n", "10.11.12.12:80") })
	eventually(m.t, func() error { return m.says("ipvsadm -L -n", "10.11.12.11:80") })
}

// says tells whether a command prints a text.
func (m *machine) says(line, want string) error {
	if said, status := m.try(line); status != 0 || !strings.Contains(said, want) {
		return fmt.Errorf("%s: %s: exit status %d, %q; want %q", m.node.Name, line, status, said, want)
	}
	return nil
}

// TestUpgrade: the package is installed anew on both routers under load. No request fails, nobody takes over, and what runs
// afterwards are the new programs.
func TestUpgrade(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	routers := []*machine{newMachine(t, n, 1), newMachine(t, n, 2)}
	for _, m := range routers {
		m.install()
		m.write("/etc/sysconfig/ha/lvs.cf", pairConf)
		m.run("service pulse start")
	}
	routers[0].wantActive()
	routers[0].run("service piranha-gui start")
	gui := routers[0].processes("piranha-gui")
	served(t, n)
	since := [2]string{}
	ran := [2][]int{}
	for i, m := range routers {
		since[i], ran[i] = m.stateSince(), m.processes("lvsd")
	}
	ctx, cancel := context.WithCancel(t.Context())
	loop := client.Loop{Dial: n.Client().DialContext, URL: "http://" + topology.VIP + "/", Rate: 25}
	var report client.Report
	var err error
	var asking sync.WaitGroup
	asking.Go(func() { report, err = loop.Run(ctx) })
	for _, m := range routers {
		m.run("dpkg -i piranha-lvs_*.deb")
	}
	time.Sleep(5 * time.Second) // longer than deadtime: a partner that missed something takes over meanwhile
	cancel()
	asking.Wait()
	if failed := report.Errors(); err != nil || len(failed) > 0 || len(report.Results) < 100 {
		t.Errorf("%d requests, %d failed: %v, %v", len(report.Results), len(failed), failed, err)
	}
	for i, m := range routers {
		if now := m.stateSince(); now != since[i] {
			t.Errorf("router%d was %s, is %s", i+1, since[i], now)
		}
		if now := m.processes("lvsd"); len(now) != 1 || now[0] == ran[i][0] {
			t.Errorf("router%d: lvsd runs as %v, before %v; want another one", i+1, now, ran[i])
		}
	}
	if now := routers[0].processes("piranha-gui"); len(now) != 1 || now[0] == gui[0] {
		t.Errorf("piranha-gui runs as %v, before %v; want another one", now, gui)
	}
	if now := routers[1].processes("piranha-gui"); len(now) > 0 {
		t.Errorf("router2: the upgrade started piranha-gui, which did not run")
	}
}

// TestUpgradeWithBadFile: while lvs.cf has errors, which would keep a new pulse from starting, the old one goes on, and the
// installation says so.
func TestUpgradeWithBadFile(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	m := newMachine(t, n, 1)
	m.install()
	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.run("service pulse start")
	m.wantActive()
	lvsd := m.processes("lvsd")
	m.write("/etc/sysconfig/ha/lvs.cf", "nonsense\n")
	if err := m.says("dpkg -i piranha-lvs_*.deb 2>&1", "still the old version"); err != nil {
		t.Error(err)
	}
	if now := m.processes("lvsd"); len(now) != 1 || now[0] != lvsd[0] {
		t.Errorf("after the upgrade lvsd runs as %v, want %v still", now, lvsd)
	}
	served(t, n)
	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.run("piranhactl reexec")
	if now := m.processes("lvsd"); len(now) != 1 || now[0] == lvsd[0] {
		t.Errorf("after reexec lvsd runs as %v, before %v; want another one", now, lvsd)
	}
	served(t, n)
}

// stateSince is the state of this router as its partner would notice a change of it: not the time since when, which a new pulse
// does not know.
func (m *machine) stateSince() string {
	m.t.Helper()
	return m.run(`piranhactl --json status | sed -n 's/^ *"state": "\(.*\)",*$/\1/p' | head -n 1`) + " pid " + strconv.Itoa(m.pid())
}
