package main

import (
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

func TestText(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := pair()
	p.Since = now.Add(-26 * time.Hour)
	other := now.Add(-90 * time.Second)
	p.Partner.Since = &other
	r := report{pulse: &p, lvsd: &lvs.Status{Active: true, InStep: true, SerialNo: 7, VirtualServers: []lvs.VirtualStatus{{
		Name: "web", Service: "-t 192.0.2.100:80", Scheduler: "wlc", RealServers: []lvs.RealStatus{
			{Name: "real1", Address: "10.11.12.11:80", State: "up", Since: now.Add(-time.Hour), Weight: 4, Now: 6, Present: true,
				LastCheck: &lvs.CheckStatus{Duration: 0.000812345}},
			{Name: "real2", Address: "10.11.12.12:80", State: "down", Since: now.Add(-3 * time.Second), Weight: 1, Reason: "connect refused\x1b[2J"},
			{Name: "real3", Address: "10.11.12.13:80", State: "up", Since: now, Weight: 1, Now: 1, Present: true, NotChecked: true},
		},
	}}}}
	want := `
ROUTER     ROLE     STATE     SINCE  SERIAL  REAL SERVERS
this one   primary  active    1d2h   7       2 of 3 up
the other  backup   inactive  1m30s  7       3 of 3 up
The other router was last heard: public 420ms ago, private 12s ago.

SERVICE  ADDRESS            WEIGHT  STATE  SINCE  CHECK  REASON
web      -t 192.0.2.100:80          wlc
  real1  10.11.12.11:80     6 of 4  up     1h0m   812µs
  real2  10.11.12.12:80     - of 1  down   3s     -      connect refused?[2J
  real3  10.11.12.13:80     1       up     0s     none
`
	if got := "\n" + r.text(now); got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
}

// TestTextOfHalf: what answers is shown, also when the other daemon does not.
func TestTextOfHalf(t *testing.T) {
	p := pair()
	p.State, p.LvsdPid, p.Servers, p.Partner = "deactivating", 0, nil, pulse.PartnerStatus{Health: "unknown"}
	now := p.Since.Add(3 * time.Second)
	for _, tt := range []struct {
		name string
		r    report
		want string
	}{
		{"nothing", report{}, ""},
		{"pulse", report{pulse: &p}, `
ROUTER     ROLE     STATE         SINCE  SERIAL  REAL SERVERS
this one   primary  deactivating  3s     7       -
the other  backup   unknown       -      -       -
The other router was last heard: never.
`},
		{"lvsd", report{lvsd: &lvs.Status{Error: "no answer\a"}}, `
SERVICE  ADDRESS  WEIGHT  STATE  SINCE  CHECK  REASON
The kernel's table is empty here: this router is on standby.
The kernel's table is not as it should be: no answer?
`},
		{"lvsd behind", report{pulse: &p, lvsd: &lvs.Status{Active: true, SerialNo: 6}}, `
ROUTER     ROLE     STATE         SINCE  SERIAL  REAL SERVERS
this one   primary  deactivating  3s     7       -
the other  backup   unknown       -      -       -
The other router was last heard: never.
lvsd works with another lvs.cf, with serial_no 6.

SERVICE  ADDRESS  WEIGHT  STATE  SINCE  CHECK  REASON
The kernel's table is being brought up to date.
`},
	} {
		if got := tt.r.text(now); got != strings.TrimPrefix(tt.want, "\n") {
			t.Errorf("%s:\n%s\nwant:%s", tt.name, got, tt.want)
		}
	}
}

// TestWidth: long states and addresses stay within a terminal of 80 columns, reasons aside.
func TestWidth(t *testing.T) {
	p := pair()
	p.State, p.SerialNo, p.Servers = "deactivating", 2026112101, &pulse.Servers{Up: 1000, Configured: 1000}
	now := p.Since.Add(20*24*time.Hour + 23*time.Hour)
	r := report{pulse: &p, lvsd: &lvs.Status{VirtualServers: []lvs.VirtualStatus{{
		Name: "webserver6", Service: "-t [2001:db8:100::100]:8080", Scheduler: "lblcr", RealServers: []lvs.RealStatus{
			{Name: "realserver1", Address: "[2001:db8:100::1031]:8080", State: "checking", Since: now.Add(-time.Hour), Weight: 100},
		},
	}}}}
	for line := range strings.Lines(r.text(now)) {
		if n := len(strings.TrimSpace(strings.TrimSuffix(line, "REASON\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestRemarks(t *testing.T) {
	p := pair()
	p.Standby, p.LostLinks, p.LvsdPid, p.LoadError, p.Partner.SameConfig, p.Partner.State = true, []string{"public"}, 0, "bad\n", false, "active"
	got := strings.Join(remarks(&p), "\n")
	want := `This router is on standby by an operator's wish: piranhactl resume ends that.
No link on the device of the public channel.
lvsd does not run.
The lvs.cf of the other router means something else than the one here.
Both routers are active.
The last reload was refused: bad?`
	if got != want {
		t.Errorf("remarks:\n%s\nwant:\n%s", got, want)
	}
	p = pair()
	p.State, p.LvsdPid = "inactive", 0
	if got := remarks(&p); len(got) != 1 || !strings.Contains(got[0], "standby = cold") {
		t.Errorf("without lvsd: %q", got)
	}
	p = pair()
	p.Partner.Original, p.Partner.SameConfig = true, false
	if got := remarks(&p); len(got) != 1 || !strings.Contains(got[0], "original pulse") {
		t.Errorf("beside an original router: %q", got)
	}
	if got := partnerState(&p); got != "inactive" {
		t.Errorf("partner is %q", got)
	}
	p.Partner.Health = "dead"
	if got := partnerState(&p); got != "dead" {
		t.Errorf("partner is %q", got)
	}
}
