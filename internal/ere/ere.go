// Package ere compiles the extended regular expressions of POSIX (regex(7)), as the original's use_regex took them through
// regcomp(3) of the GNU library, on top of package regexp, which takes time linear in the text whatever the expression.
//
// What the two notations write alike and mean differently is translated: a backslash in brackets, \d and its like, a
// repetition of a repetition, a closing parenthesis too many. Of the GNU library's extensions, back-references are refused, and
// \< and \> match at either end of a word.
package ere

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRepeat is the largest bound of package regexp; the GNU library has 32767.
const maxRepeat = 1000

// Compile compiles an expression. As with regcomp(3) without REG_NEWLINE, . and [^x] match a line end, ^ and $ only the
// beginning and the end of the text.
func Compile(pattern string) (*regexp.Regexp, error) {
	if !utf8.ValidString(pattern) {
		return nil, errors.New("regular expression is not valid UTF-8")
	}
	t := translator{in: pattern}
	if err := t.alternatives(0); err != nil {
		return nil, fmt.Errorf("regular expression, at character %d: %w", t.at+1, err)
	}
	re, err := regexp.Compile("(?s)" + t.out.String())
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	return re, nil
}

// maxDepth is how deep groups may lie in each other.
const maxDepth = 100

// translator reads an expression from in, from at on, and writes it to out.
type translator struct {
	in  string
	at  int
	out strings.Builder
}

// peek is the next byte; 0 at the end, and a NUL cannot be told from it, nor could regcomp(3).
func (t *translator) peek() byte {
	if t.at < len(t.in) {
		return t.in[t.at]
	}
	return 0
}

// alternatives translates what lies between parentheses, or the whole: branches, of which each is a row of pieces.
func (t *translator) alternatives(depth int) error {
	if depth > maxDepth {
		return errors.New("too many groups in each other")
	}
	for first := true; t.at < len(t.in); first = false {
		switch c := t.peek(); {
		case c == ')' && depth > 0:
			return nil
		case c == '|':
			t.at++
			t.out.WriteByte('|')
			if isRepeat(t.peek()) {
				return errors.New("nothing to repeat")
			}
		case isRepeat(c) && first:
			return errors.New("nothing to repeat")
		default:
			if err := t.piece(depth); err != nil {
				return err
			}
		}
	}
	if depth > 0 {
		return errors.New("missing )")
	}
	return nil
}

func isRepeat(c byte) bool { return c == '*' || c == '+' || c == '?' || c == '{' }

// piece translates an atom and what repeats it. Each repetition is put into a group, because package regexp gives x+? and
// x** other meanings.
func (t *translator) piece(depth int) error {
	before := t.out.Len()
	if err := t.atom(depth); err != nil {
		return err
	}
	for isRepeat(t.peek()) {
		times, err := t.repeat()
		if err != nil {
			return err
		}
		whole := t.out.String()
		t.out.Reset()
		t.out.WriteString(whole[:before] + "(?:" + whole[before:] + ")" + times)
	}
	return nil
}

// repeat reads a repetition.
func (t *translator) repeat() (string, error) {
	c := t.peek()
	t.at++
	if c != '{' {
		return string(c), nil
	}
	text, _, ok := strings.Cut(t.in[t.at:], "}")
	if !ok {
		return "", errors.New("missing }")
	}
	low, high, both := strings.Cut(text, ",")
	if low == "" && both { // of the GNU library
		low = "0"
	}
	for _, n := range []string{low, high} {
		if v, err := strconv.ParseUint(n, 10, 16); n != "" && (err != nil || v > maxRepeat) || n == "" && !both && n == low {
			return "", fmt.Errorf("{%.20s}: bounds of 0 to %d expected", text, maxRepeat)
		}
	}
	t.at += len(text) + 1
	if both {
		return "{" + low + "," + high + "}", nil
	}
	return "{" + low + "}", nil
}

// atom translates one character, class or group.
func (t *translator) atom(depth int) error {
	c := t.peek()
	switch c {
	case '(':
		return t.group(depth)
	case '[':
		return t.brackets()
	case '\\':
		return t.escape()
	case '.', '^', '$':
		t.at++
		t.out.WriteByte(c)
		return nil
	}
	_, size := utf8.DecodeRuneInString(t.in[t.at:])
	t.out.WriteString(regexp.QuoteMeta(t.in[t.at : t.at+size])) // a ) without its ( as well
	t.at += size
	return nil
}

func (t *translator) group(depth int) error {
	t.at++
	t.out.WriteString("(?:")
	if err := t.alternatives(depth + 1); err != nil {
		return err
	}
	t.at++
	t.out.WriteByte(')')
	return nil
}

// escapes are the GNU library's words for package regexp.
var escapes = map[byte]string{
	'w': `[_[:alnum:]]`, 'W': `[^_[:alnum:]]`, 's': `[[:space:]]`, 'S': `[^[:space:]]`,
	'b': `\b`, 'B': `\B`, '<': `\b`, '>': `\b`, '`': `\A`, '\'': `\z`,
}

func (t *translator) escape() error {
	t.at++
	c := t.peek()
	word, known := escapes[c]
	switch {
	case t.at == len(t.in):
		return errors.New("backslash at the end")
	case c >= '1' && c <= '9':
		return errors.New("back-references are not supported")
	case known:
		t.out.WriteString(word)
		t.at++
		return nil
	}
	_, size := utf8.DecodeRuneInString(t.in[t.at:])
	t.out.WriteString(regexp.QuoteMeta(t.in[t.at : t.at+size]))
	t.at += size
	return nil
}
