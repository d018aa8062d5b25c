package main

import (
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
)

func TestText(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := pair()
	p.Since = now.Add(-26 * time.Hour)
	other := now.Add(-90 * time.Second)
	p.Partner.Since = &other
	r := report{Pulse: &p, Lvsd: &lvs.Status{Active: true, InStep: true, VirtualServers: []lvs.VirtualStatus{{
		Name: "web", Service: "-t 192.0.2.100:80", Scheduler: "wlc", RealServers: []lvs.RealStatus{
			{Name: "real1", Address: "10.11.12.11:80", State: "up", Since: now.Add(-time.Hour), Weight: 4, Now: 6, Present: true},
			{Name: "real2", Address: "10.11.12.12:80", State: "down", Since: now.Add(-3 * time.Second), Weight: 1, Reason: "connect refused\x1b[2J"},
		},
	}}}}
	want := `
ROUTER     ROLE     STATE     SINCE  SERIAL  REAL SERVERS  LAST HEARD
this one   primary  active    1d2h   7       2 of 3 up
the other  backup   inactive  1m30s  7       3 of 3 up     public 420ms ago, private 12s ago

SERVICE  ADDRESS            WEIGHT  STATE  SINCE  REASON
web      -t 192.0.2.100:80          wlc
  real1  10.11.12.11:80     6 of 4  up     1h0m
  real2  10.11.12.12:80     - of 1  down   3s     connect refused?[2J
`
	if got := "\n" + r.text(now); got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
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
