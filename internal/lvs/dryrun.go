package lvs

import (
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/ipvs/kernel"
)

// DryTable is a table that only remembers: lvsd --test-start logs what it would have done to the kernel's.
type DryTable struct {
	log  *eventlog.Logger
	rows ipvs.Table
}

// NewDryTable returns an empty table.
func NewDryTable(log *eventlog.Logger) *DryTable { return &DryTable{log: log} }

// Read returns what was applied so far.
func (t *DryTable) Read() (ipvs.Table, error) { return t.rows, nil }

// Apply logs the changes in ipvsadm's words.
func (t *DryTable) Apply(ops []ipvs.Op) error {
	for _, o := range ops {
		t.log.Info("would run: ipvsadm " + o.String())
	}
	t.rows = ipvs.Patch(t.rows, ops)
	return nil
}

// SetTimeouts logs the timeouts in ipvsadm's words.
func (t *DryTable) SetTimeouts(to kernel.Timeouts) error {
	t.log.Info("would run: ipvsadm --set " + itoa(int(to.TCP.Seconds())) + " " + itoa(int(to.TCPFin.Seconds())) + " " + itoa(int(to.UDP.Seconds())))
	return nil
}
