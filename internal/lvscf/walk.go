package lvscf

import (
	"fmt"
	"strconv"
	"strings"
)

// A visitor is shown the statements of a text, each at its place in the blocks.
type visitor interface {
	// assign is a statement that is neither the beginning nor the end of a block, perhaps not a sound one.
	assign(st *statement)
	// open begins a block; stray says that it stands where such a block cannot be.
	open(st *statement, name token, stray bool)
	// shut ends the innermost block. st is its closing brace, nil where that is missing.
	shut(st *statement)
	// structural reports something wrong with the blocks themselves. It comes before the open or shut it is about.
	structural(p structural)
}

// structural is a finding about blocks.
type structural struct {
	severity   Severity
	line       int
	code       Code
	key        string
	text, hint string
	outside    bool // about a block as a whole: name no block but the one in key
}

// frame is an open block.
type frame struct {
	scope Scope
	line  int
	name  string
}

// walker follows the blocks of a text. They are at most two deep, so nothing recurses.
type walker struct {
	text  string
	v     visitor
	st    statement
	stack [levels - 1]frame
	depth int
	// doubtful says that an opening line was not sound, so that what looks wrong with later braces may be sound: one
	// mistake is reported once.
	doubtful    bool
	expectBrace bool // the last line opened a block without a {
}

// walk shows v every statement of text. Mistakes in the block structure are reported and then read as they were most
// likely meant.
func walk(text string, v visitor) {
	w := walker{text: text, v: v}
	all := newLines(text)
	for ln, ok := all.next(); ok; ln, ok = all.next() {
		if !w.st.parse(text, ln) {
			continue
		}
		if w.expectBrace && w.loneBrace() {
			w.expectBrace = false
			continue
		}
		w.expectBrace = false
		switch w.st.form {
		case formAssign:
			v.assign(&w.st)
		case formOpen:
			w.open()
		case formClose:
			w.close()
		}
	}
	w.finish()
}

// loneBrace reports whether the line is just a {, the one missing on the line before.
func (w *walker) loneBrace() bool {
	return w.st.form == formAssign && w.text[w.st.key.start:w.st.key.end] == "{" && !w.st.equal && w.st.n == 0
}

// open handles the first line of a block.
func (w *walker) open() {
	st := &w.st
	name, p, empty := w.opening()
	if p.text != "" {
		w.v.structural(p)
		w.doubtful = true
	}
	if p.text == "" && st.scope != InServer && w.depth == 0 {
		w.doubtful = false // here the blocks are clear again
	}
	stray := false
	switch {
	case st.scope != InServer && w.depth > 0:
		w.misplaced(p.text != "", "a "+keyword(st.scope)+" block cannot stand inside another block")
		for w.depth > 0 {
			w.leave(nil)
		}
	case st.scope == InServer && w.depth > 0 && w.stack[w.depth-1].scope == InServer:
		w.misplaced(p.text != "", "a server block cannot stand inside another one")
		w.leave(nil)
		stray = w.depth == 0
	case st.scope == InServer && w.depth == 0:
		stray = true
		if p.text == "" && !w.doubtful {
			w.v.structural(structural{severity: Error, line: st.no, code: CodeUnknown, key: "server",
				text: "a server block belongs into a virtual or failover block"})
		}
	}
	w.v.open(st, name, stray)
	w.stack[w.depth] = frame{scope: st.scope, line: st.no, name: name.value(w.text)}
	w.depth++
	if empty {
		w.leave(st)
	}
}

// misplaced reports a block that begins before another has ended, unless something was reported on this line already
// or the blocks are in doubt.
func (w *walker) misplaced(reported bool, text string) {
	if reported || w.doubtful {
		return
	}
	f := w.stack[w.depth-1]
	w.v.structural(structural{severity: Error, line: w.st.no, code: CodeUnknown, key: keyword(w.st.scope), text: text,
		hint: fmt.Sprintf("is the } of %s %s (line %d) missing?", keyword(f.scope), quoteName(f.name), f.line)})
}

// opening judges the first line of a block: NAME and {, nothing else. empty says that the line closes the block too.
func (w *walker) opening() (name token, p structural, empty bool) {
	st := &w.st
	name = token{start: st.key.end, end: st.key.end}
	if st.n > 0 {
		name = st.tok[0]
	}
	p = structural{severity: Error, line: st.no, key: keyword(st.scope)}
	write := "write " + p.key + " NAME {"
	sound := !st.equal && st.fit(w.text, 2) && st.n == 2 && !st.mismatch()
	switch {
	case sound && w.text[st.tok[1].start:st.tok[1].end] == "{":
		if name = st.tok[0]; name.value(w.text) != "" {
			return name, structural{}, false
		}
		p.code, p.text, p.hint = CodeMissing, "missing arguments: the name is empty", write
		return name, p, false
	case st.mismatch():
		p.code, p.text, p.hint = CodeQuotes, "quotation mismatch", write
	case st.equal || st.n > 2:
		p.code, p.text, p.hint = CodeTooMany, "unexpected arguments", write+", and each key on a line of its own"
	default:
		p.code, p.text, p.hint = CodeMissing, "missing arguments", write+" on one line"
	}
	rest := strings.TrimRight(w.text[st.first:st.end], " \t")
	w.expectBrace = !strings.Contains(rest, "{")
	if v := name.value(w.text); name.quote == 0 && strings.HasSuffix(v, "{") {
		name.end--
	}
	return name, p, strings.HasSuffix(rest, "}") && !w.expectBrace
}

// close handles a line that begins with }.
func (w *walker) close() {
	st := &w.st
	word := w.text[st.key.start:st.key.end]
	closes := len(word) - len(strings.TrimLeft(word, "}"))
	switch {
	case w.depth == 0:
		if !w.doubtful {
			w.v.structural(structural{severity: Error, line: st.no, code: CodeUnknown, key: word,
				text: "unknown command", hint: "no block is open here"})
		}
		return
	case word != "}" && !strings.HasPrefix(word, "}#"):
		w.v.structural(structural{severity: Error, line: st.no, code: CodeUnknown, key: word,
			text: "unknown command", hint: "write each } on a line of its own"})
	case word != "}" || st.n > 0:
		w.v.structural(structural{severity: Warning, line: st.no, code: CodeTooMany, key: "}",
			text: "unexpected arguments: the text after } is ignored"})
	}
	for ; closes > 0 && w.depth > 0; closes-- {
		w.leave(st)
	}
}

// leave ends the innermost block; st is nil if its } is missing.
func (w *walker) leave(st *statement) {
	w.depth--
	w.v.shut(st)
}

// finish ends the blocks still open at the end of the text.
func (w *walker) finish() {
	for w.depth > 0 {
		f := w.stack[w.depth-1]
		if !w.doubtful {
			w.v.structural(structural{severity: Warning, line: f.line, code: CodeEnd, outside: true,
				key: keyword(f.scope) + " " + quoteName(f.name), text: "unexpected end of file: the block is never closed", hint: "add its }"})
		}
		w.leave(nil)
	}
}

// keyword is the word that opens a kind of block.
func keyword(s Scope) string {
	switch s {
	case InVirtual:
		return "virtual"
	case InFailover:
		return "failover"
	}
	return "server"
}

// quoteName shows a block's name in a message.
func quoteName(name string) string { return strconv.Quote(clip(name)) }
