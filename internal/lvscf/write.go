package lvscf

import "strings"

// A style is a way to write a word: without quotes, or with one of the two kinds.
type style byte

const (
	plain  style = 0
	double style = '"'
	single style = '\''
)

// put writes a word in a style. It reports false if it cannot be read back even by itself.
func (s style) put(word string) (string, bool) {
	if s == plain {
		return word, word != "" && !isQuote(word[0]) && word[0] != '#' && !strings.ContainsAny(word, " \t")
	}
	text := string(s) + word + string(s)
	t := readToken(text, 0, len(text))
	return text, !t.mismatch && t.end == len(text)
}

// styles returns the styles in the order they are tried.
func styles(first style) []style {
	switch first {
	case double:
		return []style{double, single, plain}
	case single:
		return []style{single, double, plain}
	}
	return []style{plain, double, single}
}

// compose writes words between two given parts of a line, so that they read back as good says. It prefers a form the
// original reads in the same way; good is asked for that first. The second result is false if there is no form at all.
func compose(before string, words []string, after string, first style, good func(line string, original bool) bool) (string, bool) {
	for _, word := range words {
		if strings.ContainsAny(word, "\n\r\x00") {
			return "", false
		}
	}
	for _, original := range []bool{true, false} {
		for _, s := range styles(first) {
			text, ok := join(words, s)
			if !ok {
				continue
			}
			if line := before + text + after; good(line, original) {
				return line, true
			}
		}
	}
	return "", false
}

// join writes words one after another: the last in the given style, those before it as simply as possible.
func join(words []string, last style) (string, bool) {
	var b strings.Builder
	for i, word := range words {
		try := styles(plain)
		if i == len(words)-1 {
			try = []style{last}
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		done := false
		for _, s := range try {
			if text, ok := s.put(word); ok {
				b.WriteString(text)
				done = true
				break
			}
		}
		if !done {
			return "", false
		}
	}
	return b.String(), true
}

// reads reports whether a line holds exactly these words behind its key or block keyword.
func reads(text string, f form, key string, words []string, original bool) bool {
	all := newLines(text)
	ln, ok := all.next()
	var st statement
	if !ok || ln.end != len(text) || !st.parse(text, ln) || st.form != f || st.key.value(text) != key {
		return false
	}
	if original {
		st.collect(text, originalToken)
	}
	if st.mismatch() || st.n != len(words) || f == formAssign && !st.equal {
		return false
	}
	for i, word := range words {
		if st.tok[i].value(text) != word {
			return false
		}
	}
	return true
}

// readsList is reads for a list; words are without the brackets.
func readsList(text, key string, words []string) bool {
	all := newLines(text)
	ln, ok := all.next()
	var st statement
	if !ok || ln.end != len(text) || !st.parse(text, ln) || st.form != formAssign || st.key.value(text) != key || !st.equal {
		return false
	}
	items, _, ok := readList(text, st.first, st.end)
	if !ok || len(items) != len(words) {
		return false
	}
	for i := range items {
		if items[i] != words[i] {
			return false
		}
	}
	return true
}
