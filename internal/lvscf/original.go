package lvscf

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// Original returns every line that the original would refuse, as errors, and those it would read differently, as
// warnings: for a pair of directors one of which still runs it. The codes are those it would report. Names of hosts and
// services are taken to be known.
func (d *Document) Original() Findings {
	o := &originalReader{text: d.text, scopes: []Scope{InGlobal}}
	o.found.file = d.name
	o.bytes()
	walk(d.text, o)
	o.privates()
	return o.found.result()
}

// maxOriginalTokens is how many words of a line the original reads; the others are dropped silently.
const maxOriginalTokens = 99

// originalReader is a visitor that reads each line again by the original's rules (see the tables of the reference in
// lvs.cf(5), EXTENSIONS).
type originalReader struct {
	text   string
	found  collector
	scopes []Scope
	names  []string

	global  originalGlobal
	service originalService // the one that is open
}

// bytes judges what is not about a single line: line ends and the byte-order mark.
func (o *originalReader) bytes() {
	if strings.HasPrefix(o.text, bom) {
		o.report(Error, 1, "", problem{CodeUnknown, "a byte-order mark: the original takes it for part of the first word", "save the file without it"})
	}
	lf := strings.IndexByte(o.text, '\n')
	if lf < 0 {
		return
	}
	cr := strings.IndexByte(o.text[lf:], '\r') // one before any LF ends a line there as here
	if cr < 0 {
		return
	}
	line, all := 0, newLines(o.text)
	for ln, ok := all.next(); ok && ln.start <= lf+cr; ln, ok = all.next() {
		line = ln.no
	}
	text := "a carriage return: the original takes everything before it for one line"
	if strings.HasSuffix(o.text[:lf], "\r") {
		line, text = 1, "lines end with CR LF: the original reads only the first one"
	}
	o.report(Error, line, "", problem{0, text, "end lines with LF"})
}

func (o *originalReader) report(s Severity, line int, key string, p problem) {
	if !o.found.room(s, line) {
		return
	}
	o.found.add(Finding{Line: line, Block: strings.Join(o.names, " "), Key: key, Severity: s, Code: p.code, Text: p.text, Hint: p.hint})
}

// structural takes over what has no statement of its own: a } where no block is open.
func (o *originalReader) structural(p structural) {
	if len(o.names) == 0 && strings.HasPrefix(p.key, "}") {
		o.report(p.severity, p.line, p.key, problem{p.code, p.text, p.hint})
	}
}

func (o *originalReader) assign(st *statement) {
	in := o.scopes[len(o.scopes)-1]
	severity, p := o.judge(st, in)
	if p.text != "" {
		o.report(severity, st.no, st.key.value(o.text), p)
	}
	o.note(st, in)
}

func (o *originalReader) open(st *statement, name token, _ bool) {
	words, ok := o.words(st)
	in := o.scopes[len(o.scopes)-1]
	p := problem{}
	switch {
	case !ok:
		p = problem{CodeQuotes, "quotation mismatch", "write the name without quotes"}
	case words[0] != keyword(st.scope) || (st.scope == InServer) != (in&inService != 0) || st.scope != InServer && in != InGlobal:
		p = problem{CodeUnknown, "unknown command", ""}
	case len(words) < 3 || len(words) == 3 && words[2] != "{":
		p = problem{CodeMissing, "missing arguments", "write " + words[0] + " NAME {"}
	case len(words) > 3:
		p = problem{CodeTooMany, "unexpected arguments", "put comments on lines of their own"}
	}
	if p.text != "" {
		o.report(Error, st.no, keyword(st.scope), p)
	}
	if st.scope != InServer {
		o.service = originalService{}
	}
	o.scopes = append(o.scopes, st.scope)
	o.names = append(o.names, keyword(st.scope)+" "+quoteName(name.value(o.text)))
}

func (o *originalReader) shut(st *statement) {
	if st != nil && st.form == formClose {
		if _, ok := o.words(st); !ok {
			o.report(Error, st.no, "}", problem{CodeQuotes, "quotation mismatch", "write nothing behind the }"})
		} else if o.text[st.key.start:st.key.end] != "}" {
			o.report(Error, st.no, "}", problem{CodeUnknown, "unknown command", "write nothing behind the }"})
		}
	}
	if o.scopes[len(o.scopes)-1]&inService != 0 {
		o.portName()
	}
	o.scopes, o.names = o.scopes[:len(o.scopes)-1], o.names[:len(o.names)-1]
}

// words cuts a line as the original does. It reports false for mismatched quotes.
func (o *originalReader) words(st *statement) ([]string, bool) {
	var words []string
	for i := skipBlanks(o.text, st.start, st.end); i < st.end && len(words) < maxOriginalTokens; i = skipBlanks(o.text, i, st.end) {
		t := originalToken(o.text, i, st.end)
		if t.mismatch {
			return words, false
		}
		words = append(words, t.value(o.text))
		i = t.end
	}
	return words, true
}

