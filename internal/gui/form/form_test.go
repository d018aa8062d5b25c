package form

import (
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

func document(t testing.TB, text string) *lvscf.Document {
	t.Helper()
	d, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// all are the panels, each with a block of text that it edits.
func all() map[string]struct {
	panel Panel
	at    lvscf.Path
} {
	type form = struct {
		panel Panel
		at    lvscf.Path
	}
	web := lvscf.VirtualPath("web")
	return map[string]form{
		"global": {Global(), lvscf.Path{}}, "redundancy": {Redundancy(true), lvscf.Path{}},
		"virtual": {Virtual(), web}, "scripts": {Scripts(), web}, "real": {Real(), web.In("a")},
	}
}

const text = "primary = 192.0.2.1\nvirtual web {\n  server a {\n  }\n}\n"

// TestKeys: every field stands for a key that its block has, its choices are words that the key takes, and what the panel
// shows for an absent key is what counts then.
func TestKeys(t *testing.T) {
	for name, f := range all() {
		d := document(t, text)
		values, err := f.panel.Load(d, f.at)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seen := map[string]bool{}
		f.panel.fields(func(field *Field) {
			if seen[field.Name] {
				t.Errorf("%s has two fields %s", name, field.Name)
			}
			seen[field.Name] = true
			if field.Key == "" {
				return
			}
			before, _ := d.Config(lvscf.Lookup{})
			for _, c := range field.Choices {
				if c.Value == "" {
					continue
				}
				if _, err := Set(d, f.at, field.Key, c.Value); err != nil {
					t.Errorf("%s %s = %s: %v", name, field.Name, c.Value, err)
				}
				if _, found := d.Config(lvscf.Lookup{}); len(found.Errors()) > 0 && !strings.Contains(found.Error(), "tunnel") && !strings.Contains(found.Error(), "check") {
					t.Errorf("%s %s = %s: %v", name, field.Name, c.Value, found)
				}
			}
			if field.Absent != "" {
				if _, err := Set(d, f.at, field.Key, field.Absent); err != nil {
					t.Errorf("%s %s: %v", name, field.Name, err)
				}
				if after, _ := d.Config(lvscf.Lookup{}); before.Network != after.Network || before.MonitorLinks != after.MonitorLinks || before.SyncDaemon != after.SyncDaemon ||
					before.Virtual[0].Protocol != after.Virtual[0].Protocol || before.Virtual[0].Scheduler != after.Virtual[0].Scheduler ||
					before.Virtual[0].LoadMonitor != after.Virtual[0].LoadMonitor || before.Virtual[0].Quiesce != after.Virtual[0].Quiesce ||
					before.Virtual[0].UseRegex != after.Virtual[0].UseRegex {
					t.Errorf("%s %s: without the key it is not %s", name, field.Name, field.Absent)
				}
			}
			_, _ = Set(d, f.at, field.Key, "")
		})
		if again, _ := f.panel.Load(d, f.at); len(again) != len(values) {
			t.Errorf("%s: %v", name, again)
		}
	}
}

func TestDecode(t *testing.T) {
	p := Global()
	file := Values{"PriLVSIP": "192.0.2.1", "network": "nat", "nat_nmask": "255.255.255.0"}
	v, errs := p.Decode(map[string][]string{"PriLVSIP": {"  192.0.2.2 "}, "nat_nmask": {"Unused"}, "unknown": {"x"}}, file)
	if len(errs) > 0 || v["PriLVSIP"] != "192.0.2.2" || v["nat_nmask"] != "" || v["network"] != "nat" || v["unknown"] != "" {
		t.Errorf("%v, %v", v, errs)
	}
	for _, bad := range []string{"a\nb", "a\rb", "a\x00", "\t", "a\x7f", "\xff", "\u2029", strings.Repeat("x", MaxValue+1)} {
		v, errs := p.Decode(map[string][]string{"PriLVSIP": {bad}}, file)
		if errs["PriLVSIP"] == "" || len(v["PriLVSIP"]) > MaxValue {
			t.Errorf("%.20q: %v", bad, errs)
		}
	}
	r := Redundancy(false)
	for sent, want := range map[string]string{"0": "0", "1": "1", "": "0", "on": "1"} {
		if v, _ := r.Decode(map[string][]string{"monitor_links": {"0", sent}}, Values{}); v["monitor_links"] != want {
			t.Errorf("tick %q = %q", sent, v["monitor_links"])
		}
	}
}

func TestFresh(t *testing.T) {
	a := lvscf.Finding{Line: 1, Key: "a", Text: "x"}
	moved, other := a, a
	moved.Line, other.Text = 5, "y"
	if got := Fresh(lvscf.Findings{a}, lvscf.Findings{moved, other}); len(got) != 1 || got[0] != other {
		t.Errorf("Fresh = %v", got)
	}
	if got := Fresh(lvscf.Findings{a}, lvscf.Findings{a, moved}); len(got) != 1 {
		t.Errorf("a second one like the first is not new: %v", got)
	}
}

func TestPlace(t *testing.T) {
	errs, rest := Virtual().Place(lvscf.Findings{
		{Block: `virtual "web"`, Key: "port", Text: "not a port"},
		{Block: `virtual "web"`, Key: "port", Text: "again", Hint: "do this"},
		{Block: `virtual "web"`, Key: "hash_me", Text: "unknown"},
		{Block: `virtual "web"`, Text: "no address"},
		{Block: `virtual "mail"`, Key: "port", Text: "not a port"},
	}, `virtual "web"`)
	if errs["port"] != "Not a port. Again: do this." || strings.Join(rest, "|") != `hash_me: Unknown.|No address.|virtual "mail" port: Not a port.` {
		t.Errorf("%q, %q", errs, rest)
	}
}

// FuzzApply: whatever a browser sends for a field, the file gets that value for that key or nothing, and no other key changes.
func FuzzApply(f *testing.F) {
	f.Add("global", "PriLVSIP", "192.0.2.9\nactive_cmd = x")
	f.Add("virtual", "hostname", "a {")
	f.Add("virtual", "address", "1 2 3")
	f.Add("scripts", "send", `a "b" 'c' \`)
	f.Add("real", "name", "}")
	f.Add("real", "weight", "# 1")
	f.Fuzz(func(t *testing.T, which, field, value string) {
		form, ok := all()[which]
		if !ok {
			return
		}
		d := document(t, "primary = 192.0.2.1\nnat_router = 10.0.0.1 eth1:1\nvirtual web {\n  address = 192.0.2.2 eth0:1\n  server a {\n  }\n}\n# end\n")
		file, err := form.panel.Load(d, form.at)
		if err != nil {
			t.Fatal(err)
		}
		values, errs := form.panel.Decode(map[string][]string{field: {value}}, file)
		if len(errs) > 0 {
			return
		}
		at, changes, errs := form.panel.Apply(d, form.at, values)
		if len(errs) > 0 {
			return
		}
		if len(changes) > 1 {
			t.Errorf("%q changes %v", value, changes)
		}
		now, err := form.panel.Load(d, at)
		if err != nil {
			t.Fatalf("%q: %v\n%s", value, err, d.Bytes())
		}
		for name, old := range file {
			want := old
			if name == field {
				want = values[name]
			}
			expected := name == field && (now[name] == "0" || file[name] != "" && values[name] == "")
			if now[name] != want && name != "hostname" && name != "name" && !expected {
				t.Errorf("%s = %q: %s is %q, want %q\n%s", field, value, name, now[name], want, d.Bytes())
			}
		}
		cfg, _ := d.Config(lvscf.Lookup{})
		if len(cfg.Virtual) != 1 || len(cfg.Virtual[0].Servers) != 1 || cfg.ActiveCmd != "" {
			t.Errorf("%s = %q made other blocks:\n%s", field, value, d.Bytes())
		}
	})
}
