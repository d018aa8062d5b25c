package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRestartAfterActivation: pulse that is started again within a second of an activation starts. The original's helpers,
// which announced the addresses for five seconds, kept its heartbeat port: it did not (defect 13 of reference section 8).
func TestRestartAfterActivation(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, partner := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v, partner %v", sig, partner), func(t *testing.T) {
				conf := pairConf("")
				if !partner {
					conf = strings.Replace(conf, "backup_active = 1", "backup_active = 0", 1)
				}
				p := newPair(t, conf)
				if !partner {
					p.start(1)
				} else {
					p.startBoth()
					p.switchover(1)
					p.wantActive(2)
					p.pulse[0].Mark()
					p.switchover(2)
				}
				p.pulse[0].WaitLog("activation complete", patience)
				began := time.Now()
				p.owners.limit = 2 * time.Second // the lvsd that starts with pulse has to be there before there is anything to announce
				p.restart(1, sig)
				p.pulse[0].WaitLog("STARTING PULSE AS MASTER", patience)
				p.slow.wantWithin(t, "restarted", began, 0, 4*time.Second) // the original's helpers would still be at work
				if partner {
					router := p.settled() // after SIGTERM the other one; after SIGKILL it may not have missed us
					p.wantActive(router)
					p.steady(router)
				} else {
					p.wantActiveAlone(1)
					p.alone(1)
					wantTable(t, p.net.Router(1), p.rows()...)
				}
				p.served()
			})
		}
	}
}

// switchover has router i hand over, as soon as the other one is willing.
func (p *pair) switchover(i int) {
	p.t.Helper()
	eventually(p.t, patience, func() error { return p.call(i, http.MethodPost, "switchover", nil) })
}

// restart ends router i's pulse by a signal and starts it as soon as it has ended.
func (p *pair) restart(i int, sig syscall.Signal) {
	p.t.Helper()
	p.pulse[i-1].Signal(sig)
	p.pulse[i-1].Wait(patience)
	p.start(i)
}
