package lvscf

import (
	"errors"
	"strings"
	"testing"
)

// TestEdit holds edits to the byte.
func TestEdit(t *testing.T) {
	setter := func(p Path, key, value string) func(*Document) error {
		return func(d *Document) error { return d.Set(p, key, value) }
	}
	v, s := VirtualPath("v"), VirtualPath("v").In("s")
	for _, tt := range []struct {
		name, text, want string
		edit             func(*Document) error
	}{
		{"value", "keepalive = 2\n", "keepalive = 3\n", setter(Path{}, "keepalive", "3")},
		{"blanks and comment", "\t keepalive=2 \t # why\r\n", "\t keepalive=3 \t # why\r\n", setter(Path{}, "keepalive", "3")},
		{"last one counts", "keepalive = 1\nkeepalive = 2\n", "keepalive = 1\nkeepalive = 3\n", setter(Path{}, "keepalive", "3")},
		{"quotes stay", "rsh_command = 'a'\n", "rsh_command = 'b'\n", setter(Path{}, "rsh_command", "b")},
		{"quotes needed", "rsh_command = a\n", "rsh_command = \"b c\"\n", setter(Path{}, "rsh_command", "b c")},
		{"other quotes", "rsh_command = \"a\"\n", "rsh_command = 'b\" c'\n", setter(Path{}, "rsh_command", `b" c`)},
		{"empty", "rsh_command = a\n", "rsh_command = \"\"\n", setter(Path{}, "rsh_command", "")},
		{"no comment by accident", "rsh_command = a\n", "rsh_command = \"#b\"\n", setter(Path{}, "rsh_command", "#b")},
		{"same value", "rsh_command = \"a\" # x\n", "rsh_command = \"a\" # x\n", setter(Path{}, "rsh_command", "a")},
		{"no value", "keepalive =\n", "keepalive = 3\n", setter(Path{}, "keepalive", "3")},
		{"no equal", "keepalive 2 # x\n", "keepalive = 3\n", setter(Path{}, "keepalive", "3")},
		{"mismatch", "rsh_command = \"a\n", "rsh_command = b\n", setter(Path{}, "rsh_command", "b")},
		{"two words", "virtual v {\n address = 192.0.2.1  eth0:1 # x\n}\n", "virtual v {\n address = 192.0.2.2 eth1 # x\n}\n", setter(v, "address", "192.0.2.2 eth1")},
		{"list", "virtual v {\n dirs = [ a ] # x\n}\n", "virtual v {\n dirs = [ b c ] # x\n}\n", setter(v, "dirs", "b c")},
		{"empty list", "virtual v {\n dirs = [ a ]\n}\n", "virtual v {\n dirs = [ ]\n}\n", setter(v, "dirs", "[ ]")},
		{"no newline at the end", "keepalive = 2", "keepalive = 3", setter(Path{}, "keepalive", "3")},
		{"add", "# c\nkeepalive = 2\n\nvirtual v {\n}\n", "# c\nkeepalive = 2\ndeadtime = 9\n\nvirtual v {\n}\n", setter(Path{}, "deadtime", "9")},
		{"add without newline", "keepalive = 2", "keepalive = 2\ndeadtime = 9", setter(Path{}, "deadtime", "9")},
		{"add before blocks", "# file\n\n# block\nvirtual v {\n}\n", "# file\n\ndeadtime = 9\n# block\nvirtual v {\n}\n", setter(Path{}, "deadtime", "9")},
		{"add CRLF", "keepalive = 2\r\n# x\r\n", "keepalive = 2\r\ndeadtime = 9\r\n# x\r\n", setter(Path{}, "deadtime", "9")},
		{"add CR", "keepalive = 2\r", "keepalive = 2\rdeadtime = 9\r", setter(Path{}, "deadtime", "9")},
		{"add behind BOM", bom, bom + "deadtime = 9\n", setter(Path{}, "deadtime", "9")},
		{"add to block", "virtual v {\n   port = 1\n\n   server s {\n   }\n}\n", "virtual v {\n   port = 1\n   timeout = 2\n\n   server s {\n   }\n}\n", setter(v, "timeout", "2")},
		{"add to empty block", "virtual u {\n   port = 1\n}\nvirtual v {\n}\n", "virtual u {\n   port = 1\n}\nvirtual v {\n   timeout = 2\n}\n", setter(v, "timeout", "2")},
		{"add to unclosed block", "virtual v {", "virtual v {\n     timeout = 2", setter(v, "timeout", "2")},
		{"add to server", "virtual v {\n  server s {\n  }\n}\n", "virtual v {\n  server s {\n      weight = 2\n  }\n}\n", setter(s, "weight", "2")},
		{"quotes by habit", "virtual v {\n}\n", "virtual v {\n     expect = \"OK\"\n}\n", setter(v, "expect", "OK")},
		{"second of a name", "virtual v {\n}\nvirtual v {\n port = 1\n}\n", "virtual v {\n}\nvirtual v {\n port = 2\n}\n", setter(Path{Virtual: Ref{"v", 1}}, "port", "2")},
		{"unset all", "keepalive = 1\n# c\nkeepalive = 2\nx = 1\n", "# c\nx = 1\n", func(d *Document) error { return d.Unset(Path{}, "keepalive") }},
		{"unset nothing", "# c\n", "# c\n", func(d *Document) error { return d.Unset(Path{}, "keepalive") }},
		{"add virtual", "primary = 1\n", "primary = 1\n\nvirtual v {\n}\n", func(d *Document) error { return d.AddVirtual("v", Path{}) }},
		{"add close", "primary = 1\nvirtual u {\n}\n", "primary = 1\nvirtual u {\n}\nvirtual v {\n}\n", func(d *Document) error { return d.AddVirtual("v", Path{}) }},
		{"add behind", "\nvirtual u {\n}\n\nvirtual w {\n}\n", "\nvirtual u {\n}\n\nvirtual v {\n}\n\nvirtual w {\n}\n", func(d *Document) error { return d.AddVirtual("v", VirtualPath("u")) }},
		{"add behind unclosed", "virtual u {\n server s {", "virtual u {\n server s {\n }\n}\nfailover v {\n}", func(d *Document) error { return d.AddFailover("v", Path{}) }},
		{"add name with blank", "#\n", "#\n\nvirtual \"a b\" {\n}\n", func(d *Document) error { return d.AddVirtual("a b", Path{}) }},
		{"add server", "virtual v {\n  port = 1\n}\n", "virtual v {\n  port = 1\n  server s {\n  }\n}\n", func(d *Document) error { return d.AddServer(v, "s") }},
		{"add spaced server", "virtual v {\n\n  server r {\n  }\n  # end\n}\n", "virtual v {\n\n  server r {\n  }\n\n  server s {\n  }\n  # end\n}\n", func(d *Document) error { return d.AddServer(v, "s") }},
		{"remove", "# f\n\n# u\nvirtual u {\n}\n\n# v\n  # v2\nvirtual v {\n}\n\nvirtual w {\n}\n", "# f\n\n# u\nvirtual u {\n}\n\nvirtual w {\n}\n", func(d *Document) error { return d.Remove(v) }},
		{"remove the last", "virtual v {\n}\n", "\n", func(d *Document) error { return d.Remove(v) }},
		{"remove server", "virtual v {\n port = 1\n\n server s {\n }\n}\n", "virtual v {\n port = 1\n}\n", func(d *Document) error { return d.Remove(s) }},
		{"rename", "virtual v { # x\n}\n", "virtual w { # x\n}\n", func(d *Document) error { return d.Rename(v, "w") }},
		{"rename quoted", "\tvirtual\t'v'\t{\n}", "\tvirtual\t\"a b\"\t{\n}", func(d *Document) error { return d.Rename(v, "a b") }},
		{"move", "virtual u {\n}\nheartbeat = 1\n# v\nvirtual v {\n}", "# v\nvirtual v {\n}\nheartbeat = 1\nvirtual u {\n}", func(d *Document) error { return d.Move(v, 0) }},
		{"move on", "virtual v {\n}\nfailover f {\n}\n\nvirtual w {\n}\n", "virtual w {\n}\nfailover f {\n}\n\nvirtual v {\n}\n", func(d *Document) error { return d.Move(v, 1) }},
		{"move server", "virtual v {\n server r {\n }\n server q {\n }\n\n server s {\n }\n}\n", "virtual v {\n server s {\n }\n server r {\n }\n\n server q {\n }\n}\n", func(d *Document) error { return d.Move(s, 0) }},
	} {
		d := mustParse(t, tt.text)
		if err := tt.edit(d); err != nil || d.text != tt.want {
			t.Errorf("%s: %v\ngot  %q\nwant %q", tt.name, err, d.text, tt.want)
		}
	}
}

