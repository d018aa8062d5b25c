package e2e

import (
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// The tests in this file prove the bed itself, with ipvsadm in the place of the suite.

func TestKernelKnowsEveryScheduler(t *testing.T) {
	need(t, "ipvsadm")
	n := network(t, topology.Options{Reals: 1})
	for scheduler := range strings.FieldsSeq("rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh") {
		run(t, n.Router(1), "ipvsadm", "-A", "-t", hostPort(topology.VIP), "-s", scheduler)
		if got, want := table(t, n.Router(1)), []string{"-A -t 192.0.2.100:80 -s " + scheduler}; !slices.Equal(got, want) {
			t.Errorf("table = %q, want %q", got, want)
		}
		run(t, n.Router(1), "ipvsadm", "-C")
	}
	if got := table(t, n.Router(2)); len(got) != 0 {
		t.Errorf("table of the other router = %q, want none", got)
	}
}

// balance programs router 1 by hand and expects the requests to reach the real servers in turn.
func balance(t *testing.T, forward topology.Forward, flag, vip string, real func(int) string) {
	t.Helper()
	need(t, "ipvsadm")
	n := network(t, topology.Options{Forward: forward})
	serveReals(t, n)
	router := n.Router(1)
	prefix, gateway, gatewayPrefix := "/24", topology.NATRouter, "/24"
	if strings.Contains(vip, ":") {
		prefix, gateway, gatewayPrefix = "/64", topology.NATRouter6, "/64"
	}
	if err := router.AddAddr(vip+prefix, "eth0", ""); err != nil {
		t.Fatal(err)
	}
	if err := router.AddAddr(gateway+gatewayPrefix, "eth1", ""); err != nil {
		t.Fatal(err)
	}
	run(t, router, "ipvsadm", "-A", "-t", hostPort(vip), "-s", "rr")
	for i := 1; i <= 3; i++ {
		run(t, router, "ipvsadm", "-a", "-t", hostPort(vip), "-r", hostPort(real(i)), flag)
	}
	report := ask(t, n.Client(), hostPort(vip), 30)
	want := map[string]int{"real1": 10, "real2": 10, "real3": 10}
	if got := report.PerServer(); !maps.Equal(got, want) || len(report.Errors()) != 0 {
		t.Errorf("answers = %v, want %v\n%v", got, want, report)
	}
}

func TestNATByHand(t *testing.T)  { balance(t, topology.NAT, "-m", topology.VIP, topology.RealAddr) }
func TestNAT6ByHand(t *testing.T) { balance(t, topology.NAT, "-m", topology.VIP6, topology.RealAddr6) }
func TestDirectByHand(t *testing.T) {
	balance(t, topology.Direct, "-g", topology.VIP, topology.RealAddr)
}
func TestDirect6ByHand(t *testing.T) {
	balance(t, topology.Direct, "-g", topology.VIP6, topology.RealAddr6)
}
func TestTunnelByHand(t *testing.T) {
	balance(t, topology.Tunnel, "-i", topology.VIP, topology.RealAddr)
}
func TestTunnel6ByHand(t *testing.T) {
	balance(t, topology.Tunnel, "-i", topology.VIP6, topology.RealAddr6)
}

func TestRealServerProcessCanBeKilled(t *testing.T) {
	n := network(t, topology.Options{Reals: 1})
	p := realProcess(t, n.Real(1))
	if report := ask(t, n.Router(1), hostPort(topology.RealAddr(1)), 3); report.PerServer()["real1"] != 3 {
		t.Errorf("before the kill: %v", report)
	}
	p.Signal(syscall.SIGKILL)
	if status := p.Wait(patience); status != 137 {
		t.Errorf("status = %d, want 137", status)
	}
	if report := ask(t, n.Router(1), hostPort(topology.RealAddr(1)), 1); len(report.Errors()) != 1 {
		t.Errorf("after the kill: %v", report)
	}
}

// TestClockRuns: the shortest of some sleeps, as a busy machine makes some longer, and none shorter.
func TestClockRuns(t *testing.T) {
	const pause = 100 * time.Millisecond
	var took []time.Duration
	for range 10 {
		began := time.Now()
		time.Sleep(pause)
		took = append(took, time.Since(began))
	}
	if least := slices.Min(took); least < pause || least > 4*pause {
		t.Errorf("sleeps of %v took %v", pause, took)
	}
}

func TestMachineFilesAreSafe(t *testing.T) {
	if os.Getenv("LAB_KERNEL") != "uml" {
		t.Skip("the machine's own kernel")
	}
	if err := os.WriteFile("/usr/lab-was-here", nil, 0o644); err == nil {
		t.Error("a file of the machine was written")
	}
	for _, dir := range []string{"/run", "/tmp", "/var/tmp", os.Getenv("LAB_OUT")} {
		if err := os.WriteFile(dir+"/lab-was-here", nil, 0o644); err != nil {
			t.Errorf("write below %s: %v", dir, err)
		}
	}
}
