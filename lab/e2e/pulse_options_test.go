package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pulseStatus is the part of pulse.sock's status that these tests read.
type pulseStatus struct {
	LvsdPid   int           `json:"lvsd_pid"`
	LinkDown  bool          `json:"link_down"`
	LostLinks []string      `json:"lost_links"`
	Servers   *serverCounts `json:"servers"`
	Partner   struct {
		Health  string        `json:"health"`
		Servers *serverCounts `json:"servers"`
	} `json:"partner"`
}

type serverCounts struct{ Up, Configured int }

func (p *pair) status(i int) (s pulseStatus) {
	p.t.Helper()
	if err := p.call(i, http.MethodGet, "status", &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// wantLvsd waits until router i has an lvsd, or none.
func (p *pair) wantLvsd(i int, want bool) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		if pid := p.status(i).LvsdPid; (pid != 0) != want {
			return fmt.Errorf("router%d: lvsd has pid %d", i, pid)
		}
		return nil
	})
}

// TestColdStandby: lvsd runs on the active router only, whichever that is, and follows a reload that turns standby.
func TestColdStandby(t *testing.T) {
	p := newPair(t, pairConf("standby = cold"))
	p.owners.limit = 2 * time.Second // lvsd has to start before there is anything to announce
	p.startBoth()
	p.wantUp(1)
	p.served()
	p.wantLvsd(1, true)
	p.wantLvsd(2, false)
	p.switchover(1)
	p.wantActive(2)
	p.wantUp(2)
	p.served()
	p.wantLvsd(1, false)
	wantTable(t, p.net.Router(1))
	p.crash(2)
	p.wantActiveAlone(1)
	p.wantUp(1)
	p.served()

	warm := newPair(t, pairConf("standby = cold"))
	warm.startBoth()
	for _, standby := range []string{"warm", "cold"} {
		warm.configure(2, pairConf("standby = "+standby))
		warm.wantLvsd(2, standby == "warm")
	}
}

// wantUp waits until router i has seen all real servers up.
func (p *pair) wantUp(i int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		if s := p.status(i); s.Servers == nil || s.Servers.Up != 3 {
			return fmt.Errorf("real servers that router%d sees: %v", i, s.Servers)
		}
		return nil
	})
}

// wantActiveAlone waits until router i serves; the other is cut off.
func (p *pair) wantActiveAlone(i int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		if has, err := p.holds(i); err != nil || !has || p.state(i) != "active" {
			return fmt.Errorf("router%d is %s, has the addresses: %v, %v", i, p.state(i), has, err)
		}
		return nil
	})
}

// configure gives router i another lvs.cf and has it reread.
func (p *pair) configure(i int, conf string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dirs[i-1], "lvs.cf"), []byte(conf), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := p.call(i, http.MethodPost, "reload", nil); err != nil {
		p.t.Fatal(err)
	}
	p.pulse[i-1].WaitNext("configuration reread", patience)
}

const privateChannel = "primary_private = 10.11.12.1\nbackup_private = 10.11.12.2\n"

// TestMonitorLinks: the active router loses its public link and hands over through the private channel; when the link is back it
// stays inactive. Losing the private link is only told.
func TestMonitorLinks(t *testing.T) {
	p := newPair(t, pairConf(privateChannel+"monitor_links = 1"))
	p.startBoth()
	p.served()
	router := p.net.Router(1)
	if err := router.Unplug("eth1"); err != nil {
		t.Fatal(err)
	}
	p.pulse[0].WaitLog("Private NIC: link down", patience)
	if err := router.Plug("eth1"); err != nil {
		t.Fatal(err)
	}
	p.pulse[0].WaitLog("Private NIC: link up", patience)
	p.wantActive(1)

	if err := router.Unplug("eth0"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Primary NIC: link down", "Local NIC link failure: Pulse disabled", "local link failure: deactivating LVS"} {
		p.pulse[0].WaitLog(line, patience)
	}
	p.pulse[1].WaitLog("primary inactive: activating lvs", patience)
	p.wantActive(2)
	p.served()
	if s := p.status(1); !s.LinkDown || !slices.Equal(s.LostLinks, []string{"public"}) {
		t.Errorf("status of router1: link_down %v, lost_links %q", s.LinkDown, s.LostLinks)
	}
	if err := router.Plug("eth0"); err != nil {
		t.Fatal(err)
	}
	p.pulse[0].WaitLog("Local NIC link(s) restored: Pulse enabled", patience)
	p.wantActive(2)
}

// TestLinksTurnedOn: a link that is down when a reload turns monitor_links on counts from then.
func TestLinksTurnedOn(t *testing.T) {
	p := newPair(t, pairConf(privateChannel))
	p.startBoth()
	if err := p.net.Router(1).Unplug("eth0"); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if s := p.status(1); !slices.Equal(s.LostLinks, []string{"public"}) {
			return fmt.Errorf("lost links: %q", s.LostLinks)
		}
		return nil
	})
	if s := p.state(1); s != "active" {
		t.Errorf("router1 is %s without monitor_links", s)
	}
	p.configure(1, pairConf(privateChannel+"monitor_links = 1"))
	p.wantActive(2)
}

