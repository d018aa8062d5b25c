package lvs

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/piranha-lvs/piranha/internal/privilege"
)

// TestProgramsOfAnybody: what an lvs.cf names that anybody may write does not run as root; if it cannot run otherwise its servers
// are out of service and the status says why.
func TestProgramsOfAnybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.kernel.took()
		b.write(strings.Replace(two, "scheduler", "send_program = \"/bin/true %h\"\n\tscheduler", 1))
		b.signal(syscall.SIGHUP)
		synctest.Wait()
		_, why, err := privilege.Command(b.daemon.opt.ConfigFile, "/bin/true")
		if os.Geteuid() == 0 && why == nil {
			t.Errorf("%s is taken for root's alone", b.daemon.opt.ConfigFile)
		}
		for _, rs := range b.status().VirtualServers[0].RealServers {
			refused := rs.State == "down" && strings.HasPrefix(rs.Reason, "/bin/true: not run as root, because /tmp is writable by others")
			if refused != (err != nil) {
				t.Errorf("privilege.Command = %v, status %+v", err, rs)
			}
		}
		b.stop()
	})
}