// judge applies the original's tests in its order.
func (o *originalReader) judge(st *statement, in Scope) (Severity, problem) {
	words, ok := o.words(st)
	if !ok {
		return Error, problem{CodeQuotes, "quotation mismatch", "quote only values with blanks, and write nothing behind the closing quote"}
	}
	i := findKey(in, words[0])
	if i < 0 || keys[i].Extension {
		return Error, problem{CodeUnknown, "unknown command", o.unknownHint(st, in, words[0])}
	}
	k := &keys[i]
	values := words[min(2, len(words)):]
	wanted := 1
	if k.Kind == Floating {
		wanted = 2
	}
	switch {
	case len(words) < 2 || words[1] != "=":
		return Error, problem{CodeEqual, "equal (=) expected after command", "write blanks around the ="}
	case len(values) < wanted:
		return Error, problem{CodeMissing, "missing arguments", ""}
	case k.Kind == List:
		if values[0] != "[" || !slices.Contains(values, "]") {
			return Error, problem{CodeList, "list expected", fmt.Sprintf("the original reads %d words of a line", maxOriginalTokens)}
		}
		return 0, problem{}
	case len(values) > wanted:
		hint := ""
		if strings.HasPrefix(values[wanted], "#") {
			hint = "put comments on lines of their own"
		}
		return Error, problem{CodeTooMany, "unexpected arguments", hint}
	}
	if p := originalValue(k, values[0]); p.text != "" {
		return Error, p
	}
	return originalDoubt(k, st, values[0])
}

// unknownHint says what to do about a line whose first word the original does not know.
func (o *originalReader) unknownHint(st *statement, in Scope, word string) string {
	switch {
	case len(o.found.errors) == maxFindings:
		return "" // it would not be kept
	case findKey(in, word) >= 0:
		return word + " is an extension"
	case st.equal && word != st.key.value(o.text):
		return "write blanks around the ="
	}
	return suggest(in, word)
}

// originalValue converts a value as the original does, names taken for known.
func originalValue(k *Key, text string) problem {
	_, err := scalar.Int(text)
	number := err == nil || errors.Is(err, scalar.ErrRange)
	_, v4 := inetAton(text)
	switch k.Kind {
	case Integer, Boolean, Seconds, Time:
		switch {
		case !number:
			return problem{CodeInteger, "integer expected", "the original knows whole seconds only, without a unit"}
		case errors.Is(err, scalar.ErrRange):
			return problem{0, "the original cuts this number to 32 bits", ""}
		case k.Kind == Boolean && readNumber(k, &value{text: text}).code != 0:
			return problem{CodeBoolean, "boolean expected", ""}
		}
	case Port:
		if !number && k.In == InServer {
			return problem{CodeInteger, "integer expected", "the original knows service names only for virtual servers"}
		}
	case Host, Floating:
		if strings.Contains(text, ":") {
			return problem{CodeArgument, "invalid argument", "the original knows no IPv6"}
		}
		if addr, _ := inetAton(text); v4 && k.nonzero && addr.IsUnspecified() {
			return problem{CodeHost, "invalid host name or ip address", ""}
		}
	case Address:
		if !v4 {
			return problem{CodeHost, "invalid host name or ip address", "the original knows IPv4 addresses only"}
		}
	case Mask:
		if !v4 && k.Name != "pmask" {
			return problem{CodeMask, "bad subnet mask", "write a dotted mask"}
		}
	case Choice:
		if !slices.Contains(k.Choices, text) || slices.Contains(k.Newer, text) {
			known := slices.DeleteFunc(slices.Clone(k.Choices), func(word string) bool { return slices.Contains(k.Newer, word) })
			return problem{CodeArgument, "invalid argument", "the original knows " + strings.Join(known, ", ")}
		}
	}
	return problem{}
}

// originalDoubt finds what the original accepts and takes for something else.
func originalDoubt(k *Key, st *statement, text string) (Severity, problem) {
	switch m, _, _ := parseMask(text); {
	case k.Kind == Mask && m.bits > 0 && !m.dotted:
		return Error, problem{CodeMask, "the original takes a prefix length for an address", "write a dotted mask"}
	case k.Kind == Mask && !m.dotted && m.bits == 0 && text != "0":
		return Warning, problem{0, "the original ignores this mask silently", ""}
	case k.Quoted && st.n == 1 && st.tok[0].quote == '\'':
		return Warning, problem{0, "the original takes the single quotes for part of the text", "use double quotes"}
	case k.Name == "load_monitor" && len(strings.Fields(text)) > 1 && strings.Fields(text)[0] == "agent":
		return Warning, problem{0, "the original runs this as a program and leaves the weight alone", ""}
	case k.In == InServer && k.Name == "weight":
		if n, err := scalar.Int(text); err == nil && n == 0 {
			return Warning, problem{0, "the original takes weight 0 for 1", ""}
		}
	}
	return 0, problem{}
}
