package ere

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// classes are the names in [[:alpha:]].
var classes = []string{"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"}

// brackets translates [...], in which POSIX knows no escapes and a ] that comes first is itself.
func (t *translator) brackets() error {
	t.at++
	t.out.WriteByte('[')
	if t.peek() == '^' {
		t.at++
		t.out.WriteByte('^')
	}
	for first := true; first || t.peek() != ']'; first = false {
		if err := t.member(); err != nil {
			return err
		}
	}
	t.at++
	t.out.WriteByte(']')
	return nil
}

// member translates a character, a range or a class within brackets.
func (t *translator) member() error {
	if strings.HasPrefix(t.in[t.at:], "[:") {
		return t.class()
	}
	low, err := t.element()
	if err != nil {
		return err
	}
	t.literal(low)
	rest := t.in[t.at:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		return nil
	}
	t.at++
	high, err := t.element()
	if err != nil {
		return err
	}
	if high < low {
		return fmt.Errorf("range %c-%c ends before it begins", low, high)
	}
	t.out.WriteByte('-')
	t.literal(high)
	return nil
}

func (t *translator) class() error {
	name, _, ok := strings.Cut(t.in[t.at+2:], ":]")
	if !ok || !slices.Contains(classes, name) {
		return fmt.Errorf("unknown class %.12q", name)
	}
	t.at += len("[:") + len(name) + len(":]")
	t.out.WriteString("[:" + name + ":]")
	return nil
}

// element reads one character, perhaps in the form [.x.] or [=x=].
func (t *translator) element() (rune, error) {
	rest := t.in[t.at:]
	for _, mark := range []string{".", "="} {
		text, ok := strings.CutPrefix(rest, "["+mark)
		if !ok {
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if !strings.HasPrefix(text[size:], mark+"]") || size == 0 {
			return 0, errors.New("one character expected in [" + mark + "]")
		}
		t.at += size + len("[..]")
		return r, nil
	}
	if rest == "" {
		return 0, errors.New("missing ]")
	}
	r, size := utf8.DecodeRuneInString(rest)
	t.at += size
	return r, nil
}

// literal writes a character so that it is nothing but itself within the brackets of package regexp.
func (t *translator) literal(r rune) {
	if strings.ContainsRune(`\]^-[`, r) {
		t.out.WriteByte('\\')
	}
	t.out.WriteRune(r)
}
