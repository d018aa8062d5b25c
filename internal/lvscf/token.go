package lvscf

// token is one word of a line, by offsets into the text. A quoted token includes its quotes.
type token struct {
	start, end int
	quote      byte // '"' or '\'', 0 for a plain word
	mismatch   bool // the quotes do not match; end is then the end of the line
}

// value returns the token's text without its quotes. Backslashes stay: nanny(8) interprets them.
func (t token) value(text string) string {
	if t.quote != 0 && !t.mismatch {
		return text[t.start+1 : t.end-1]
	}
	return text[t.start:t.end]
}

// isBlank reports whether c separates words: space and tab do, nothing else does.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isQuote(c byte) bool { return c == '"' || c == '\'' }

// skipBlanks returns the offset of the first byte in text[i:end] that is not blank, or end.
func skipBlanks(text string, i, end int) int {
	for i < end && isBlank(text[i]) {
		i++
	}
	return i
}

// skipWord returns the offset of the first blank in text[i:end], or end.
func skipWord(text string, i, end int) int {
	for i < end && !isBlank(text[i]) {
		i++
	}
	return i
}

// A tokenizer reads the token that starts at text[i], which is not blank; end is the end of the line.
type tokenizer func(text string, i, end int) token

// readToken is the tokenizer of this suite. A quoted token ends at the first matching quote that is not escaped and
// stands before a blank or the end of the line; failing that, at an escaped quote that ends the line, because the
// original, which knows no escapes, accepts "a\" as a\.
func readToken(text string, i, end int) token {
	if !isQuote(text[i]) {
		return token{start: i, end: skipWord(text, i, end)}
	}
	t := token{start: i, end: end, quote: text[i], mismatch: true}
	for j := i + 1; j < end; j++ {
		switch text[j] {
		case '\\':
			j++
			if j < end && text[j] == t.quote && skipBlanks(text, j+1, end) == end {
				t.end, t.mismatch = j+1, false
			}
		case t.quote:
			if j+1 == end || isBlank(text[j+1]) {
				return token{start: i, end: j + 1, quote: t.quote}
			}
		}
	}
	return t
}

// originalToken is the tokenizer of the original: it looks for the closing quote only behind the first blank, and the
// token must end with a quote, wherever that came from. A lone quote was accepted there and corrupted memory.
func originalToken(text string, i, end int) token {
	word := skipWord(text, i, end)
	if !isQuote(text[i]) {
		return token{start: i, end: word}
	}
	t := token{start: i, end: end, quote: text[i]}
	if j := indexFrom(text[:end], word, t.quote); j < end {
		t.end = j + 1
	}
	t.mismatch = t.end-t.start < 2 || text[t.end-1] != t.quote
	if t.mismatch {
		t.end = end
	}
	return t
}
