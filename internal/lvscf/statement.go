package lvscf

import "strings"

// form is what a statement is.
type form uint8

const (
	formAssign form = iota + 1 // key = value, also when something of it is missing
	formOpen                   // virtual NAME {
	formClose                  // }
)

// maxTokens is one more than any statement but a list has behind its key: enough to see that there are too many.
const maxTokens = 4

// statement is one line that is neither empty nor a comment, taken apart but not yet judged.
type statement struct {
	line
	form  form
	key   token            // first word; for key=value the part before the =
	scope Scope            // kind of block, for formOpen
	equal bool             // the = is there
	first int              // offset where the tokens begin
	tok   [maxTokens]token // what follows the = or the block's keyword
	n     int              // how many there are, counted to maxTokens
}

// parse takes the line apart. It reports false for an empty line and for a comment.
func (st *statement) parse(text string, ln line) bool {
	i := skipBlanks(text, ln.start, ln.end)
	if i == ln.end || text[i] == '#' {
		return false
	}
	st.line, st.equal = ln, false
	word := skipWord(text, i, ln.end)
	switch {
	case text[i] == '}':
		st.form, st.key, st.first = formClose, token{start: i, end: word}, word
	case blockScope(text[i:word]) != 0:
		st.form, st.key, st.first = formOpen, token{start: i, end: word}, word
		st.scope = blockScope(text[i:word])
	default:
		st.parseAssign(text, i, word)
	}
	st.collect(text, readToken)
	return true
}

// parseAssign finds key and =. Only the first = splits, and it needs no blanks around it.
func (st *statement) parseAssign(text string, i, word int) {
	st.form = formAssign
	if isQuote(text[i]) {
		st.key = readToken(text, i, st.end)
		st.first = st.key.end
		return
	}
	if eq := strings.IndexByte(text[i:word], '='); eq >= 0 {
		word = i + eq
	}
	st.key = token{start: i, end: word}
	st.first = skipBlanks(text, word, st.end)
	if st.first < st.end && text[st.first] == '=' {
		st.equal = true
		st.first++
	}
	// A block's keyword with a = at its heels is a block opened wrongly, not an unknown key.
	if scope := blockScope(text[i:word]); scope != 0 {
		st.form, st.scope = formOpen, scope
	}
}

// collect reads the tokens behind st.first. A # at the start of a token begins a comment, except for the first token:
// the original, which has no trailing comments, takes "rsh_command = #x" for the value #x.
func (st *statement) collect(text string, read tokenizer) {
	st.n = 0
	for i := skipBlanks(text, st.first, st.end); i < st.end && st.n < maxTokens; i = skipBlanks(text, i, st.end) {
		if text[i] == '#' && (st.n > 0 || st.form == formClose) {
			return
		}
		t := read(text, i, st.end)
		st.tok[st.n] = t
		st.n++
		if t.mismatch {
			return
		}
		i = t.end
	}
}

// mismatch reports whether a token's quotes do not match; it is then the last one.
func (st *statement) mismatch() bool {
	return st.n > 0 && st.tok[st.n-1].mismatch || st.key.mismatch
}

// fit reads the tokens again by the original's rule if there are more than max of them or their quotes do not match, and
// that rule sees nothing wrong. The original accepts `"a" b"` as a" b: odd, but what it accepts keeps its meaning.
func (st *statement) fit(text string, max int) bool {
	if st.n <= max && !st.mismatch() {
		return true
	}
	again := *st
	again.collect(text, originalToken)
	if again.n > max || again.mismatch() {
		return st.n <= max
	}
	*st = again
	return true
}

// raw returns the tokens as they stand in the file, from the first to the last collected.
func (st *statement) raw(text string) string {
	if st.n == 0 {
		return ""
	}
	return text[st.tok[0].start:st.tok[st.n-1].end]
}

// blockScope returns the kind of block a keyword opens, 0 for any other word.
func blockScope(word string) Scope {
	switch word {
	case "virtual":
		return InVirtual
	case "failover":
		return InFailover
	case "server":
		return InServer
	}
	return 0
}
