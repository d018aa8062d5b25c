package pulse

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// findRole tells which of the two routers of lvs.cf this is, by its addresses. The original looked at the first address
// of each device only and took whoever was not the primary for the backup; here all addresses count, and a machine that
// is neither, or both, is told so.
func findRole(cfg *lvscf.Config, local []netip.Addr) (election.Role, error) {
	primary := cfg.Primary.Addr.IsValid() && slices.Contains(local, cfg.Primary.Addr)
	backup := cfg.Backup.Addr.IsValid() && slices.Contains(local, cfg.Backup.Addr)
	switch {
	case primary && backup:
		return 0, fmt.Errorf("both primary %s and backup %s are addresses of this machine", cfg.Primary.Addr, cfg.Backup.Addr)
	case primary:
		return election.Primary, nil
	case backup:
		return election.Backup, nil
	case !cfg.Primary.Addr.IsValid():
		return 0, fmt.Errorf("lvs.cf names no primary")
	case !cfg.Backup.Addr.IsValid():
		return 0, fmt.Errorf("primary %s is no address of this machine, and there is no backup", cfg.Primary.Addr)
	}
	return 0, fmt.Errorf("neither primary %s nor backup %s is an address of this machine", cfg.Primary.Addr, cfg.Backup.Addr)
}

// electionConfig is what the election is told of lvs.cf.
func electionConfig(cfg *lvscf.Config, role election.Role, boot uint64) election.Config {
	return election.Config{
		Role: role, Boot: boot, Keepalive: cfg.Keepalive, Deadtime: cfg.Deadtime,
		BackupActive: cfg.BackupActive, MonitorLinks: cfg.MonitorLinks,
	}
}