func TestEditRefuses(t *testing.T) {
	const text = "virtual v {\n\tserver s {\n\t}\n}\nvirtual w {\n}\n"
	v := VirtualPath("v")
	for _, tt := range []struct {
		name string
		text string
		want error
		edit func(*Document) error
	}{
		{"line in a value", text, ErrValue, func(d *Document) error { return d.Set(v, "expect", "a\nport = 1") }},
		{"carriage return", text, ErrValue, func(d *Document) error { return d.Set(v, "expect", "a\rport = 1") }},
		{"NUL", text, ErrValue, func(d *Document) error { return d.Set(v, "expect", "a\x00") }},
		{"both quotes", text, ErrValue, func(d *Document) error { return d.Set(v, "expect", `a" b' c`) }},
		{"no device", text, ErrValue, func(d *Document) error { return d.Set(v, "address", "192.0.2.1") }},
		{"bracket in a list", text, ErrValue, func(d *Document) error { return d.Set(v, "dirs", "a ] b") }},
		{"unknown key", text, ErrKey, func(d *Document) error { return d.Set(v, "nonsense", "1") }},
		{"key of another block", text, ErrKey, func(d *Document) error { return d.Unset(v, "weight") }},
		{"no block", text, ErrNoBlock, func(d *Document) error { return d.Set(VirtualPath("x"), "port", "1") }},
		{"no second block", text, ErrNoBlock, func(d *Document) error { return d.Remove(Path{Virtual: Ref{"v", 1}}) }},
		{"server alone", text, ErrNoBlock, func(d *Document) error { return d.Remove(Path{Server: Ref{Name: "s"}}) }},
		{"both kinds", text, ErrNoBlock, func(d *Document) error { return d.Remove(Path{Virtual: Ref{Name: "v"}, Failover: Ref{Name: "v"}}) }},
		{"the file", text, ErrNoBlock, func(d *Document) error { return d.Remove(Path{}) }},
		{"rename the file", text, ErrNoBlock, func(d *Document) error { return d.Rename(Path{}, "x") }},
		{"server in a server", text, ErrNoBlock, func(d *Document) error { return d.AddServer(v.In("s"), "t") }},
		{"behind a server", text, ErrNoBlock, func(d *Document) error { return d.AddVirtual("x", v.In("s")) }},
		{"name there", text, ErrExists, func(d *Document) error { return d.AddVirtual("w", Path{}) }},
		{"server there", text, ErrExists, func(d *Document) error { return d.AddServer(v, "s") }},
		{"rename to a name there", text, ErrExists, func(d *Document) error { return d.Rename(v, "w") }},
		{"empty name", text, ErrValue, func(d *Document) error { return d.AddServer(v, "") }},
		{"line in a name", text, ErrValue, func(d *Document) error { return d.Rename(v, "x {\n}\nvirtual y") }},
	} {
		d := mustParse(t, tt.text)
		if err := tt.edit(d); !errors.Is(err, tt.want) || d.text != tt.text {
			t.Errorf("%s: %v, want %v; text %q", tt.name, err, tt.want, d.text)
		}
	}
	d := mustParse(t, "virtual v\n port = 1\n}\n")
	var found Findings
	if err := d.Set(v, "port", "2"); !errors.As(err, &found) || found[0].Line != 1 {
		t.Errorf("Set in a broken file = %v", err)
	}
	if err := mustParse(t, text).Move(v, 2); err == nil || !strings.Contains(err.Error(), "no place 2 among 2") {
		t.Errorf("Move = %v", err)
	}
}

