package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// diagnosis is one finding of piranhactl doctor.
type diagnosis struct{ Severity, What, Why, Command string }

// doctor examines a node.
func doctor(t *testing.T, node *topology.Node, args ...string) (found []diagnosis, status int) {
	t.Helper()
	process := start(t, node, "piranhactl", append([]string{"doctor", "--json"}, args...)...)
	status = process.Wait(patience)
	var answer struct{ Findings []diagnosis }
	if err := json.Unmarshal([]byte(strings.Join(process.Log(), "\n")), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Findings, status
}

// injury is something to break, and the finding that must follow.
type injury struct {
	what     string // of the finding
	severity string
	inflict  func() error
}

// heals breaks a node in each way, and runs the command that the doctor prescribes: the finding is there only between the two.
func heals(t *testing.T, node *topology.Node, injuries []injury, args ...string) {
	t.Helper()
	look := func(what string) (diagnosis, bool) {
		found, _ := doctor(t, node, args...)
		i := slices.IndexFunc(found, func(d diagnosis) bool { return strings.Contains(d.What, what) })
		if i < 0 {
			return diagnosis{}, false
		}
		return found[i], true
	}
	for _, injury := range injuries {
		if d, there := look(injury.what); there {
			t.Errorf("found before it was done: %+v", d)
			continue
		}
		if err := injury.inflict(); err != nil {
			t.Fatal(err)
		}
		d, there := look(injury.what)
		if !there || d.Severity != injury.severity || d.Command == "" {
			t.Errorf("%s, %s: found %+v", injury.severity, injury.what, d)
			continue
		}
		run(t, node, "sh", "-c", d.Command)
		if d, there := look(injury.what); there {
			t.Errorf("still there after its command: %+v", d)
		}
	}
}

// sysctl is an injury by a setting.
func sysctl(node *topology.Node, key, value string) func() error {
	return func() error { return node.Sysctl(key, value) }
}

// TestDoctorOfRouter: what is broken on a router that serves is found, and the prescription mends it.
func TestDoctorOfRouter(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	router := p.net.Router(1)
	args := []string{"--run-dir=" + p.dirs[0], "-c", filepath.Join(p.dirs[0], "lvs.cf")}
	found, status := doctor(t, router, args...)
	for _, d := range found {
		t.Log(d)
		if d.Severity == "error" {
			t.Errorf("wrong with a router that serves: %+v", d)
		}
	}
	if status > 1 {
		t.Errorf("status %d", status)
	}
	heals(t, router, []injury{
		{"net.ipv4.ip_forward is 0", "error", sysctl(router, "net.ipv4.ip_forward", "0")},
		{"net.ipv4.conf.eth1.forwarding is 0", "error", sysctl(router, "net.ipv4.conf.eth1.forwarding", "0")},
		{"rp_filter is strict on eth0, and the default route leaves by eth1", "warning", func() error {
			if err := router.SetDefaultRoute(topology.RealAddr(1), "eth1"); err != nil {
				return err
			}
			return router.Sysctl("net.ipv4.conf.eth0.rp_filter", "1")
		}},
		{"net.ipv4.vs.run_estimation is 0", "warning", sysctl(router, "net.ipv4.vs.run_estimation", "0")},
		{"net.ipv4.vs.conn_reuse_mode is 0", "warning", sysctl(router, "net.ipv4.vs.conn_reuse_mode", "0")},
		{"the MTU of eth1 is 1400", "warning", func() error { run(t, router, "ip", "link", "set", "eth1", "mtu", "1400"); return nil }},
	}, args...)
	if err := router.Sysctl("net.ipv4.ip_forward", "0"); err != nil {
		t.Fatal(err)
	}
	if _, status := doctor(t, router, args...); status != 2 {
		t.Errorf("status %d of a router that does not forward, want 2", status)
	}
	run(t, router, "sysctl", "-w", "net.ipv4.ip_forward=1")
	p.served()

	other := pairConf("tcp_timeout = 777")
	if err := os.WriteFile(filepath.Join(p.dirs[1], "lvs.cf"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	p.wantCtl(2, "is in force", "reload")
	p.wantFinding(1, "the lvs.cf of the other router means something else", args...)
	p.crash(2)
	p.wantFinding(1, "the other router, 192.0.2.2, is not heard", args...)
}

// wantFinding waits until the doctor finds something on router i: the news come by heartbeat.
func (p *pair) wantFinding(i int, what string, args ...string) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		found, _ := doctor(p.t, p.net.Router(i), args...)
		if !slices.ContainsFunc(found, func(d diagnosis) bool { return d.What == what }) {
			return fmt.Errorf("%q is not among %+v", what, found)
		}
		return nil
	})
}

// TestDoctorOfRealServer: likewise on a real server behind direct routing and tunnels.
func TestDoctorOfRealServer(t *testing.T) {
	for method, forward := range map[string]topology.Forward{"direct": topology.Direct, "tunnel": topology.Tunnel} {
		t.Run(method, func(t *testing.T) {
			n := network(t, topology.Options{Reals: 1, Forward: forward})
			real := n.Real(1)
			args := []string{"--real-server", "-c", writeFile(t, "lvs.cf", "primary = 192.0.2.1\n"+strings.Replace(conf("", all), "network = nat", "network = "+method, 1))}
			if found, _ := doctor(t, real, args...); slices.ContainsFunc(found, func(d diagnosis) bool { return d.Severity == "error" }) {
				t.Errorf("wrong with a real server that serves: %+v", found)
			}
			dev := map[string]string{"direct": "lo", "tunnel": "tunl0"}[method]
			injuries := []injury{
				{"no device has " + topology.VIP, "error", func() error { return real.DelAddr(topology.VIP+"/32", dev) }},
				{"arp_ignore is 0 on eth0", "error", func() error { return silence(real, "arp_ignore", "0") }},
				{"arp_announce is not 2 on eth0", "error", func() error { return silence(real, "arp_announce", "0") }},
				{topology.VIP + " of web is on eth0", "error", func() error { return real.AddAddr(topology.VIP+"/24", "eth0", "") }},
			}
			if method == "tunnel" {
				injuries = append(injuries, injury{"rp_filter is strict on tunl0", "error", sysctl(real, "net.ipv4.conf.tunl0.rp_filter", "1")},
					injury{"device tunl0 is down", "error", func() error { return real.LinkDown("tunl0") }})
			}
			heals(t, real, injuries, args...)
		})
	}
}

// TestDoctorBehindNAT: a real server that answers past the router.
func TestDoctorBehindNAT(t *testing.T) {
	n := network(t, topology.Options{Reals: 1, Forward: topology.NAT})
	real := n.Real(1)
	heals(t, real, []injury{{"the default route is not by nat_router " + topology.NATRouter, "error", func() error {
		run(t, real, "ip", "route", "replace", "default", "via", topology.RealAddr(2))
		return nil
	}}}, "--real-server", "-c", writeFile(t, "lvs.cf", pairConf("")))
}

// silence sets how a node answers ARP, for all devices and for the one that leads to the routers.
func silence(node *topology.Node, key, value string) error {
	for _, dev := range []string{"all", "eth0"} {
		if err := node.Sysctl(fmt.Sprintf("net.ipv4.conf.%s.%s", dev, key), value); err != nil {
			return err
		}
	}
	return nil
}
