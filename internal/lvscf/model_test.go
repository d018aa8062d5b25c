package lvscf

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// node is the model of a block that edits are compared with: what it says, without layout.
type node struct {
	scope    Scope
	name     string
	stmts    []stmt
	head     int // statements before the first inner block
	children []*node
}

type stmt struct {
	key   string
	words string // quoted, so that two lists of words never look alike
}

// modeller is a visitor that makes the model of a text.
type modeller struct {
	text string
	nest []*node
}

func model(d *Document) *node {
	m := modeller{text: d.text, nest: []*node{{scope: InGlobal}}}
	walk(d.text, &m)
	return m.nest[0]
}

func (m *modeller) top() *node            { return m.nest[len(m.nest)-1] }
func (m *modeller) structural(structural) {}
func (m *modeller) shut(*statement)       { m.nest = m.nest[:len(m.nest)-1] }

func (m *modeller) open(st *statement, name token, _ bool) {
	n := &node{scope: st.scope, name: name.value(m.text)}
	m.top().children = append(m.top().children, n)
	m.nest = append(m.nest, n)
}

func (m *modeller) assign(st *statement) {
	n, key := m.top(), st.key.value(m.text)
	s := stmt{key: key}
	if i := findKey(n.scope, key); i >= 0 && keys[i].Kind == List {
		items, _, ok := readList(m.text, st.first, st.end)
		s.words = fmt.Sprintf("%v %q", ok, items)
	} else {
		wanted := 1
		if i >= 0 && keys[i].Kind == Floating {
			wanted = 2
		}
		st.fit(m.text, wanted)
		s.words = fmt.Sprintf("%v", st.equal && !st.mismatch())
		for _, t := range st.tok[:st.n] {
			s.words += fmt.Sprintf(" %q", t.value(m.text))
		}
	}
	n.stmts = append(n.stmts, s)
	if len(n.children) == 0 {
		n.head++
	}
}

// at finds the block a path addresses.
func (n *node) at(p Path) (found, parent *node) {
	if p.scope() == InGlobal {
		return n, nil
	}
	if p.Server != (Ref{}) {
		n, _ = n.at(p.parent())
	}
	i := 0
	for _, c := range n.children {
		if c.scope == p.scope() && c.name == p.ref().Name {
			if i == p.ref().N {
				return c, n
			}
			i++
		}
	}
	return nil, nil
}

// paths lists every block.
func (n *node) paths() []Path {
	list := []Path{{}}
	count := map[string]int{}
	for _, c := range n.children {
		key := keyword(c.scope) + c.name
		ref := Ref{c.name, count[key]}
		count[key]++
		p := Path{Virtual: ref}
		if c.scope == InFailover {
			p = Path{Failover: ref}
		}
		if ref == (Ref{}) {
			continue // an empty name cannot be addressed
		}
		list = append(list, p)
		inner := map[string]int{}
		for _, s := range c.children {
			p.Server = Ref{s.name, inner[s.name]}
			inner[s.name]++
			if s.name != "" {
				list = append(list, p)
			}
		}
	}
	return list
}

// editor makes random edits and compares the document with the model after each.
type editor struct {
	t *testing.T
	d *Document
	r *rand.Rand
}

var editWords = []string{"", "1", "0", "a", "web", "a b", `a"b`, `a'b`, `"`, `'`, `a" b' c`, `a\`, `a \`, `"a\"`, "#x", "x #y", "=", "= x", "{", "}", "\t", "a\nb",
	"a\x00", "192.0.2.9 eth1:2", "192.0.2.9", "[ a b ]", "[", "]", "\xff\xfe", "\uFEFF", "server", "virtual v {", strings.Repeat("long ", 60)}

func (e *editor) word() string {
	if e.r.IntN(4) > 0 {
		return editWords[e.r.IntN(len(editWords))]
	}
	b := make([]byte, e.r.IntN(6))
	for i := range b {
		b[i] = "ab \t\"'\\#={}[]\r\n\x00\xff"[e.r.IntN(17)]
	}
	return string(b)
}

// step makes one edit.
func (e *editor) step() {
	before, want := e.d.text, model(e.d)
	paths := want.paths()
	p := paths[e.r.IntN(len(paths))]
	n, parent := want.at(p)
	what, err := e.edit(p, n, parent, want)
	if err != nil {
		if e.d.text != before {
			e.t.Fatalf("%s: %v, and yet the text changed:\n%q\n%q", what, err, before, e.d.text)
		}
		return
	}
	if e.d.text == "" {
		e.t.Fatalf("%s: nothing left of %q", what, before)
	}
	if got := model(e.d); !reflect.DeepEqual(got, want) {
		e.t.Fatalf("%s:\n%q\n%q\ngot %s\nwant %s", what, before, e.d.text, got, want)
	}
	if _, err := Parse("lvs.cf", e.d.Bytes()); err != nil {
		e.t.Fatalf("%s: %v", what, err)
	}
}

