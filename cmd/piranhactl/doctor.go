package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/doctor"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// findings is what doctor --json prints. Field names are an API, described in doc/api.md.
type findings struct {
	Version  int              `json:"version"` // of this form: 1
	Findings []doctor.Finding `json:"findings"`
}

// sick is the outcome where something was found, which is printed already: status 1 for warnings, 2 for errors.
type sick struct{ status int }

func (sick) Error() string   { return "" }
func (s sick) ExitCode() int { return s.status }

// examine looks at this machine. The daemons need not run; without an lvs.cf that can be used there is nothing to look for.
func examine(ctx context.Context, c cluster, o options, out io.Writer) error {
	list := []doctor.Finding{}
	cfg, err := readConfig(o.configFile)
	switch {
	case err != nil:
		list = append(list, doctor.Finding{Severity: doctor.Error, What: err.Error(), Why: "nothing else can be looked at", Command: "piranhactl check " + o.configFile})
	case o.realServer:
		list = append(list, doctor.RealServer(cfg, doctor.Gather(ctx, cfg))...)
	default:
		f := doctor.Gather(ctx, cfg)
		c.askPulse(ctx, f)
		list = append(list, doctor.Director(cfg, f)...)
	}
	if err := printFindings(list, o.json, out); err != nil {
		return err
	}
	if status := statusOf(list); status > 0 {
		return sick{status}
	}
	return nil
}

// statusOf is the exit status.
func statusOf(list []doctor.Finding) (status int) {
	for _, f := range list {
		status = max(status, map[doctor.Severity]int{doctor.Warning: 1, doctor.Error: 2}[f.Severity])
	}
	return status
}

func readConfig(file string) (*lvscf.Config, error) {
	doc, err := open(file, nil)
	if err != nil {
		return nil, err // says which file
	}
	cfg, found := doc.Config(lvscf.SystemLookup(lookupTime))
	if errs := found.Errors(); len(errs) > 0 {
		return nil, errors.New(errs[0].String())
	}
	return cfg, nil
}

// askPulse adds what it says, or why it says nothing.
func (c cluster) askPulse(ctx context.Context, f *doctor.Facts) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var s pulse.Status
	err := c.pulse.Call(ctx, "GET", "status", &s)
	if err != nil {
		f.PulseGone, f.NoPulse = control.Gone(err), plain(c.pulse, err).Error()
		return
	}
	f.Pulse = knownOf(&s)
}

func knownOf(s *pulse.Status) *doctor.Pulse {
	return &doctor.Pulse{
		State: s.State, Serial: s.SerialNo, LoadError: s.LoadError, Expected: s.Partner.Expected, Heard: s.Partner.Health == "alive",
		Original: s.Partner.Original, SameConfig: s.Partner.SameConfig, PartnerSerial: s.Partner.SerialNo,
	}
}

func printFindings(list []doctor.Finding, asJSON bool, out io.Writer) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(findings{Version: 1, Findings: list})
	}
	var b strings.Builder
	lost := false
	for _, f := range list {
		fmt.Fprintf(&b, "%s: %s\n    %s\n", f.Severity, clean(f.What), clean(f.Why))
		if f.Command != "" {
			fmt.Fprintf(&b, "    # %s\n", clean(f.Command))
		}
		lost = lost || strings.HasPrefix(f.Command, "sysctl ")
	}
	switch {
	case len(list) == 0:
		b.WriteString("Nothing is wrong that can be seen from here.\n")
	case lost:
		b.WriteString("What sysctl sets is lost at the next boot: write it into a file of /etc/sysctl.d too.\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
