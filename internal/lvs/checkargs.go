package lvs

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// uses tells which of the original's keys the kind of check looks at. The others are not passed on: a program that is never
// run should not decide what a monitor runs as.
func uses(vs *lvscf.VirtualServer) (program, send, expect bool) {
	switch vs.Check {
	case 0:
		return true, true, true
	case lvscf.CheckScript:
		return true, false, true
	case lvscf.CheckTCP:
		return false, true, true
	}
	return false, false, false
}

// checkArgs are the options for the keys that the original did not have. They come last, so that a file of the original
// gives the original's arguments.
func checkArgs(vs *lvscf.VirtualServer, rs *lvscf.RealServer) (args []string) {
	add := func(condition bool, option, value string) {
		if condition {
			args = append(args, "--"+option+"="+value)
		}
	}
	of := func(kinds ...lvscf.Check) bool { return slices.Contains(kinds, vs.Check) }
	web := of(lvscf.CheckHTTP, lvscf.CheckHTTPS)
	served, checked := netip.AddrPortFrom(rs.Addr, rs.Port), vs.CheckedAt(rs)
	add(vs.Check != 0, "check", vs.Check.String())
	add(web && vs.CheckPath != "/", "check-path", vs.CheckPath)
	add(vs.CheckHost != "" && (web || of(lvscf.CheckTLS, lvscf.CheckSMTP, lvscf.CheckDNS)), "check-host", vs.CheckHost)
	add(web && vs.CheckStatus.String() != "200-399", "check-status", vs.CheckStatus.String())
	add(web && vs.CheckBody != "", "check-body", vs.CheckBody)
	add(!vs.CheckVerify && of(lvscf.CheckHTTPS, lvscf.CheckTLS), "check-verify", "no")
	add(checked.Port() != served.Port(), "check-port", port(checked.Port()))
	add(checked.Addr() != served.Addr(), "check-address", checked.Addr().String())
	add(vs.CheckSource.IsValid() && !of(lvscf.CheckScript), "check-source", vs.CheckSource.String())
	add(vs.Rise > 0, "rise", strconv.Itoa(vs.Rise))
	add(vs.Fall > 1, "fall", strconv.Itoa(vs.Fall))
	return args
}
