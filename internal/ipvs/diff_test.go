package ipvs

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

func tcp(addr string) ServiceKey {
	a := netip.MustParseAddrPort(addr)
	f := IPv4
	if a.Addr().Is6() {
		f = IPv6
	}
	return ServiceKey{Family: f, Protocol: TCP, Addr: a}
}

func mark(m uint32) ServiceKey { return ServiceKey{Mark: m, Family: IPv4} }

func svc(k ServiceKey, scheduler string) Service {
	return Service{Key: k, Scheduler: scheduler, Prefix: 32}
}

func dst(addr string, weight int) Destination {
	return Destination{Addr: netip.MustParseAddrPort(addr), Forward: Masq, Weight: weight}
}

func lines(ops []Op) []string {
	var l []string
	for _, o := range ops {
		l = append(l, o.String())
	}
	return l
}

func TestDiff(t *testing.T) {
	web, a, b := tcp("192.0.2.1:80"), dst("10.0.0.1:80", 1), dst("10.0.0.2:80", 1)
	for _, tt := range []struct {
		name       string
		have, want Table
		ops        []string
	}{
		{name: "nothing"},
		{
			name: "same rows in another order",
			have: Table{{svc(web, "rr"), []Destination{a, b}}, {svc(mark(7), "rr"), nil}},
			want: Table{{svc(mark(7), "rr"), nil}, {svc(web, "rr"), []Destination{b, a}}},
		},
		{
			name: "new service",
			want: Table{{svc(web, "wlc"), []Destination{a}}},
			ops:  []string{"-A -t 192.0.2.1:80 -s wlc", "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1"},
		},
		{
			name: "service gone takes its destinations along",
			have: Table{{svc(web, "wlc"), []Destination{a, b}}},
			ops:  []string{"-D -t 192.0.2.1:80"},
		},
		{
			name: "replace the only server: the new one first",
			have: Table{{svc(web, "rr"), []Destination{a}}},
			want: Table{{svc(web, "rr"), []Destination{b}}},
			ops:  []string{"-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1", "-d -t 192.0.2.1:80 -r 10.0.0.1:80"},
		},
		{
			name: "quiesce one, raise the other: the raise first",
			have: Table{{svc(web, "rr"), []Destination{a, dst("10.0.0.2:80", 0)}}},
			want: Table{{svc(web, "rr"), []Destination{dst("10.0.0.1:80", 0), b}}},
			ops:  []string{"-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1", "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0"},
		},
		{
			name: "scheduler changes in place",
			have: Table{{svc(web, "rr"), []Destination{a}}},
			want: Table{{svc(web, "wlc"), []Destination{a}}},
			ops:  []string{"-E -t 192.0.2.1:80 -s wlc"},
		},
		{
			name: "a row named twice counts once",
			want: Table{{svc(web, "rr"), []Destination{a, dst("10.0.0.1:80", 9)}}, {svc(web, "wlc"), []Destination{b}}},
			ops:  []string{"-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := lines(Diff(tt.have, tt.want)); !slices.Equal(got, tt.ops) {
				t.Errorf("Diff = %q, want %q", got, tt.ops)
			}
		})
	}
}

// TestDiffReachesWant applies the changes of random pairs of tables to a model of the kernel, which refuses what the
// kernel refuses, and counts that no row is touched without need and that no service loses its last usable server.
func TestDiffReachesWant(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		have, want := randomTable(rng), randomTable(rng)
		k := newModel(have)
		before, after := newModel(have), newModel(want)
		ops := Diff(have, want)
		for i, o := range ops {
			if err := k.apply(o); err != "" {
				t.Fatalf("change %d, %v: %s\nhave %v\nwant %v", i, o, err, have.Lines(), want.Lines())
			}
			for key := range k.services {
				if before.usable(key) && after.usable(key) && !k.usable(key) {
					t.Fatalf("after %v service %v has no usable destination", o, key)
				}
			}
		}
		if !reflect.DeepEqual(k, after) {
			t.Fatalf("have %v\nwant %v\nops %v", have.Lines(), want.Lines(), lines(ops))
		}
		if patched := newModel(Patch(have, ops)); !reflect.DeepEqual(patched, after) {
			t.Fatalf("have %v\nops %v\npatched to %v", have.Lines(), lines(ops), Patch(have, ops).Lines())
		}
		if again := Diff(want, want); len(again) != 0 {
			t.Fatalf("Diff(want, want) = %v", again)
		}
		if n := before.rowsThatDiffer(after); len(ops) != n {
			t.Fatalf("%d changes for %d different rows: %v", len(ops), n, lines(ops))
		}
	}
}

