package ere

import (
	"strings"
	"testing"
	"time"
)

// TestCompile: what regcomp(3) and regexec(3) of the GNU library say with REG_EXTENDED, each line tried there, but for texts that
// are not ASCII.
func TestCompile(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"^HTTP/1\\.[01] 200", "HTTP/1.1 200 OK\r\n", true},
		{"^HTTP/1\\.[01] 200", "HTTP/1x1 200 OK\r\n", false},
		{"200|302", "HTTP/1.0 302 Found", true},
		{"", "", true},
		{"a.c", "a\nc", true},
		{"^b", "a\nb", false},
		{"a$", "a\nb", false},
		{"a$", "ba", true},
		{"[^x]", "\n", true},
		{`\d`, "5", false},
		{`\d`, "d", true},
		{`\w+\s\W`, "abc -", true},
		{`\bfoo\b`, "a foo b", true},
		{`\<foo\>`, "afoo", false},
		{"^a+?$", "aaa", true}, // not lazy: (a+)?
		{"^a+?$", "", true},
		{"^(ab)**$", "abab", true},
		{"a{2}", "aa", true},
		{"^a{,2}$", "aa", true},
		{"^a{2,}$", "a", false},
		{"^a{1,2}{2}$", "aaaa", true},
		{"[]a]", "]", true},
		{"[^]a]", "]", false},
		{`[\d]`, `\`, true}, // no escapes in brackets
		{`[\d]`, "5", false},
		{"[[:digit:]]+[[:alpha:]]", "12a", true},
		{"[[:digit:]-]", "-", true},
		{"[a-]", "-", true},
		{"[+--]", ",", true},
		{"[[.-.]]", "-", true},
		{"[[=a=]b]", "a", true},
		{"[[.a.]-c]", "b", true},
		{"[[]", "[", true},
		{"[a^]", "^", true},
		{"a)", "a)", true},
		{"()", "", true},
		{"a||b", "b", true},
		{"^(a|b)*c$", "abbac", true},
		{"x]}", "x]}", true},
		{`\*\+\?\{\|\(\)\[\\\^\$\.`, `*+?{|()[\^$.`, true},
		{"é+", "éé", true},
		{"a(^b|c$)", "xac", true},
		{"(?i)a", "", false}, // refused: nothing to repeat
	} {
		re, err := Compile(tt.pattern)
		if err != nil {
			if strings.HasPrefix(tt.pattern, "(?") {
				continue
			}
			t.Errorf("Compile(%q): %v", tt.pattern, err)
			continue
		}
		if got := re.MatchString(tt.text); got != tt.want {
			t.Errorf("%q in %q: %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"*":        "at character 1: nothing to repeat", // as with the original (reference: piranha-lvs-nanny.md 3.4)
		"+a":       "at character 1: nothing to repeat",
		"a|*b":     "at character 3: nothing to repeat",
		"(*a)":     "at character 2: nothing to repeat",
		"(?i)a":    "at character 2: nothing to repeat",
		"{1}":      "at character 1: nothing to repeat",
		"(a":       "missing )",
		"[a":       "missing ]",
		"[]":       "missing ]",
		"[z-a]":    "range z-a ends before it begins",
		"[[:no:]]": `unknown class "no"`,
		"[[.ab.]]": "one character expected",
		"a{1":      "missing }",
		"a{x}":     "bounds of 0 to 1000 expected",
		"a{}":      "bounds of 0 to 1000 expected",
		"a{2,1}":   "invalid repeat count",
		"a{1001}":  "bounds of 0 to 1000 expected",
		`a\`:       "backslash at the end",
		`(a)\1`:    "back-references are not supported",
		"\xff":     "not valid UTF-8",
		strings.Repeat("(", 1000) + strings.Repeat(")", 1000): "too many groups",
		"((a{1000}){1000}){1000}":                             "invalid repeat count",
	} {
		_, err := Compile(pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%.40q) = %v, want %s", pattern, err, want)
		}
	}
}

// FuzzCompile: every expression is taken or refused, and quickly; one that is taken means the same when what it says is put
// into a group.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"^HTTP/1\\.[01] 200", "a{1,2}{2}", "[[:digit:]-]", "(a|b)*c", `\<\w+\>`, "[]a-z]"} {
		f.Add(s, "HTTP/1.1 200 abc")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 1000 {
			return
		}
		began := time.Now()
		re, err := Compile(pattern)
		if err != nil {
			return
		}
		got := re.MatchString(text)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q took %v", pattern, took)
		}
		if strings.Contains(pattern, ")") { // one too many would end the group
			return
		}
		grouped, err := Compile("(" + pattern + ")")
		if err != nil || grouped.MatchString(text) != got {
			t.Errorf("%q in %q: %v, in a group: %v", pattern, text, got, err)
		}
	})
}
