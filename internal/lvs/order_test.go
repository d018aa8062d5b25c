package lvs

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestOrderDecides(t *testing.T) {
	tests := []struct {
		name    string
		order   order
		state   state
		quiesce bool
		want    int
		row     bool
	}{
		{"none", order{}, up, false, 4, true},
		{"none, down", order{}, down, false, 0, false},
		{"drain", order{mode: Drain}, up, false, 0, true},
		{"drain, down", order{mode: Drain}, down, false, 0, false},
		{"maint", order{mode: Maint}, up, false, 0, false},
		{"maint, quiescing", order{mode: Maint}, down, true, 0, false},
		{"weight", order{weighted: true, weight: 9}, up, false, 9, true},
		{"weight 0", order{weighted: true}, up, false, 0, true},
		{"weight, quiescing", order{weighted: true, weight: 9}, down, true, 0, true},
		{"weight, down", order{weighted: true, weight: 9}, down, false, 0, false},
		{"weight, drain", order{mode: Drain, weighted: true, weight: 9}, up, false, 0, true},
	}
	for _, tt := range tests {
		p := placement{state: tt.state, installed: true, order: tt.order}
		if w, row := p.weight(4, tt.quiesce); w != tt.want || row != tt.row {
			t.Errorf("%s: %d, %v, want %d, %v", tt.name, w, row, tt.want, tt.row)
		}
	}
}

func TestParseOrder(t *testing.T) {
	now := time.Now().Round(0)
	had := order{mode: Drain, until: now, weighted: true, weight: 3}
	tests := []struct {
		verb, within, weight string
		want                 order
		bad                  string
	}{
		{"drain", "", "", order{mode: Drain, weighted: true, weight: 3}, ""},
		{"drain", "30s", "", order{mode: Drain, until: now.Add(30 * time.Second), weighted: true, weight: 3}, ""},
		{"maint", "", "", order{mode: Maint, weighted: true, weight: 3}, ""},
		{"ready", "", "", order{weighted: true, weight: 3}, ""},
		{"weight", "", "0", order{mode: Drain, until: now, weighted: true}, ""},
		{"weight", "", "65535", order{mode: Drain, until: now, weighted: true, weight: 65535}, ""},
		{"weight", "", "default", order{mode: Drain, until: now}, ""},
		{"weight", "", "65536", order{}, `weight: a number of 0 to 65535, or default, expected, not "65536"`},
		{"weight", "", "", order{}, `weight: a number of 0 to 65535, or default, expected, not ""`},
		{"drain", "-1s", "", order{}, `within: a time longer than 0 expected, not "-1s"`},
		{"drain", "soon", "", order{}, `within: a time longer than 0 expected, not "soon"`},
		{"remove", "", "", order{}, errVerb.Error()},
	}
	for _, tt := range tests {
		o, err := ParseOrder(tt.verb, tt.within, tt.weight)
		switch {
		case tt.bad != "":
			if err == nil || err.Error() != tt.bad {
				t.Errorf("%q %q %q: %v, want %s", tt.verb, tt.within, tt.weight, err, tt.bad)
			}
		case err != nil || o.apply(had, now) != tt.want:
			t.Errorf("%q %q %q: %+v, %v, want %+v", tt.verb, tt.within, tt.weight, o.apply(had, now), err, tt.want)
		}
	}
}

// TestOrdersAreKept: what an operator has ordered outlives lvsd, and goes with its server.
func TestOrdersAreKept(t *testing.T) {
	dir := t.TempDir()
	o, err := openOrders(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Round(0)
	want := map[who]order{
		{"web", "one"}:   {mode: Maint},
		{"web", "two"}:   {mode: Drain, until: now.Add(time.Hour)},
		{"mail", "one"}:  {weighted: true, weight: 0},
		{"mail", "\x00"}: {weighted: true, weight: 7},
	}
	for w, order := range want {
		o.set(w, order)
	}
	o.set(who{"mail", "two"}, order{})
	if err := o.flush(); err != nil {
		t.Fatal(err)
	}
	again, err := openOrders(dir)
	if err != nil || !reflect.DeepEqual(again.all, want) {
		t.Errorf("read again: %v, %v\nwant %v", again.all, err, want)
	}
	if over := again.expire(now); len(over) != 0 {
		t.Errorf("too early: %v", over)
	}
	if over := again.expire(now.Add(time.Hour)); len(over) != 1 || over[0] != (who{"web", "two"}) {
		t.Errorf("expire: %v", over)
	}
	again.keep(func(w who) bool { return w.virtual == "web" })
	if err := again.flush(); err != nil {
		t.Fatal(err)
	}
	want = map[who]order{{"web", "one"}: {mode: Maint}, {"web", "two"}: {mode: Maint}}
	if again, err = openOrders(dir); err != nil || !reflect.DeepEqual(again.all, want) {
		t.Errorf("after keep: %v, %v\nwant %v", again.all, err, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "orders.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err = openOrders(dir); err == nil || len(again.all) != 0 {
		t.Errorf("of half a file: %v, %v", again.all, err)
	}
}
