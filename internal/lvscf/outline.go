package lvscf

import (
	"fmt"
	"strings"
)

// span is a block of a document, by offsets of whole lines. The first span of an outline is the document itself.
type span struct {
	scope    Scope
	name     token
	start    int // opening line
	body     int // behind the opening line
	closing  int // closing line
	end      int // behind the closing line
	closed   bool
	insert   int // where a new statement goes: behind the last one before the first inner block
	indent   string
	children []int
}

// assignment is where a key is given a value.
type assignment struct {
	block int // place in outline.blocks
	key   int // place in keys
	line  line
}

// outline is the structure of a document, for editing. It is made anew for every edit: files are small, and nothing
// can go stale.
type outline struct {
	text    string
	blocks  []span
	nest    []int // from the document to the innermost open block
	assigns []assignment
	indents [levels]string // of the first statement at each level
	broken  Findings
	file    string
}

func (d *Document) outline() (*outline, error) {
	o := &outline{text: d.text, file: d.name, nest: []int{0}}
	first := 0
	if strings.HasPrefix(d.text, bom) {
		first = len(bom)
	}
	o.blocks = []span{{scope: InGlobal, start: first, body: first, insert: -1, closing: len(d.text), end: len(d.text), closed: true}}
	walk(d.text, o)
	if len(o.broken) > 0 {
		return nil, fmt.Errorf("%w; repair the blocks of the file before changing it here", o.broken)
	}
	return o, nil
}

func (o *outline) current() (int, *span) {
	i := o.nest[len(o.nest)-1]
	return i, &o.blocks[i]
}

func (o *outline) assign(st *statement) {
	i, b := o.current()
	indent := o.text[st.start:st.key.start]
	if len(b.children) == 0 {
		b.insert, b.indent = st.next, indent
	}
	if level := b.scope.level(); o.indents[level] == "" {
		o.indents[level] = indent
	}
	if k := findKey(b.scope, st.key.value(o.text)); k >= 0 && st.key.quote == 0 {
		o.assigns = append(o.assigns, assignment{block: i, key: k, line: st.line})
	}
}

func (o *outline) open(st *statement, name token, _ bool) {
	i, _ := o.current()
	o.blocks[i].children = append(o.blocks[i].children, len(o.blocks))
	o.nest = append(o.nest, len(o.blocks))
	o.blocks = append(o.blocks, span{scope: st.scope, name: name, start: st.start, body: st.next, insert: st.next})
}

func (o *outline) shut(st *statement) {
	_, b := o.current()
	b.closing, b.end = len(o.text), len(o.text)
	if st != nil {
		b.closing, b.end, b.closed = st.start, st.next, true
	}
	o.nest = o.nest[:len(o.nest)-1]
}

func (o *outline) structural(p structural) {
	if p.severity == Error && len(o.broken) == 0 {
		o.broken = Findings{{File: o.file, Line: p.line, Key: clip(p.key), Severity: Error, Code: p.code, Text: p.text, Hint: p.hint}}
	}
}

// find returns the place of the block a path addresses.
func (o *outline) find(p Path) (int, error) {
	scope := p.scope()
	if scope == InGlobal {
		return 0, nil
	}
	parent := 0
	if scope == InServer {
		var err error
		if parent, err = o.find(p.parent()); err != nil {
			return 0, err
		}
	}
	if scope != 0 {
		n := 0
		for _, i := range o.siblings(parent, scope) {
			if o.blocks[i].name.value(o.text) != p.ref().Name {
				continue
			}
			if n == p.ref().N {
				return i, nil
			}
			n++
		}
	}
	return 0, fmt.Errorf("%w: %s", ErrNoBlock, p)
}

// siblings returns the blocks of one kind in a block.
func (o *outline) siblings(parent int, scope Scope) []int {
	var list []int
	for _, i := range o.blocks[parent].children {
		if o.blocks[i].scope == scope {
			list = append(list, i)
		}
	}
	return list
}

// last returns the statement that gives the key its value in a block: the last one counts.
func (o *outline) last(block, key int) (st statement, ok bool) {
	for i := len(o.assigns) - 1; i >= 0; i-- {
		if a := &o.assigns[i]; a.block == block && a.key == key {
			return st, st.parse(o.text, a.line)
		}
	}
	return st, false
}

// lead returns where the comment lines directly above a block begin: they belong to it.
func (o *outline) lead(b *span) int {
	start := b.start
	for start > o.blocks[0].start {
		above := lineAbove(o.text, start, o.blocks[0].start)
		if i := skipBlanks(o.text, above, start); o.text[i] != '#' {
			break
		}
		start = above
	}
	return start
}

// blankAbove reports whether the line before offset i is empty, and where it begins.
func (o *outline) blankAbove(i int) (int, bool) {
	if i <= o.blocks[0].start {
		return i, false
	}
	above := lineAbove(o.text, i, o.blocks[0].start)
	return above, strings.TrimLeft(o.text[above:i], " \t\r\n") == ""
}

// lineAbove returns the start of the line that ends before the line start i, at or behind first.
func lineAbove(text string, i, first int) int {
	i -= len(lineEnd(text, i))
	if j := strings.LastIndexAny(text[first:i], "\r\n"); j >= 0 {
		return first + j + 1
	}
	return first
}

// lineEnd returns the line end before offset i, "" if there is none.
func lineEnd(text string, i int) string {
	switch {
	case i >= 2 && text[i-2:i] == "\r\n":
		return "\r\n"
	case i >= 1 && (text[i-1] == '\n' || text[i-1] == '\r'):
		return text[i-1 : i]
	}
	return ""
}

// insertLines returns the text with lines put in at the line start i. They end as the line before does, or else as the
// first line of the text.
func insertLines(text string, i int, list ...string) string {
	eol := lineEnd(text, i)
	if eol == "" {
		eol = firstLineEnd(text)
	}
	put := strings.Join(list, eol)
	if i == len(text) && i > 0 && text != bom && lineEnd(text, i) == "" {
		return text + eol + put
	}
	return text[:i] + put + eol + text[i:]
}

func firstLineEnd(text string) string {
	switch i := strings.IndexAny(text, "\r\n"); {
	case i < 0:
		return "\n"
	case strings.HasPrefix(text[i:], "\r\n"):
		return "\r\n"
	default:
		return text[i : i+1]
	}
}
