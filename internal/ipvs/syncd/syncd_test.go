package syncd

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// asRun is what the kernel reports of a daemon started with as many zeros as possible.
func asRun(r Role, dev string, id uint8) Daemon {
	return Daemon{Role: r, Dev: dev, ID: id, MaxLen: 1472, Group: ip("224.0.0.81"), Port: 8848, TTL: 1}
}

func TestDiff(t *testing.T) {
	master, backup := Daemon{Role: Master, Dev: "eth0", ID: 7}, Daemon{Role: Backup, Dev: "eth0", ID: 7}
	runMaster, runBackup := asRun(Master, "eth0", 7), asRun(Backup, "eth0", 7)
	start := func(d Daemon) Change { return Change{Start: true, Daemon: d} }
	stop := func(d Daemon) Change { return Change{Daemon: d} }
	with := func(change func(*Daemon)) Daemon { d := master; change(&d); return d }
	for _, tt := range []struct {
		name       string
		have, want []Daemon
		changes    []Change
	}{
		{"nothing", nil, nil, nil},
		{"first start", nil, []Daemon{backup}, []Change{start(backup)}},
		{"runs already", []Daemon{runMaster}, []Daemon{master}, nil},
		{"both run already", []Daemon{runMaster, runBackup}, []Daemon{backup, master}, nil},
		{"takeover", []Daemon{runBackup}, []Daemon{master}, []Change{start(master), stop(runBackup)}},
		{"release", []Daemon{runMaster}, []Daemon{backup}, []Change{start(backup), stop(runMaster)}},
		{"the other one too", []Daemon{runBackup}, []Daemon{master, backup}, []Change{start(master)}},
		{"one of both", []Daemon{runMaster, runBackup}, []Daemon{master}, []Change{stop(runBackup)}},
		{"none", []Daemon{runMaster, runBackup}, nil, []Change{stop(runMaster), stop(runBackup)}},
		{"another device", []Daemon{asRun(Master, "eth1", 7)}, []Daemon{master}, []Change{stop(asRun(Master, "eth1", 7)), start(master)}},
		{"another ID", []Daemon{asRun(Master, "eth0", 8)}, []Daemon{master}, []Change{stop(asRun(Master, "eth0", 8)), start(master)}},
		{"takeover with another device", []Daemon{runBackup}, []Daemon{with(func(d *Daemon) { d.Dev = "eth1" })},
			[]Change{start(with(func(d *Daemon) { d.Dev = "eth1" })), stop(runBackup)}},
		{"explicit, as the kernel chose", []Daemon{runMaster}, []Daemon{runMaster}, nil},
		{"an older kernel tells less", []Daemon{master}, []Daemon{master}, nil},
		{"shorter messages", []Daemon{runMaster}, []Daemon{with(func(d *Daemon) { d.MaxLen = 500 })},
			[]Change{stop(runMaster), start(with(func(d *Daemon) { d.MaxLen = 500 }))}},
		{"another group", []Daemon{runMaster}, []Daemon{with(func(d *Daemon) { d.Group = ip("ff02::81") })},
			[]Change{stop(runMaster), start(with(func(d *Daemon) { d.Group = ip("ff02::81") }))}},
		{"another port", []Daemon{runMaster}, []Daemon{with(func(d *Daemon) { d.Port = 9000 })},
			[]Change{stop(runMaster), start(with(func(d *Daemon) { d.Port = 9000 }))}},
		{"another TTL", []Daemon{runMaster}, []Daemon{with(func(d *Daemon) { d.TTL = 2 })},
			[]Change{stop(runMaster), start(with(func(d *Daemon) { d.TTL = 2 }))}},
		{"wanted twice", nil, []Daemon{master, asRun(Master, "eth9", 9)}, []Change{start(master)}},
	} {
		if got := Diff(tt.have, tt.want); !slices.Equal(got, tt.changes) {
			t.Errorf("%s: Diff = %v, want %v", tt.name, got, tt.changes)
		}
	}
}

// table does to daemons what the kernel does, and complains where that would refuse.
func table(t *testing.T, have []Daemon, changes []Change) []Daemon {
	t.Helper()
	now := slices.Clone(have)
	for _, c := range changes {
		_, runs := find(now, c.Daemon.Role)
		if runs == c.Start {
			t.Errorf("from %v: %v where that role runs: %t", have, c, runs)
		}
		now = slices.DeleteFunc(now, func(d Daemon) bool { return d.Role == c.Daemon.Role })
		if c.Start {
			d := c.Daemon.explicit()
			if d.MaxLen == 0 {
				d.MaxLen = 1472
			}
			now = append(now, d)
		}
	}
	return now
}

