package probe

import (
	"strings"
	"testing"
)

func TestUnescape(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{`\`, `\`},
		{"x", "x"},
		{"OK", "OK"},
		{`GET / HTTP/1.0\r\n\r\n`, "GET / HTTP/1.0\r\n\r\n"},
		{`\t\'\"\\`, "\t'\"\\"},
		{`\\n`, `\n`},
		{`\\\n`, "\\\n"},
		{`\.\d\0\x41`, `\.\d\0\x41`},
		{`\\.`, `\.`},
		{`ends in \`, `ends in \`},
		{`\\`, `\`},
		{`\n`, "\n"},
		{`\N`, `\N`},
	}
	for _, tt := range tests {
		if got := Unescape(tt.text); got != tt.want {
			t.Errorf("Unescape(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzUnescape(f *testing.F) {
	// It goes through the text from left to right as well.
	same := strings.NewReplacer(`\\`, `\`, `\r`, "\r", `\n`, "\n", `\t`, "\t", `\'`, `'`, `\"`, `"`)
	f.Add(`a\r\n\\\.`)
	f.Fuzz(func(t *testing.T, s string) {
		got := Unescape(s)
		if len(got) > len(s) || !strings.Contains(s, `\`) && got != s {
			t.Errorf("Unescape(%q) = %q", s, got)
		}
		if want := same.Replace(s); len(s) > 1 && got != want {
			t.Errorf("Unescape(%q) = %q, want %q", s, got, want)
		}
		// Escaping every backslash must give the text back.
		if len(s) > 1 {
			if twice := Unescape(strings.ReplaceAll(s, `\`, `\\`)); twice != s {
				t.Errorf("Unescape of escaped %q = %q", s, twice)
			}
		}
	})
}
