package lvs

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestLoad: weights follow the load, always from the configured one, and survive neither a changed weight nor the end of the load
// monitor.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := strings.Replace(two, "scheduler", "load_monitor = \"agent 8080\"\n\tscheduler", 1)
		b := newBed(t, agent, nil)
		b.say("10.0.0.1", "up")
		b.kernel.took()
		for _, step := range []struct{ say, write string }{
			{"share 300", "-w 3"},
			{"share 300", ""},
			{"share 0", "-w 0"},
			{"share 100", "-w 1"},
			{"nonsense 7", ""},
			{"share 400", "-w 4"},
		} {
			b.say("10.0.0.1", step.say)
			if step.write == "" {
				b.wantWrites()
				continue
			}
			b.wantWrites("-e " + rowA + " -m " + step.write)
		}
		if load := b.status().VirtualServers[0].RealServers[0].Load; load != "share 400" {
			t.Errorf("status says load %q", load)
		}
		b.write(heavier(agent))
		b.signal(syscall.SIGHUP)
		b.wantWrites("-e " + rowA + " -m -w 8")
		b.write(heavier(two))
		b.signal(syscall.SIGHUP)
		b.wantWrites("-e " + rowA + " -m -w 2")
		b.stop()
	})
}

// heavier gives the first real server the weight 2.
func heavier(conf string) string {
	return strings.Replace(conf, "address = 10.0.0.1", "address = 10.0.0.1\n\t\tweight = 2", 1)
}
