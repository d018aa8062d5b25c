package pulse

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// addresses are the floating addresses that the active router has: the NAT router address and one for each active
// virtual server, the first block deciding where several share one (reference: piranha-pulse.md 3.1). An address by
// which the routers know each other cannot float.
func addresses(cfg *lvscf.Config) ([]vip.Address, error) {
	var list []vip.Address
	if cfg.Network == lvscf.Masq && cfg.NATRouter.Addr.IsValid() {
		list = append(list, vip.New(cfg.NATRouter.Addr, cfg.NATRouter.Label, cfg.NATPrefix))
	}
	for i := range cfg.Virtual {
		if vs := &cfg.Virtual[i]; vs.Enabled && vs.VIP.Addr.IsValid() {
			list = append(list, vip.New(vs.VIP.Addr, vs.VIP.Label, vs.Prefix))
		}
	}
	list = vip.Unique(list)
	for _, a := range list {
		if slices.Contains([]netip.Addr{cfg.Primary.Addr, cfg.Primary.Private, cfg.Backup.Addr, cfg.Backup.Private}, a.Addr) {
			return nil, fmt.Errorf("%s is a router's own address and cannot be a floating one", a.Addr)
		}
	}
	return list, nil
}
