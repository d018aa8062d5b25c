package topology

import (
	"fmt"
	"slices"
	"testing"
)

// TestWatchKeepsTheOrder: an address moves, and the client learns of it.
func TestWatchKeepsTheOrder(t *testing.T) {
	n := build(t, Options{Reals: 1})
	w, err := n.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	first, second := n.Router(1), n.Router(2)
	do := func(what ...error) {
		t.Helper()
		for _, err := range what {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	do(first.AddAddr(VIP+"/24", "eth0", ""), exchange(n.Client(), first, VIP))
	for range 3 {
		do(first.DelAddr(VIP+"/24", "eth0"), second.AddAddr(VIP+"/24", "eth0", ""), second.Announce(VIP, "eth0"))
		first, second = second, first
	}
	mac1, err1 := n.Router(1).MAC("eth0")
	mac2, err2 := n.Router(2).MAC("eth0")
	do(err1, err2)
	move := func(from, to, mac string) []string {
		return []string{from + " lost", to + " has", "client knows " + mac}
	}
	want := slices.Concat([]string{"router1 has", "client knows " + mac1},
		move("router1", "router2", mac2), move("router2", "router1", mac1), move("router1", "router2", mac2))
	do(w.Sync())
	events, err := w.Events()
	do(err)
	var got []string
	for _, e := range events {
		if s := tell(e); s != "" && (len(got) == 0 || got[len(got)-1] != s) { // a neighbour is confirmed again and again
			got = append(got, s)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("events:\n%q\nwant:\n%q", got, want)
	}
}

// tell says what an event means for the VIP; "": nothing.
func tell(e Event) string {
	switch {
	case e.Addr.String() != VIP, e.Neighbour && (e.Node != "client" || e.Gone):
		return ""
	case e.Neighbour:
		return "client knows " + e.MAC
	case e.Gone:
		return e.Node + " lost"
	}
	return fmt.Sprint(e.Node, " has")
}
