package importer

import (
	"regexp"
	"testing"

	"github.com/piranha-lvs/piranha/internal/ere"
	"github.com/piranha-lvs/piranha/internal/probe"
)

func TestPerlPattern(t *testing.T) {
	for _, tt := range []struct {
		perl, text, ere string
		ok              bool
	}{
		{"Test Page", "Test Page", "Test Page", true},
		{`Test\.Page`, "Test.Page", `Test\.Page`, true},
		{`a\/b`, "a/b", "a/b", true},
		{`{"state":"up"}`, `{"state":"up"}`, `\{"state":"up"\}`, true},
		{"a.b", "", "a[^\n]b", true},
		{`^\d+\s\w*$`, "", "^[0-9]+[[:space:]][A-Za-z0-9_]*\n?$", true},
		{`(?:ok|ready)+?x`, "", "(ok|ready)+x", true},
		{`a{2,3}b{4}`, "", "a{2,3}b{4}", true},
		{`[^a-z\d.\]]`, "", "", false},
		{`[a-z\d\.]`, "", "[a-z0-9.]", true},
		{`\D`, "", "[^0-9]", true},
		{"", "", "", true},
		{`a(?!b)`, "", "", false},
		{`(?i)ok`, "", "", false},
		{`\bok\b`, "", "", false},
		{`(a)\1`, "", "", false},
		{`a++`, "", "", false},
		{`*a`, "", "", false},
		{`a||b`, "", "", false},
		{`(a`, "", "", false},
		{`a)`, "", "", false},
		{`a^b`, "", "", false},
		{`a$b`, "", "", false},
		{`[[:alpha:]]`, "", "", false},
		{`a{99999}`, "", "", false},
		{`caf` + "\xe9", "", "", false},
		{`a\`, "", "", false},
	} {
		p, ok := perlPattern(tt.perl)
		if ok != tt.ok || ok && (p.ere != tt.ere || p.literal && p.text != tt.text || p.literal != (tt.text != "" || tt.perl == "")) {
			t.Errorf("%q: %+v, %v", tt.perl, p, ok)
		}
	}
}

// FuzzPerlPattern compares what is accepted with Go's expressions, whose notation is Perl's, on lines without an end, of
// which the two think differently.
func FuzzPerlPattern(f *testing.F) {
	for _, s := range []string{"OK", `a.b`, `^\d+\s\w*$`, `(?:ok|ready)+?`, `a{2,3}`, `[a-z\d\.]x`, `{"a":1}`, `\$5`, `(a|b)$`, `^(^a|^b)`} {
		f.Add(s, "OK a1b ready 12 {\"a\":1} $5")
	}
	f.Fuzz(func(t *testing.T, perl, text string) {
		p, ok := perlPattern(perl)
		if !ok {
			return
		}
		want, err := regexp.Compile(perl)
		if err != nil {
			t.Skip() // Perl itself may know it
		}
		for _, c := range []byte(text) {
			if c < ' ' || c > '~' {
				return
			}
		}
		got, err := ere.Compile(probe.Unescape(escaped(p.ere)))
		if err != nil {
			t.Fatalf("%q: %q: %v", perl, p.ere, err)
		}
		if got.MatchString(text) != want.MatchString(text) {
			t.Errorf("%q as %q says %v of %q", perl, p.ere, got.MatchString(text), text)
		}
	})
}

// FuzzEscaped reads back what is written.
func FuzzEscaped(f *testing.F) {
	f.Add("a\nb\\n\"c\t\\")
	f.Fuzz(func(t *testing.T, text string) {
		if got := probe.Unescape(escaped(text)); got != text {
			t.Errorf("%q is read as %q", text, got)
		}
	})
}
