package pulse

import (
	"slices"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
)

func texts(list []news) (said []string) {
	for _, n := range list {
		said = append(said, n.kind+" "+n.text)
	}
	return said
}

func TestView(t *testing.T) {
	now := time.Now()
	later := now.Add(90 * time.Second)
	inactive := view{phase: election.Inactive, since: now, health: election.Alive, kind: election.Running}
	with := func(change func(*view)) view { v := inactive; change(&v); return v }
	for _, c := range []struct {
		name          string
		before, after view
		want          []string
	}{
		{"nothing", inactive, inactive, nil},
		{"the first phase", view{}, view{phase: election.Clearing, since: now}, []string{"state this router is clearing"}},
		{"the partner dies", inactive,
			with(func(v *view) { v.health, v.kind, v.phase, v.since = election.Dead, 0, election.Activating, later }),
			[]string{"partner the other router is dead: nothing is heard of it", "state this router is activating, after 1m30s inactive"}},
		{"the partner comes", with(func(v *view) { v.health, v.kind = election.Unknown, 0 }), inactive,
			[]string{"partner the other router is alive", "partner_state the other router is active"}},
		{"it gives up the service", inactive, with(func(v *view) { v.kind = election.Stopped }), []string{"partner_state the other router is inactive"}},
		{"it asks", inactive, with(func(v *view) { v.kind = election.StopMe }), nil},
		{"it says farewell", inactive, with(func(v *view) { v.health, v.kind = election.Left, 0 }), []string{"partner the other router has left: it said farewell"}},
		{"standby", inactive, with(func(v *view) { v.standby = true }), []string{"standby on standby by an operator's wish"}},
		{"resume", with(func(v *view) { v.standby = true }), inactive, []string{"resume no longer on standby"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := texts(c.before.to(c.after)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestViewOfTheDead: what a partner said last is forgotten with its death, and told again when it is back.
func TestViewOfTheDead(t *testing.T) {
	alive := viewOf(&election.State{Partner: election.Partner{Health: election.Alive, Kind: election.Running}})
	dead := viewOf(&election.State{Partner: election.Partner{Health: election.Dead, Kind: election.Running}})
	if got := texts(dead.to(alive)); len(got) != 2 || got[1] != "partner_state the other router is active" {
		t.Errorf("back again: %q", got)
	}
}

func TestLinkNews(t *testing.T) {
	none, public, both := [2]bool{}, [2]bool{election.Public: true}, [2]bool{true, true}
	for _, c := range []struct {
		before, now [2]bool
		want        []string
	}{
		{none, none, nil},
		{none, public, []string{"link_lost no link on the device of the public channel"}},
		{public, both, []string{"link_lost no link on the device of the private channel"}},
		{both, public, []string{"link_back link again on the device of the private channel"}},
	} {
		if got := texts(linkNews(c.before, c.now)); !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: %q, want %q", c.before, c.now, got, c.want)
		}
	}
}
