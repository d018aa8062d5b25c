package importer

import (
	"strings"

	"github.com/piranha-lvs/piranha/internal/ere"
)

// pattern is a regular expression of Perl in the words of lvs.cf.
type pattern struct {
	text    string // what it matches, if it is no more than a text
	literal bool
	ere     string // POSIX extended
}

// perlPattern translates an expression of Perl whose meaning POSIX can express; it says no to all others. Only whether an
// expression matches is asked, so greed does not matter.
func perlPattern(perl string) (pattern, bool) {
	t := perlReader{in: perl, literal: true}
	if !t.read() {
		return pattern{}, false
	}
	p := pattern{t.text.String(), t.literal, t.out.String()}
	if _, err := ere.Compile(p.ere); err != nil {
		return pattern{}, false
	}
	return p, true
}

type perlReader struct {
	in      string
	at      int
	out     strings.Builder
	text    strings.Builder
	literal bool
	atom    bool // something stands before that can be repeated
	depth   int
}

// special are the characters that mean something in both notations.
const special = `.[]{}()*+?^$|\`

func (t *perlReader) read() bool {
	for t.at < len(t.in) {
		c := t.in[t.at]
		t.at++
		ok := c >= ' ' && c <= '~'
		switch c {
		case '\\':
			ok = t.escape()
		case '.':
			t.put("[^\n]", true)
		case '[':
			ok = t.brackets()
		case '*', '+', '?', '{':
			ok = t.repeat(c)
		case '(', ')', '|', '^', '$':
			ok = t.structure(c)
		default:
			t.char(c)
		}
		if !ok {
			return false
		}
	}
	return t.depth == 0
}

// put writes what is no plain text.
func (t *perlReader) put(ere string, atom bool) {
	t.out.WriteString(ere)
	t.literal, t.atom = false, atom
}

// char writes a character that stands for itself.
func (t *perlReader) char(c byte) {
	if strings.IndexByte(special, c) >= 0 {
		t.out.WriteByte('\\')
	}
	t.out.WriteByte(c)
	t.text.WriteByte(c)
	t.atom = true
}

func (t *perlReader) escape() bool {
	if t.at == len(t.in) {
		return false
	}
	c := t.in[t.at]
	t.at++
	if class := perlClass(c); class != "" {
		t.put("["+class+"]", true)
		return true
	}
	if i := strings.IndexByte("DWS", c); i >= 0 {
		t.put("[^"+perlClass("dws"[i])+"]", true)
		return true
	}
	if i := strings.IndexByte("tnr", c); i >= 0 {
		t.char("\t\n\r"[i])
		return true
	}
	if c <= ' ' || c > '~' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
		return false
	}
	t.char(c)
	return true
}

// perlClass is what \d, \w and \s stand for, to be put into brackets.
func perlClass(c byte) string {
	switch c {
	case 'd':
		return "0-9"
	case 'w':
		return "A-Za-z0-9_"
	case 's':
		return "[:space:]"
	}
	return ""
}

// brackets copies [...] up to the closing bracket.
func (t *perlReader) brackets() bool {
	var b strings.Builder
	b.WriteByte('[')
	if strings.HasPrefix(t.in[t.at:], "^") {
		b.WriteByte('^')
		t.at++
	}
	for first := true; t.at < len(t.in); first = false {
		c := t.in[t.at]
		t.at++
		switch {
		case c == ']' && !first:
			b.WriteByte(']')
			t.put(b.String(), true)
			return true
		case c == '[' || c < ' ' || c > '~': // perhaps [:alpha:]: rare enough
			return false
		case c == '\\':
			if t.at == len(t.in) {
				return false
			}
			class := perlClass(t.in[t.at])
			if class == "" && strings.IndexByte(`./?+*(){}|$"'@:;,=<>&%#~! `, t.in[t.at]) >= 0 {
				class = t.in[t.at : t.at+1]
			}
			if class == "" {
				return false
			}
			b.WriteString(class)
			t.at++
		default:
			b.WriteByte(c)
		}
	}
	return false
}

// repeat copies a repetition. One that takes as little as it can matches where the other does.
func (t *perlReader) repeat(c byte) bool {
	text := string(c)
	if c == '{' {
		rest, _, found := strings.Cut(t.in[t.at:], "}")
		if !found || strings.Trim(rest, "0123456789,") != "" || strings.Trim(rest, ",") == "" {
			t.char(c)
			return true
		}
		text += rest + "}"
		t.at += len(rest) + 1
	}
	if !t.atom || strings.HasPrefix(text, "{,") {
		return false
	}
	t.put(text, false)
	if strings.HasPrefix(t.in[t.at:], "?") {
		t.at++
	}
	return true
}

func (t *perlReader) structure(c byte) bool {
	rest := t.in[t.at:]
	begins := t.at == 1 || strings.IndexByte("(|", t.in[t.at-2]) >= 0 && (t.at < 3 || t.in[t.at-3] != '\\') || strings.HasSuffix(t.in[:t.at-1], "(?:")
	switch c {
	case '(':
		if after, ok := strings.CutPrefix(rest, "?:"); ok {
			t.at += 2
			rest = after
		}
		if strings.HasPrefix(rest, "?") || strings.HasPrefix(rest, "*") {
			return false
		}
		t.depth++
		t.put("(", false)
	case ')':
		t.depth--
		t.put(")", true)
		return t.depth >= 0 && !begins
	case '|':
		t.put("|", false)
		return !begins && rest != "" && rest[0] != ')' && rest[0] != '|'
	case '^':
		t.put("^", false)
		return begins
	case '$': // also before a line end that ends the text
		t.put("\n?$", false)
		return rest == "" || rest[0] == ')' || rest[0] == '|'
	}
	return true
}

// escaped writes a text so that send, expect and check_body, which translate escapes, have it.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, `"`, `\"`).Replace(text)
}
