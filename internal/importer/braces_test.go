package importer

import (
	"fmt"
	"strings"
	"testing"
)

// tree shows a parsed text in one line: words, blocks in brackets, ! before what is not to be understood by itself.
func tree(n *node) string {
	var parts []string
	for _, c := range n.children {
		s := fmt.Sprintf("%d:%s", c.line, strings.Join(c.words, "|"))
		if c.opaque {
			s = "!" + s
		}
		if c.block {
			s += "[" + tree(c) + "]"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestParseBraces(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"a b\n! c\nd # e\nf!g\n", "1:a|b 3:d 4:f"},
		{"a {\n\tb c\n}\nd\n{\ne { f }\n}\r\n", "1:a[2:b|c] 4:d[6:e[6:f]]"},
		{"a{ b }c", "1:a[1:b] 1:c"},
		{`abcd" efg h jkl "mnop` + "\n" + `abcd "efg h jkl" mnop`, "1:abcd efg h jkl mnop 2:abcd|efg h jkl|mnop"},
		{`a "b # ! { } c" 'd "e" f' ""`, `1:a|b # ! { } c|d "e" f|`},
		{`a "\t\"\\\x41z\101\c@\e"`, "1:a|\t\"\\Az" + "A\x00e"},
		{"$A=b { c\nd $A ${A}e {\n}\n", "!1:$A 2:d|$A|${A}e[]"},
		{"$A= \\\nb { \\\nc\nd\n", "!1:$A 4:d"},
		{"@x a {\nb\n}\n", "!1:@x|a[2:b]"},
		{"~SEQ(A, 1, 3) b ${A} {\nc\n}\n~LST({A, B}, {1, 2}) d\n", "!1:~SEQ(A,|1,|3)|b|${A}[2:c] !4:~LST({A,|B},|{1,|2})|d"},
	} {
		n, err := parseBraces(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := tree(n); got != tt.want {
			t.Errorf("%q:\n got %q\nwant %q", tt.text, got, tt.want)
		}
	}
}
