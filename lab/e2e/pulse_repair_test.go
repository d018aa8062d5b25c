package e2e

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// TestOneBadService: a virtual server that cannot be had, because its device is not there, does not keep the others down, on either
// router.
func TestOneBadService(t *testing.T) {
	bad := "virtual bad {\nactive = 1\naddress = 192.0.2.102 eth9:1\nserver real1 {\naddress = " + topology.RealAddr(1) + "\nactive = 1\n}\n}\n"
	p := newPair(t, pairConf("")+bad)
	p.start(1, "--forceactive")
	serves := func(i int) {
		t.Helper()
		p.wantActiveAlone(i)
		eventually(t, patience, func() error {
			if s := p.status(i); s.Servers == nil || s.Servers.Up != 4 {
				return fmt.Errorf("real servers that router%d sees: %v", i, s.Servers)
			}
			return nil
		})
		wantNoError(t, ask(t, p.net.Client(), topology.VIP, 20), 20)
		p.pulse[i-1].WaitLog("address not set", patience)
	}
	serves(1)
	p.start(2)
	p.wantAcquainted()
	p.wantChecked(2)
	p.switchover(1)
	serves(2)
}

// TestAddressComesBack: an active router sets again what somebody takes away.
func TestAddressComesBack(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	if err := p.net.Router(1).DelAddr(topology.VIP+"/24", "eth0"); err != nil {
		t.Fatal(err)
	}
	p.pulse[0].WaitLog("address was gone and is set again", patience)
	p.wantActive(1)
	p.served()
}

// TestHungLvsd: an lvsd that does not answer is ended, and the router that takes over has a table all the same.
func TestHungLvsd(t *testing.T) {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.wantLvsd(2, true)
	if err := syscall.Kill(p.status(2).LvsdPid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.crash(1)
	eventually(t, 3*patience, func() error {
		if has, err := p.holds(2); err != nil || !has || p.state(2) != "active" {
			return fmt.Errorf("router2 is %s, has the addresses: %v, %v", p.state(2), has, err)
		}
		return nil
	})
	p.wantUp(2)
	p.served()
}