// edit applies one edit to the document and to the model.
func (e *editor) edit(p Path, n, parent, root *node) (string, error) {
	word := e.word()
	switch e.r.IntN(8) {
	case 0, 1, 2:
		k := &keys[e.r.IntN(len(keys))]
		before := e.d.text
		err := e.d.Set(p, k.Name, word)
		if err == nil {
			n.set(k.Name, word)
			e.oneLine(before)
		}
		return fmt.Sprintf("Set(%v, %s, %q)", p, k.Name, word), err
	case 3:
		k := &keys[e.r.IntN(len(keys))]
		err := e.d.Unset(p, k.Name)
		if err == nil {
			n.unset(k.Name)
		}
		return fmt.Sprintf("Unset(%v, %s)", p, k.Name), err
	case 4:
		if n.scope == InGlobal || e.r.IntN(2) == 0 {
			err := e.d.AddVirtual(word, Path{})
			root.children = append(root.children, &node{scope: InVirtual, name: word})
			return fmt.Sprintf("AddVirtual(%q)", word), err
		}
		err := e.d.AddServer(p, word)
		n.children = append(n.children, &node{scope: InServer, name: word})
		return fmt.Sprintf("AddServer(%v, %q)", p, word), err
	case 5:
		err := e.d.Remove(p)
		if parent != nil {
			parent.children = slices.DeleteFunc(parent.children, func(c *node) bool { return c == n })
			parent.fixHead()
		}
		return fmt.Sprintf("Remove(%v)", p), err
	case 6:
		err := e.d.Rename(p, word)
		n.name = word
		return fmt.Sprintf("Rename(%v, %q)", p, word), err
	}
	to := e.r.IntN(4)
	err := e.d.Move(p, to)
	if err == nil {
		parent.move(n, to)
	}
	return fmt.Sprintf("Move(%v, %d)", p, to), err
}

// oneLine checks that no more than one line was replaced or added.
func (e *editor) oneLine(before string) {
	split := func(s string) (list []string) {
		all := newLines(s)
		for ln, ok := all.next(); ok; ln, ok = all.next() {
			list = append(list, s[ln.start:ln.end])
		}
		return list
	}
	a, b := split(before), split(e.d.text)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > 1 || len(b) > 1 {
		e.t.Fatalf("Set changed more than a line: %q to %q", a, b)
	}
}

func (n *node) set(key, value string) {
	k := &keys[findKey(n.scope, key)]
	words := valueWords(k, value)
	s := stmt{key: key, words: "true"}
	if k.Kind == List {
		s.words = fmt.Sprintf("true %q", words)
	} else {
		for _, w := range words {
			s.words += fmt.Sprintf(" %q", w)
		}
	}
	for i := len(n.stmts) - 1; i >= 0; i-- {
		if n.stmts[i].key == key {
			n.stmts[i] = s
			return
		}
	}
	n.stmts = slices.Insert(n.stmts, n.head, s)
	n.head++
}

func (n *node) unset(key string) {
	for i, s := range slices.Backward(n.stmts) {
		if s.key == key {
			n.stmts = slices.Delete(n.stmts, i, i+1)
			if i < n.head {
				n.head--
			}
		}
	}
	if len(n.stmts) == 0 {
		n.stmts = nil
	}
}

// fixHead follows the removal of the last inner block. Where others are left the model cannot tell which statements
// came before them; the editor's documents have theirs in front.
func (n *node) fixHead() {
	if len(n.children) == 0 {
		n.children, n.head = nil, len(n.stmts)
	}
}

func (n *node) move(c *node, to int) {
	var slots []int
	var order []*node
	for i, o := range n.children {
		if o.scope == c.scope {
			slots = append(slots, i)
			if o != c {
				order = append(order, o)
			}
		}
	}
	for i, o := range slices.Insert(order, to, c) {
		n.children[slots[i]] = o
	}
}

// String shows the model as one would write it.
func (n *node) String() string {
	s := fmt.Sprintf("%s %q %d %q [", n.scope, n.name, n.head, n.stmts)
	for _, c := range n.children {
		s += c.String()
	}
	return s + "]"
}

// frontLoaded reports whether every block has its own statements before its inner blocks, see fixHead.
func (n *node) frontLoaded() bool {
	if n.head != len(n.stmts) {
		return false
	}
	for _, c := range n.children {
		if !c.frontLoaded() {
			return false
		}
	}
	return true
}