// TestServersTold: each router knows how many real servers the other sees up.
func TestServersTold(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	want := func(up int) {
		t.Helper()
		eventually(t, patience, func() error {
			for i := 1; i <= 2; i++ {
				s, exact := p.status(i), serverCounts{up, 3}
				if s.Servers == nil || *s.Servers != exact || s.Partner.Servers == nil || *s.Partner.Servers != exact {
					return fmt.Errorf("router%d: own %v, partner's %v; want %v", i, s.Servers, s.Partner.Servers, exact)
				}
			}
			return nil
		})
	}
	want(3)
	p.servers[2].Stop()
	want(2)
}

// TestTestStart: nothing is sent, raised or run, beside a partner that has nothing else to hear.
func TestTestStart(t *testing.T) {
	for _, option := range []string{"--test-start", "--norun", "-t"} {
		p := newPair(t, pairConf("active_cmd = /bin/false"))
		p.start(1, option)
		p.pulse[0].WaitLog("partner dead: activating lvs", patience)
		p.pulse[0].WaitLog(`test: would serve addresses="10.11.12.254/24 eth1:1, 192.0.2.100/24 eth0:1"`, patience)
		if has, err := p.holds(1); has || err != nil {
			t.Errorf("%s: router1 has the addresses: %v, %v", option, has, err)
		}
		if s := p.status(1); s.LvsdPid != 0 {
			t.Errorf("%s: lvsd runs", option)
		}
		p.start(2)
		p.wantActiveAlone(2)
		if s := p.status(2); s.Partner.Health == "alive" {
			t.Errorf("%s: router2 has heard router1", option)
		}
		p.pulse[0].Signal(os.Interrupt)
		if status := p.pulse[0].Wait(patience); status != 0 {
			t.Errorf("%s: exit status %d", option, status)
		}
		if _, found := p.pulse[0].find("command failed"); found {
			t.Errorf("%s: active_cmd was run", option)
		}
	}
}

// TestCommands: active_cmd and inactive_cmd run one after the other as root if only root can write them and lvs.cf, and otherwise
// not as root.
func TestCommands(t *testing.T) {
	p := newPair(t, "")
	own, err := os.MkdirTemp("/run", "e2e-*") // unlike /tmp nobody else can write there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(own) })
	said := filepath.Join(own, "said")
	script := filepath.Join(own, "note")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho $1 $(id -u) >> "+said+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(own, 0o755); err != nil {
		t.Fatal(err)
	}
	text := pairConf("active_cmd = \"" + script + " active\"\ninactive_cmd = \"" + script + " inactive\"")
	p.dirs[0] = own
	for _, dir := range p.dirs {
		if err := os.WriteFile(filepath.Join(dir, "lvs.cf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.start(1)
	p.wantActiveAlone(1)
	want := func(text string) {
		t.Helper()
		eventually(t, patience, func() error {
			if got, err := os.ReadFile(said); string(got) != text {
				return fmt.Errorf("commands said %q, %v; want %q", got, err, text)
			}
			return nil
		})
	}
	want("inactive 0\nactive 0\n")
	p.pulse[0].Signal(os.Interrupt)
	p.pulse[0].Wait(patience)
	want("inactive 0\nactive 0\ninactive 0\n")

	p.start(2) // its lvs.cf is in a directory of everybody's
	p.pulse[1].WaitLog("run as root", patience)
	p.wantActiveAlone(2)
	got, err := os.ReadFile(said)
	if err != nil || strings.Count(string(got), " 0\n") != 3 {
		t.Errorf("a command of an lvs.cf that anybody may write ran as root: %q, %v", got, err)
	}
}

// TestServiceManager: systemd is told when pulse is ready, what it is, that it lives, and that it ends.
func TestServiceManager(t *testing.T) {
	p := newPair(t, pairConf(""))
	address := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", address)
	t.Setenv("WATCHDOG_USEC", "300000")
	p.start(1)
	want := func(states ...string) { // in any order
		t.Helper()
		buf := make([]byte, 4096)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for len(states) > 0 {
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatal(errors.Join(fmt.Errorf("%q never came", states), err))
			}
			if i := slices.Index(states, string(buf[:n])); i >= 0 {
				states = slices.Delete(states, i, i+1)
			}
		}
	}
	want("READY=1")
	want("WATCHDOG=1", "STATUS=active", "WATCHDOG=1", "WATCHDOG=1")
	want("WATCHDOG=1") // while it is active
	p.pulse[0].Signal(os.Interrupt)
	want("STOPPING=1")
}
