package lvscf

import (
	"fmt"
	"slices"
	"strings"
)

// Set gives a key a value in the block p addresses. Of the last statement with that key, which is the one that counts,
// it replaces the value and nothing else; without one it adds a line behind the block's own statements. The value is
// the text without quotes; quotes are put around it where the file needs them. For an address with a device it is both
// words, for a list all words, with or without brackets.
//
// Set refuses what could not be read back, but does not judge the value: Config does.
func (d *Document) Set(p Path, key, value string) error {
	if err := d.set(p, key, value); err != nil {
		return fmt.Errorf("set %s of %s: %w", key, p, err)
	}
	return nil
}

func (d *Document) set(p Path, key, value string) error {
	o, block, i, err := d.locate(p, key)
	if err != nil {
		return err
	}
	k := &keys[i]
	words := valueWords(k, value)
	if k.Kind == Floating && len(words) != 2 {
		return fmt.Errorf("%w: write an address and a device", ErrValue)
	}
	st, ok := o.last(block, i)
	if !ok {
		return d.addStatement(o, block, k, words)
	}
	before, after, first := o.valueFrame(&st, k)
	if same(o.text, &st, k, words) {
		return nil
	}
	if k.Quoted && first == plain && st.n != 1 {
		first = double
	}
	text, ok := composeValue(before, k, words, after, first)
	if !ok {
		return ErrValue
	}
	return d.take(o.text[:st.start] + text + o.text[st.end:])
}

// locate finds block and key.
func (d *Document) locate(p Path, key string) (o *outline, block, k int, err error) {
	if o, err = d.outline(); err != nil {
		return nil, 0, 0, err
	}
	if block, err = o.find(p); err != nil {
		return nil, 0, 0, err
	}
	if k = findKey(o.blocks[block].scope, key); k < 0 {
		err = ErrKey
		if hint := suggest(o.blocks[block].scope, key); hint != "" {
			err = fmt.Errorf("%w; %s", ErrKey, hint)
		}
	}
	return o, block, k, err
}

// take makes an edited text the document's own.
func (d *Document) take(text string) error {
	if len(text) > MaxSize {
		return fmt.Errorf("%w: the file would be larger than %d MB", ErrValue, MaxSize>>20)
	}
	d.text = text
	return nil
}

// valueWords cuts a value into the words that stand in the file.
func valueWords(k *Key, value string) []string {
	fields := func() []string {
		return strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' })
	}
	switch k.Kind {
	case Floating:
		return fields()
	case List:
		words := fields()
		if len(words) >= 2 && words[0] == "[" && words[len(words)-1] == "]" {
			words = words[1 : len(words)-1]
		}
		return words
	}
	return []string{value}
}

// valueFrame returns what of a statement's line stays when its value is replaced, and the value's style. Where the
// statement is not sound, everything behind the key goes.
func (o *outline) valueFrame(st *statement, k *Key) (before, after string, s style) {
	wanted := 1
	if k.Kind == Floating {
		wanted = 2
	}
	end := 0
	if k.Kind == List {
		_, behind, ok := readList(o.text, st.first, st.end)
		if ok {
			end = behind
		}
	} else if st.equal && st.n > 0 && st.fit(o.text, wanted) && !st.mismatch() {
		end = st.tok[st.n-1].end
		s = style(st.tok[st.n-1].quote)
	}
	switch {
	case end > 0:
		return o.text[st.start:st.tok[0].start], o.text[end:st.end], s
	case st.equal:
		return o.text[st.start:st.first] + " ", "", plain
	}
	return o.text[st.start:st.key.end] + " = ", "", plain
}

// same reports whether a statement has this value already: then not a byte changes.
func same(text string, st *statement, k *Key, words []string) bool {
	if !st.equal || st.mismatch() {
		return false
	}
	if k.Kind == List {
		items, _, ok := readList(text, st.first, st.end)
		return ok && slices.Equal(items, words)
	}
	if st.n != len(words) {
		return false
	}
	for i, word := range words {
		if st.tok[i].value(text) != word {
			return false
		}
	}
	return true
}

// composeValue writes a statement's line with a new value.
func composeValue(before string, k *Key, words []string, after string, first style) (string, bool) {
	if k.Kind == List {
		bracketed := slices.Concat([]string{"["}, words, []string{"]"})
		return compose(before, bracketed, after, plain, func(text string, _ bool) bool { return readsList(text, k.Name, words) })
	}
	return compose(before, words, after, first, func(text string, original bool) bool {
		return reads(text, formAssign, k.Name, words, original)
	})
}

// addStatement adds a line for a key the block does not have.
func (d *Document) addStatement(o *outline, block int, k *Key, words []string) error {
	first := plain
	if k.Quoted {
		first = double
	}
	text, ok := composeValue(o.indentIn(block)+k.Name+" = ", k, words, "", first)
	if !ok {
		return ErrValue
	}
	b := &o.blocks[block]
	at := b.insert
	switch {
	case at >= 0:
	case len(b.children) > 0:
		at = o.lead(&o.blocks[b.children[0]])
	default:
		at = len(o.text)
	}
	return d.take(insertLines(o.text, at, text))
}

// indentIn returns the indentation of a statement in a block: that of its neighbours, else that of the first statement
// at the same depth in the file, else one step more than the block's own: as the original's own tools have it, unless the
// file has steps of another kind.
func (o *outline) indentIn(block int) string {
	b := &o.blocks[block]
	level := b.scope.level()
	switch {
	case b.indent != "" || level == 0:
		return b.indent
	case o.indents[level] != "":
		return o.indents[level]
	}
	step := "     "
	switch {
	case o.indents[1] != "" && o.indents[1] != step:
		step = o.indents[1]
	case level == 2:
		step = "    "
	}
	return o.text[b.start:skipBlanks(o.text, b.start, len(o.text))] + step
}

// Unset removes every statement with that key from the block p addresses, so that the default holds. A key that is not
// there is no error.
func (d *Document) Unset(p Path, key string) error {
	o, block, k, err := d.locate(p, key)
	if err != nil {
		return fmt.Errorf("unset %s of %s: %w", key, p, err)
	}
	var b strings.Builder
	from := 0
	for _, a := range o.assigns {
		if a.block == block && a.key == k {
			b.WriteString(o.text[from:a.line.start])
			from = a.line.next
		}
	}
	b.WriteString(o.text[from:])
	text := b.String()
	if text == "" {
		// An empty file is no configuration; an empty line is.
		text = "\n"
	}
	return d.take(text)
}