// From any state to any other: what is wanted runs and nothing else, the kernel refuses nothing, a second Diff is empty, a
// daemon that is as wanted is never touched, and a role of many is never given up before the new one has begun.
func TestDiffFromAnyStateToAny(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	some := func() (list []Daemon) {
		for _, role := range []Role{Master, Backup} {
			if r.IntN(2) == 0 {
				list = append(list, Daemon{Role: role, Dev: [...]string{"eth0", "eth1"}[r.IntN(2)], ID: uint8(r.IntN(2)), MaxLen: uint16(500 * r.IntN(2)), TTL: uint8(r.IntN(3))})
			}
		}
		return list
	}
	for range 5000 {
		have, want := table(t, nil, Diff(nil, some())), some()
		changes := Diff(have, want)
		now := table(t, have, changes)
		if again := Diff(now, want); len(again) != 0 || len(now) != len(want) {
			t.Fatalf("from %v to %v: %v gives %v, then %v", have, want, changes, now, again)
		}
		for i, c := range changes {
			if w, wanted := find(want, c.Daemon.Role); wanted && !c.Start && c.Daemon.meets(w) {
				t.Fatalf("from %v to %v: %v stops what is wanted", have, want, c)
			}
			replaced := i+1 < len(changes) && changes[i+1].Start && changes[i+1].Daemon.Role == c.Daemon.Role
			if !c.Start && !replaced && slices.ContainsFunc(changes[i:], func(c Change) bool { return c.Start }) {
				t.Fatalf("from %v to %v: %v stops before all have started", have, want, changes)
			}
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("bytes are written down for little-endian machines")
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPayload(t *testing.T) {
	for _, tt := range []struct {
		change Change
		want   string
	}{
		{Change{Start: true, Daemon: Daemon{Role: Master, Dev: "eth0", ID: 255}}, `
			09 01 0000
			2000 0380
			  0800 0100 01000000
			  0900 0200 6574683000 000000
			  0800 0300 ff000000`},
		{Change{Start: true, Daemon: Daemon{Role: Backup, Dev: "bond0.1", MaxLen: 500, Group: ip("239.1.2.3"), Port: 9000, TTL: 3}}, `
			09 01 0000
			4000 0380
			  0800 0100 02000000
			  0c00 0200 626f6e64302e3100
			  0800 0300 00000000
			  0600 0400 f401 0000
			  0800 0500 ef010203
			  0600 0700 2823 0000
			  0500 0800 03 000000`},
		{Change{Start: true, Daemon: Daemon{Role: Backup, Dev: "eth0", Group: ip("ff02::81")}}, `
			09 01 0000
			3400 0380
			  0800 0100 02000000
			  0900 0200 6574683000 000000
			  0800 0300 00000000
			  1400 0600 ff020000000000000000000000000081`},
		{Change{Daemon: asRun(Master, "eth0", 7)}, `
			0a 01 0000
			0c00 0380
			  0800 0100 01000000`},
	} {
		if got := tt.change.payload(); !slices.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%v: % x, want % x", tt.change, got, unhex(t, tt.want))
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Daemon
		ok   bool
	}{
		{`4000 0380  0800 0100 02000000  0900 0200 6574683000 000000  0800 0300 07000000  0600 0400 c005 0000
		  0600 0700 9022 0000  0500 0800 01 000000  0800 0500 e0000051`, asRun(Backup, "eth0", 7), true},
		// A kernel before 4.3; one with an attribute from the future; an ID of which only the low bits go over the wire.
		{`2000 0300  0800 0100 01000000  0900 0200 6574683000 000000  0800 0300 07000000`, Daemon{Role: Master, Dev: "eth0", ID: 7}, true},
		{`1c00 0380  0800 0100 01000000  0800 6300 01020304  0800 0300 07010000`, Daemon{Role: Master, ID: 7}, true},
		{`1c00 0380  0600 0100 0100 0000  0800 0100 01000000  0600 0300 0700 0000`, Daemon{Role: Master}, true}, // wrong lengths
		{`0c00 0380  0800 0100 03000000`, Daemon{}, false},
		{`0c00 0280  0800 0100 01000000`, Daemon{}, false},
		{`0c00 0380  0900 0100 01000000`, Daemon{}, false},
		{`0a00 0380  0800 0100 01000000`, Daemon{}, false},
		{`0300 0380`, Daemon{}, false},
		{`0400 0380`, Daemon{}, false},
		{``, Daemon{}, false},
	} {
		got, err := decode(unhex(t, tt.in))
		if (err == nil) != tt.ok || err == nil && got != tt.want {
			t.Errorf("decode(%s) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
}

// FuzzDecode: no input brings decode down, and what it understands survives being written and read again.
func FuzzDecode(f *testing.F) {
	for _, d := range []Daemon{asRun(Master, "eth0", 7), {Role: Backup, Dev: "eth0", Group: netip.IPv6Unspecified()}} {
		f.Add(Change{Start: true, Daemon: d}.payload()[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decode(b)
		if err != nil || d.Group.Is4In6() {
			return
		}
		again, err := decode(Change{Start: true, Daemon: d}.payload()[4:])
		if err != nil || again != d {
			t.Errorf("%+v became %+v, %v", d, again, err)
		}
	})
}
