package lvscf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestGet(t *testing.T) {
	d := mustParse(t, `primary = 192.0.2.1
primary = 192.0.2.2 # the last one counts
nat_router=10.0.0.1   eth1:1
keepalive = 1 2
debug_level
rsh_command = "a b"
virtual "w b" {
  send = "GET /\r\n"
  expect = ""
  address = 192.0.2.10
  dirs = [ a "b c" ]
  server one {
    weight = x
  }
}
`)
	vs := VirtualPath("w b")
	tests := []struct {
		path  Path
		key   string
		value string
		ok    bool
	}{
		{Path{}, "primary", "192.0.2.2", true},
		{Path{}, "nat_router", "10.0.0.1 eth1:1", true},
		{Path{}, "keepalive", "1 2", true},
		{Path{}, "debug_level", "", true},
		{Path{}, "rsh_command", "a b", true},
		{Path{}, "backup", "", false},
		{vs, "send", `GET /\r\n`, true},
		{vs, "expect", "", true},
		{vs, "address", "192.0.2.10", true},
		{vs, "dirs", "a b c", true},
		{vs, "port", "", false},
		{vs.In("one"), "weight", "x", true},
	}
	for _, tt := range tests {
		if value, ok, err := d.Get(tt.path, tt.key); value != tt.value || ok != tt.ok || err != nil {
			t.Errorf("Get(%s, %s) = %q, %v, %v, want %q, %v", tt.path, tt.key, value, ok, err, tt.value, tt.ok)
		}
	}
	if _, _, err := d.Get(vs, "weight"); !errors.Is(err, ErrKey) {
		t.Errorf("a key of another block: %v", err)
	}
	if _, _, err := d.Get(VirtualPath("none"), "port"); !errors.Is(err, ErrNoBlock) {
		t.Errorf("no block: %v", err)
	}
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lvs.cf")
	d, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was set, and a file is made: %v", err)
	}
	other, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set(t, d, "primary", "192.0.2.1")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	content(t, path, "primary = 192.0.2.1\nserial_no = 1\n")
	set(t, other, "primary", "192.0.2.2")
	if err := other.Save(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Save over a file that appeared = %v", err)
	}
	set(t, d, "primary", "192.0.2.3")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if d, err = OpenFile(path); err != nil {
		t.Fatal(err)
	}
	set(t, d, "keepalive", "3")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if d, err = OpenFile(path); err != nil || string(d.Bytes()) != "keepalive = 3\nserial_no = 1\n" {
		t.Errorf("OpenFile = %q, %v", d.Bytes(), err)
	}
	if _, err := OpenFile(filepath.Dir(path)); err == nil {
		t.Error("a directory is opened")
	}
}

// TestLayout builds a file from nothing: but for the empty line it has the layout that the original's panels wrote.
func TestLayout(t *testing.T) {
	d, err := OpenFile(filepath.Join(t.TempDir(), "lvs.cf"))
	if err != nil {
		t.Fatal(err)
	}
	set(t, d, "serial_no", "1")
	set(t, d, "nat_router", "10.0.0.1 eth1:1")
	vs := VirtualPath("web")
	for _, step := range []func() error{
		func() error { return d.AddVirtual("web", Path{}) },
		func() error { return d.Set(vs, "active", "0") },
		func() error { return d.Set(vs, "send", `GET /\r\n`) },
		func() error { return d.AddServer(vs, "one") },
		func() error { return d.Set(vs.In("one"), "address", "10.0.0.2") },
		func() error { return d.AddServer(vs, "two") },
		func() error { return d.Set(vs.In("two"), "weight", "1") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	want := `serial_no = 1
nat_router = 10.0.0.1 eth1:1

virtual web {
     active = 0
     send = "GET /\r\n"
     server one {
         address = 10.0.0.2
     }
     server two {
         weight = 1
     }
}
`
	if got := string(d.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
