package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// report is what status shows people. A daemon that does not answer is nil.
type report struct {
	pulse *pulse.Status
	lvsd  *lvs.Status
}

// document is what --json prints. Field names are an API, described in doc/api.md.
type document struct {
	Version int             `json:"version"` // of this form: 1
	Pulse   json.RawMessage `json:"pulse"`   // as it answers; null: it does not
	Lvsd    json.RawMessage `json:"lvsd"`    // as it answers; null: it does not
	Errors  []string        `json:"errors"`  // why not
}

// status shows both daemons of this router, and what they know of the other one. Where one does not answer the other is
// shown all the same, and the exit status is 1.
func status(ctx context.Context, c cluster, asJSON bool, out io.Writer) error {
	var r report
	d := document{Version: 1, Errors: []string{}}
	var failed []error
	note := func(err error) {
		if err != nil {
			failed = append(failed, err)
			d.Errors = append(d.Errors, err.Error())
		}
	}
	var err error
	r.pulse, d.Pulse, err = ask[pulse.Status](ctx, c.pulse)
	note(err)
	r.lvsd, d.Lvsd, err = ask[lvs.Status](ctx, c.lvsd)
	if r.needsLvsd() {
		note(err)
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(d)
	} else {
		_, err = io.WriteString(out, r.text(time.Now()))
	}
	return errors.Join(append(failed, err)...)
}

// needsLvsd tells whether it is wrong if lvsd does not answer. On the inactive router it need not run: standby may be cold.
func (r *report) needsLvsd() bool {
	return r.pulse == nil || r.pulse.LvsdPid != 0 || r.pulse.State == "active"
}

// text is the report for people.
func (r *report) text(now time.Time) string {
	var b strings.Builder
	if r.pulse != nil {
		routers(&b, r.pulse, now)
	}
	if r.pulse != nil && r.lvsd != nil && r.pulse.SerialNo != r.lvsd.SerialNo {
		fmt.Fprintf(&b, "lvsd works with another lvs.cf, with serial_no %d.\n", r.lvsd.SerialNo)
	}
	if r.lvsd != nil {
		services(&b, r.lvsd, now)
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// routers shows this router and the other one.
func routers(b *strings.Builder, s *pulse.Status, now time.Time) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "ROUTER\tROLE\tSTATE\tSINCE\tSERIAL\tREAL SERVERS\n")
	since := age(now.Sub(s.Since))
	fmt.Fprintf(w, "this one\t%s\t%s\t%s\t%d\t%s\n", s.Role, s.State, since, s.SerialNo, counts(s.Servers))
	p := &s.Partner
	serial := "-"
	if p.SerialNo != 0 || p.SameConfig {
		serial = strconv.FormatInt(p.SerialNo, 10)
	}
	since = "-"
	if p.Since != nil {
		since = age(now.Sub(*p.Since))
	}
	other := map[string]string{"primary": "backup", "backup": "primary"}[s.Role]
	fmt.Fprintf(w, "the other\t%s\t%s\t%s\t%s\t%s\n", other, partnerState(s), since, serial, counts(p.Servers))
	w.Flush()
	b.WriteString("The other router was last heard: " + heard(p) + ".\n")
	for _, line := range remarks(s) {
		b.WriteString(line + "\n")
	}
}

// remarks is what somebody should know about the routers beside the table.
func remarks(s *pulse.Status) (lines []string) {
	say := func(condition bool, text string) {
		if condition {
			lines = append(lines, text)
		}
	}
	p := &s.Partner
	alive := p.Health == "alive"
	say(s.Standby, "This router is on standby by an operator's wish: piranhactl resume ends that.")
	say(len(s.LostLinks) > 0, "No link on the device of the "+strings.Join(s.LostLinks, " and ")+" channel.")
	say(s.LvsdPid == 0 && s.State == "active", "lvsd does not run.")
	say(s.LvsdPid == 0 && s.State == "inactive", "lvsd does not run, as it should be with standby = cold only.")
	say(alive && p.Original, "The other router runs the original pulse: it says no more than its state.")
	say(alive && !p.Original && !p.SameConfig, "The lvs.cf of the other router means something else than the one here.")
	say(s.State == "active" && p.State == "active" && alive, "Both routers are active.")
	say(s.LoadError != "", "The last reload was refused: "+clean(s.LoadError))
	return lines
}

func counts(s *pulse.Servers) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d up", s.Up, s.Configured)
}

// heard is how long ago the partner was heard on each channel.
func heard(p *pulse.PartnerStatus) string {
	var list []string
	for _, c := range []struct {
		name string
		ago  *float64
	}{{"public", p.Public}, {"private", p.Private}} {
		if c.ago != nil {
			list = append(list, c.name+" "+age(time.Duration(*c.ago*float64(time.Second)))+" ago")
		}
	}
	if len(list) == 0 {
		return "never"
	}
	return strings.Join(list, ", ")
}

// services shows the virtual servers and their real servers.
func services(b *strings.Builder, s *lvs.Status, now time.Time) {
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "SERVICE\tADDRESS\tWEIGHT\tSTATE\tSINCE\tCHECK\tREASON\n")
	for _, v := range s.VirtualServers {
		fmt.Fprintf(w, "%s\t%s\t\t%s\t\t\t\n", clean(v.Name), clean(v.Service), clean(v.Scheduler))
		for _, rs := range v.RealServers {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", clean(rs.Name), clean(rs.Address), weight(rs), state(rs),
				age(now.Sub(rs.Since)), lastCheck(rs), clean(rs.Reason))
		}
	}
	w.Flush()
	if !s.Active {
		b.WriteString("The kernel's table is empty here: this router is on standby.\n")
	}
	switch {
	case s.InStep:
	case s.Error == "":
		b.WriteString("The kernel's table is being brought up to date.\n")
	default:
		b.WriteString("The kernel's table is not as it should be: " + clean(s.Error) + "\n")
	}
}

// lastCheck is how long the last check took.
func lastCheck(rs lvs.RealStatus) string {
	switch {
	case rs.NotChecked:
		return "none"
	case rs.LastCheck == nil:
		return "-"
	}
	return took(*rs.LastCheck)
}

// weight is the one in the table, and the one of lvs.cf if that differs.
func weight(rs lvs.RealStatus) string {
	configured := strconv.Itoa(rs.Weight)
	now := strconv.Itoa(rs.Now)
	switch {
	case !rs.Present:
		return "- of " + configured
	case now != configured:
		return now + " of " + configured
	}
	return now
}

// age writes a time in its two largest units.
func age(d time.Duration) string {
	d = max(d, 0)
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// clean takes out of a text from elsewhere what would steer a terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