// Paths made from a Config lead back to the blocks it was read from.
func TestPaths(t *testing.T) {
	d := mustParse(t, "virtual v {\nserver s {\n}\nserver s {\n}\n}\nvirtual v {\n}\nfailover f {\n}\nfailover f {\nserver s {\n}\n}\n")
	cfg, _ := d.Config(Lookup{})
	p := cfg.Virtual[0].ServerPath(cfg.VirtualPath(0), 1)
	for _, tt := range []struct {
		p    Path
		want string
		line int
	}{
		{p, `virtual "v" server "s" (number 2 of that name)`, 4},
		{cfg.VirtualPath(1), `virtual "v" (number 2 of that name)`, 7},
		{cfg.FailoverPath(0), `failover "f"`, 9},
		{cfg.Failover[1].ServerPath(cfg.FailoverPath(1), 0), `failover "f" (number 2 of that name) server "s"`, 12},
		{Path{}, "global part", 0},
	} {
		o, err := d.outline()
		if err != nil {
			t.Fatal(err)
		}
		i, err := o.find(tt.p)
		if line := strings.Count(d.text[:o.blocks[i].start], "\n") + 1; err != nil || tt.p.String() != tt.want || i > 0 && line != tt.line {
			t.Errorf("%v: %v, line %d, want %s on line %d", tt.p, err, line, tt.want, tt.line)
		}
	}
}

func TestDigest(t *testing.T) {
	base := mustParse(t, "serial_no = 1\nrsh_command = ssh\nvirtual v {\n\tport = 80\n\tdirs = [ a b ]\n}\n").Digest()
	for text, same := range map[string]bool{
		bom + "# x\r\nserial_no=2\r\nrsh_command = \"ssh\"\r\nvirtual v { # x\r\nport=80\r\ndirs = [ 'a' b ] x\r\n}": true,
		"serial_no = 1\nrsh_command = ssh\nvirtual v {\n\tport = 80\n\tdirs = [ ab ]\n}\n":                           false,
		"serial_no = 1\nrsh_command = ssh\nvirtual v {\n\tport = 81\n\tdirs = [ a b ]\n}\n":                          false,
		"rsh_command = ssh\nvirtual v {\n}\nvirtual v {\n\tport = 80\n\tdirs = [ a b ]\n}\n":                         false,
		"rsh_command = ssh\nvirtual v {\n\tport = 80\n\tdirs = [ a b ]\n":                                            true,
	} {
		if got := mustParse(t, text).Digest() == base; got != same {
			t.Errorf("%q: same digest %v, want %v", text, got, same)
		}
	}
}
