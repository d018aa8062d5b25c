package lvs

import (
	"errors"
	"fmt"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Probe is one check of a real server as its monitor would make it, to be run by hand.
type Probe struct {
	Argv    []string // of nanny
	Program string   // of lvs.cf that the check runs, "" for none
}

// NewProbe finds a real server by the names of its blocks, of which it takes the first, active or not.
func NewProbe(cfg *lvscf.Config, nanny, virtual, server string) (Probe, error) {
	for i := range cfg.Virtual {
		vs := cfg.Virtual[i]
		if vs.Name != virtual {
			continue
		}
		for j := range vs.Servers {
			if vs.Servers[j].Name == server {
				return newProbe(cfg, &vs, &vs.Servers[j], nanny)
			}
		}
		return Probe{}, fmt.Errorf("no real server %q in virtual server %q", server, virtual)
	}
	return Probe{}, fmt.Errorf("no virtual server %q", virtual)
}

func newProbe(cfg *lvscf.Config, vs *lvscf.VirtualServer, rs *lvscf.RealServer, nanny string) (Probe, error) {
	if !rs.Addr.IsValid() {
		return Probe{}, errors.New("the real server has no address")
	}
	vs.LoadMonitor = "" // that is another matter
	m := newMonitorArgs(cfg, vs, rs, monitorOptions{nanny: nanny})
	switch {
	case m.none:
		return Probe{}, errors.New("the real server is not checked: check = none")
	case m.custom:
		return Probe{}, fmt.Errorf("the real server is checked by %s, not by nanny", vs.ClientMonitor)
	}
	p := Probe{Argv: append(m.args(false), "--probe-once")}
	if len(m.programs) > 0 {
		p.Program = m.programs[0]
	}
	return p, nil
}