func randomTable(rng *rand.Rand) Table {
	var table Table
	for _, key := range []ServiceKey{tcp("192.0.2.1:80"), tcp("192.0.2.1:443"), mark(1), mark(2)} {
		if rng.IntN(3) == 0 {
			continue
		}
		e := Entry{Service: svc(key, []string{"rr", "wlc"}[rng.IntN(2)])}
		e.Service.Persistent = time.Duration(rng.IntN(2)) * time.Minute
		for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.2:81"} {
			if rng.IntN(3) > 0 {
				e.Destinations = append(e.Destinations, dst(addr, rng.IntN(3)))
			}
		}
		table = append(table, e)
	}
	return table
}

// model is a table as the kernel keeps it.
type model struct {
	services     map[ServiceKey]Service
	destinations map[ServiceKey]map[netip.AddrPort]Destination
}

func newModel(t Table) model {
	m := model{map[ServiceKey]Service{}, map[ServiceKey]map[netip.AddrPort]Destination{}}
	for _, e := range t {
		m.services[e.Service.Key] = e.Service
		m.destinations[e.Service.Key] = map[netip.AddrPort]Destination{}
		for _, d := range e.Destinations {
			m.destinations[e.Service.Key][d.Addr] = d
		}
	}
	return m
}

func (m model) usable(k ServiceKey) bool {
	for _, d := range m.destinations[k] {
		if d.Weight > 0 {
			return true
		}
	}
	return false
}

func (m model) apply(o Op) string {
	key := o.Service.Key
	_, known := m.services[key]
	if (o.Kind == AddService) == known {
		return "service exists, or does not"
	}
	switch o.Kind {
	case AddService:
		m.services[key], m.destinations[key] = o.Service, map[netip.AddrPort]Destination{}
		return ""
	case SetService:
		m.services[key] = o.Service
		return ""
	case RemoveService:
		delete(m.services, key)
		delete(m.destinations, key)
		return ""
	}
	if _, present := m.destinations[key][o.Destination.Addr]; (o.Kind == AddDestination) == present {
		return "destination exists, or does not"
	}
	if o.Kind == RemoveDestination {
		delete(m.destinations[key], o.Destination.Addr)
	} else {
		m.destinations[key][o.Destination.Addr] = o.Destination
	}
	return ""
}

// rowsThatDiffer counts the rows that have to be written to get from m to n; a removed service is one.
func (m model) rowsThatDiffer(n model) int {
	count := 0
	for key, s := range m.services {
		if other, kept := n.services[key]; !kept || other != s {
			count++
		}
	}
	for key := range n.services {
		if _, had := m.services[key]; !had {
			count++
		}
		for addr, d := range n.destinations[key] {
			if other, had := m.destinations[key][addr]; !had || other != d {
				count++
			}
		}
		for addr := range m.destinations[key] {
			if _, kept := n.destinations[key][addr]; !kept {
				count++
			}
		}
	}
	return count
}

func TestOnly(t *testing.T) {
	web, other := tcp("192.0.2.1:80"), tcp("192.0.2.9:80")
	have := Table{
		{svc(web, "rr"), []Destination{dst("10.0.0.1:80", 1), dst("10.0.0.66:80", 1)}},
		{svc(other, "rr"), []Destination{dst("10.0.0.1:80", 1)}},
	}
	got := have.Only(func(k ServiceKey, d netip.AddrPort) bool {
		return k == web && (!d.IsValid() || d == netip.MustParseAddrPort("10.0.0.1:80"))
	}).Lines()
	want := []string{"-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1"}
	if !slices.Equal(got, want) {
		t.Errorf("Only = %q, want %q", got, want)
	}
}

func BenchmarkDiff10000(b *testing.B) {
	var have Table
	for s := range 100 {
		e := Entry{Service: svc(mark(uint32(s+1)), "wlc")}
		for d := range 100 {
			addr := netip.AddrFrom4([4]byte{10, byte(s), byte(d), 1})
			e.Destinations = append(e.Destinations, Destination{Addr: netip.AddrPortFrom(addr, 80), Forward: Direct, Weight: 1})
		}
		have = append(have, e)
	}
	b.ReportAllocs()
	for b.Loop() {
		if ops := Diff(have, have); len(ops) != 0 {
			b.Fatal(ops)
		}
	}
}
