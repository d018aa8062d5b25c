package lvscf

import "testing"

// valueTable is table 1.3 of the reference: what stands behind "key =", the value here, and whether the original reads
// the same. code is this suite's where it refuses.
var valueTable = []struct {
	text     string
	want     string
	code     Code
	original bool
}{
	{`"abc"`, `abc`, 0, true},
	{`"abc def"`, `abc def`, 0, true},
	{`""`, ``, 0, true},
	{`''`, ``, 0, true},
	{`'a "b" c'`, `a "b" c`, 0, true},
	{`"a\"b"`, `a\"b`, 0, true},
	{`"a b\"c"`, `a b\"c`, 0, false},
	{`"a b\""`, `a b\"`, 0, false},
	{`"abc" `, `abc`, 0, false},
	{`"abc def" `, `abc def`, 0, true},
	{`"abc"x`, ``, CodeQuotes, false},
	{`"abc" "x"`, ``, CodeTooMany, false},
	{`"abc`, ``, CodeQuotes, false},
	{`"`, ``, CodeQuotes, false},
	{`'`, ``, CodeQuotes, false},
	{`a"b`, `a"b`, 0, true},
	{`abc`, `abc`, 0, true},
	{`a b`, ``, CodeTooMany, false},
	{`"a\"`, `a\`, 0, true},
	{`"a b\"`, `a b\`, 0, true},
	{`"a b\" `, `a b\`, 0, true},
	{`"a\\"`, `a\\`, 0, true},
	{`"abc"x"`, `abc"x`, 0, true},
	{`"abc" def"`, `abc" def`, 0, true},
	{`"a" b\"`, `a" b\`, 0, true},
	{`#foo`, `#foo`, 0, true},
	{`#`, `#`, 0, true},
	{`# foo`, ``, CodeTooMany, false},
	{`x # foo`, `x`, 0, false},
	{`x#foo`, `x#foo`, 0, true},
	{`"x" # foo "y"`, `x`, 0, false},
	{`"x y"	# it's`, `x y`, 0, false},
	{"\"a\vb\"", "a\vb", 0, true},
	{"a\fb", "a\fb", 0, true},
	{`==`, `==`, 0, true},
	{`{`, `{`, 0, true},
	{`\"`, `\"`, 0, true},
}

func TestValue(t *testing.T) {
	for _, tt := range valueTable {
		d := mustParse(t, "rsh_command = "+tt.text+"\n")
		cfg, found := d.Config(Lookup{})
		switch {
		case tt.code != 0:
			if len(found) != 1 || found[0].Code != tt.code {
				t.Errorf("%s: want code %d, got:\n%v", tt.text, tt.code, found)
			}
		case len(found) > 0 || cfg.RshCommand != tt.want:
			t.Errorf("%s: value %q, want %q\n%v", tt.text, cfg.RshCommand, tt.want, found)
		}
		if got := len(d.Original()) == 0; got != tt.original {
			t.Errorf("%s: the original accepts it: %v, want %v", tt.text, got, tt.original)
		}
	}
}

// Blanks around the = are an extension; only the first = splits.
func TestAssignWithoutBlanks(t *testing.T) {
	for text, want := range map[string]string{
		"rsh_command=ssh": "ssh", "rsh_command =ssh": "ssh", "rsh_command= ssh": "ssh", "\trsh_command\t=\tssh\t": "ssh",
		"rsh_command=a=b": "a=b", "rsh_command==": "=", "rsh_command='a b'": "a b", "rsh_command=#x": "#x", "rsh_command=x#y": "x#y",
		bom + "rsh_command=ssh": "ssh",
	} {
		cfg, found := mustParse(t, text).Config(Lookup{})
		if len(found) > 0 || cfg.RshCommand != want {
			t.Errorf("%q: value %q, want %q\n%v", text, cfg.RshCommand, want, found)
		}
	}
}

func TestLineEnds(t *testing.T) {
	for _, text := range []string{
		"# c\nserial_no = 3\n\nkeepalive = 4\n", "# c\r\nserial_no = 3\r\n\r\nkeepalive = 4\r\n", "# c\rserial_no = 3\r\rkeepalive = 4",
		"# c\nserial_no = 3\r\n\rkeepalive = 4",
	} {
		cfg, found := mustParse(t, text+" 5").Config(Lookup{})
		if cfg.SerialNo != 3 || len(found) != 1 || found[0].Line < 4 {
			t.Errorf("%q: serial_no %d, findings:\n%v", text, cfg.SerialNo, found)
		}
	}
}
