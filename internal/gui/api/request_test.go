package api

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

const sample = "serial_no = 5\nprimary = 192.0.2.1\nvirtual web {\n  address = 192.0.2.2 eth0:1\n  server a {\n    weight = 1\n  }\n  server a {\n  }\n}\n# end\n"

func document(t *testing.T, text string) *lvscf.Document {
	t.Helper()
	d, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecode(t *testing.T) {
	for _, test := range []struct{ text, field string }{
		{`{"file":"x","edits":[{"do":"set"}]}`, "none"},
		{`{"fil":"x"}`, "fil"},
		{`{"file":1}`, "file"},
		{`{"edits":[{"do":1}]}`, "edits.do"},
		{`{"edits":[{"dont":1}]}`, "dont"},
		{`{}{}`, ""}, {``, ""}, {`nul`, ""}, {`{} x`, ""},
	} {
		var e Edits
		err := Decode(strings.NewReader(test.text), &e)
		var field *FieldError
		switch {
		case test.field == "none" && err != nil, test.field != "none" && err == nil:
			t.Errorf("%s: %v", test.text, err)
		case errors.As(err, &field) && field.Field.Field != test.field:
			t.Errorf("%s is about %q, want %q", test.text, field.Field.Field, test.field)
		}
	}
}

func TestMake(t *testing.T) {
	e := Edits{Edits: []Edit{
		{Do: "set", Virtual: "web", Server: "a", ServerNumber: 1, Key: "weight", Value: "7"},
		{Do: "set", Key: "primary", Value: "192.0.2.1"},
		{Do: "unset", Virtual: "web", Server: "a", Key: "weight"},
		{Do: "remove", Virtual: "web", Server: "a"},
		{Do: "add", Virtual: "mail"},
		{Do: "rename", Virtual: "mail", Name: "smtp"},
	}}
	d := document(t, sample)
	made, err := e.Make(d)
	if err != nil {
		t.Fatal(err)
	}
	want := "serial_no = 5\nprimary = 192.0.2.1\nvirtual web {\n  address = 192.0.2.2 eth0:1\n  server a {\n    weight = 7\n  }\n}\nvirtual smtp {\n}\n# end\n"
	if got := string(d.Bytes()); got != want || len(made) != 5 || made[0].String() != `virtual "web" server "a" (number 2 of that name) weight: (none) → 7` {
		t.Errorf("%v\n%s", made, got)
	}
}

// FuzzEdit: whatever a program says, no other key changes and no other block comes or goes.
func FuzzEdit(f *testing.F) {
	f.Add("set", "", "", "primary", "192.0.2.9\nactive_cmd = x", "")
	f.Add("set", "web", "a", "weight", "3 }", "")
	f.Add("set", "web", "", "send", `a "b" # \`, "")
	f.Add("unset", "web", "", "address", "", "")
	f.Add("add", "web", "b {", "", "", "")
	f.Add("add", "}", "", "", "", "")
	f.Add("remove", "web", "a", "", "", "")
	f.Add("rename", "web", "", "", "", "x {\n server y")
	f.Fuzz(func(t *testing.T, do, virtual, server, key, value, name string) {
		d := document(t, sample)
		before, err := d.Blocks()
		if err != nil {
			t.Fatal(err)
		}
		e := Edits{Edits: []Edit{{Do: do, Virtual: virtual, Server: server, Key: key, Value: value, Name: name}}}
		if _, err := e.Make(d); err != nil {
			return
		}
		after, err := document(t, string(d.Bytes())).Blocks()
		if err != nil {
			t.Fatalf("%v\n%s", err, d.Bytes())
		}
		switch do {
		case "add":
			if len(after) != len(before)+1 {
				t.Errorf("%d blocks\n%s", len(after), d.Bytes())
			}
		case "remove":
			if len(after) >= len(before) {
				t.Errorf("%d blocks\n%s", len(after), d.Bytes())
			}
		default:
			if len(after) != len(before) {
				t.Fatalf("%d blocks\n%s", len(after), d.Bytes())
			}
			for i := range before {
				maps.DeleteFunc(before[i].Values, func(k, _ string) bool { return k == key })
				maps.DeleteFunc(after[i].Values, func(k, _ string) bool { return k == key })
				if !maps.Equal(before[i].Values, after[i].Values) {
					t.Errorf("%s of %s changed too\n%s", key, before[i].Path, d.Bytes())
				}
			}
		}
	})
}
