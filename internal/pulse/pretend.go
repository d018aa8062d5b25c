package pulse

import (
	"fmt"
	"strings"

	"github.com/piranha-lvs/piranha/internal/election"
)

// pretend stands for act with --test-start: what would change something is only said, and counts as done. The original's test
// start raised addresses, sent announcements and moved the sync daemon all the same (reference: piranha-pulse.md 8, row 18). It
// tells whether a has been dealt with.
func (d *Daemon) pretend(a election.Action) bool {
	switch a := a.(type) {
	case election.Send, election.Announce:
	case election.Activate:
		d.log.Info("test: would serve", "addresses", d.labels(), "active_cmd", d.cfg.ActiveCmd)
		d.queue = append(d.queue, election.Activated{Op: a.Op})
	case election.Deactivate:
		d.log.Info("test: would not serve", "addresses", d.labels(), "inactive_cmd", d.cfg.InactiveCmd)
		d.queue = append(d.queue, election.Deactivated{Op: a.Op})
	case election.RunActiveCommand:
		d.log.Info("test: would run active_cmd", "active_cmd", d.cfg.ActiveCmd)
	case election.RestartLvsd:
		d.queue = append(d.queue, election.LvsdUp{})
	default:
		return false
	}
	return true
}

// labels lists the floating addresses with their labels, for a line of the log.
func (d *Daemon) labels() string {
	var list []string
	for _, a := range d.wanted {
		list = append(list, fmt.Sprintf("%s/%d %s", a.Addr, a.Prefix, a.Label))
	}
	return strings.Join(list, ", ")
}
