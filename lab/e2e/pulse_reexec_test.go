package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestReexec: both routers, one after the other, go on as the program that is installed now. The clients notice nothing, and
// the partner stays what it is.
func TestReexec(t *testing.T) {
	own, err := os.MkdirTemp("/run", "e2e-*") // where only root can write
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(own) })
	ran := filepath.Join(own, "ran")
	conf := strings.Replace(pairConf("active_cmd = \"/usr/bin/touch "+ran+"\""), "deadtime = 1000ms", "deadtime = 2s", 1)
	p := newPair(t, conf)
	p.dirs[0] = own
	if err := os.WriteFile(filepath.Join(own, "lvs.cf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	p.startBoth()
	eventually(t, patience, func() error { return os.Remove(ran) })
	load := underLoad(t, p.net, 25)
	for _, router := range []int{1, 2, 1} {
		p.pulse[router-1].Mark()
		state := p.state(router)
		p.wantCtl(router, "this router is "+state, "reexec")
		p.pulse[router-1].WaitNext("STARTING PULSE", patience)
		if state == "active" {
			p.pulse[router-1].WaitNext("going on active", patience)
		}
	}
	p.wantActive(1)
	load.more(t, 5)
	wantNoError(t, load.end(t), 5)
	for _, text := range []string{"partner dead", "primary inactive: activating lvs", "Forced active"} {
		if n := p.pulse[1].Count(text); n > 0 {
			t.Errorf("router2 logged %q %d times, want never", text, n)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("active_cmd ran again")
	}
	eventually(t, patience, func() error {
		if orphans := p.zombies(1); orphans != "" {
			return fmt.Errorf("left over by router1's pulse: %s", orphans)
		}
		return nil
	})
	p.crash(1) // all that keeps a pair safe is still at work
	p.wantHolding(2)
	p.owners.wantAnnounced(2)
	p.served()
}

// TestReexecSigned: a new run of pulse has to prove itself to a partner that believes signed heartbeats only, before that takes over;
// and a download goes on, with the kernels' synchronisation of connections as without.
func TestReexecSigned(t *testing.T) {
	const syncd = "syncdaemon = 1\nsyncd_iface = eth1\nbackup_active = 1"
	conf := strings.Replace(enforced(t), "deadtime = 1000ms", "deadtime = 2s", 1)
	p := newPair(t, strings.Replace(conf, "backup_active = 1", syncd, 1))
	p.startBoth()
	wait := p.download()
	p.wantCtl(1, "this router is active", "reexec")
	p.wantCtl(2, "this router is inactive", "reexec")
	p.steady(1)
	wait()
	p.crash(1)
	p.wantHolding(2)
	p.served()
}

// TestReexecRefused: what would end the service is not tried.
func TestReexecRefused(t *testing.T) {
	p := newPair(t, strings.Replace(pairConf(""), "backup_active = 1", "backup_active = 0", 1))
	p.start(1)
	p.wantActiveAlone(1)
	if err := os.WriteFile(filepath.Join(p.dirs[0], "lvs.cf"), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, status := p.ctl(1, "reexec"); status == 0 || !strings.Contains(said, "error parsing") {
		t.Errorf("piranhactl reexec: status %d, %q, want what is wrong with lvs.cf", status, said)
	}
	p.wantActiveAlone(1)
	p.served()
}

// zombies are processes that router i's pulse has not collected.
func (p *pair) zombies(i int) string {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		p.t.Fatal(err)
	}
	var found []string
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(after); len(f) > 1 && f[0] == "Z" && f[1] == strconv.Itoa(p.pulse[i-1].Pid()) {
			found = append(found, path)
		}
	}
	return strings.Join(found, " ")
}
