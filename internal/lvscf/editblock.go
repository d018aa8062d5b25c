package lvscf

import (
	"fmt"
	"slices"
	"strings"
)

// AddVirtual adds an empty virtual block behind the service that after addresses, or behind the last block of the file
// for the zero Path. An empty block is not active.
func (d *Document) AddVirtual(name string, after Path) error {
	return d.addService(InVirtual, name, after)
}

// AddFailover adds an empty failover block, as AddVirtual does.
func (d *Document) AddFailover(name string, after Path) error {
	return d.addService(InFailover, name, after)
}

func (d *Document) addService(scope Scope, name string, after Path) error {
	fail := func(err error) error {
		return fmt.Errorf("add %s %s: %w", keyword(scope), quoteName(name), err)
	}
	o, err := d.closedOutline()
	if err != nil {
		return fail(err)
	}
	header, err := o.header(0, scope, name, "")
	if err != nil {
		return fail(err)
	}
	neighbour, err := o.find(after)
	if err != nil {
		return fail(err)
	}
	children := o.blocks[0].children
	if neighbour == 0 && len(children) > 0 {
		neighbour = children[len(children)-1]
	}
	if neighbour > 0 && !slices.Contains(children, neighbour) {
		return fail(fmt.Errorf("%w: %s is no service", ErrNoBlock, after))
	}
	at := len(o.text)
	if neighbour > 0 {
		at = o.blocks[neighbour].end
	}
	list := []string{header, "}"}
	if o.spaced(0) {
		list = slices.Insert(list, 0, "")
	}
	return d.take(insertLines(o.text, at, list...))
}

// AddServer adds an empty server block at the end of the service p addresses. An empty block is not active.
func (d *Document) AddServer(p Path, name string) error {
	fail := func(err error) error { return fmt.Errorf("add server %s to %s: %w", quoteName(name), p, err) }
	o, err := d.closedOutline()
	if err != nil {
		return fail(err)
	}
	service, err := o.find(p)
	if err != nil {
		return fail(err)
	}
	b := &o.blocks[service]
	if b.scope&inService == 0 {
		return fail(fmt.Errorf("%w: %s is no service", ErrNoBlock, p))
	}
	indent, at := o.indentIn(service), b.closing
	if n := len(b.children); n > 0 {
		last := &o.blocks[b.children[n-1]]
		indent, at = o.text[last.start:skipBlanks(o.text, last.start, len(o.text))], last.end
	}
	header, err := o.header(service, InServer, name, indent)
	if err != nil {
		return fail(err)
	}
	list := []string{header, indent + "}"}
	if o.spaced(service) {
		list = slices.Insert(list, 0, "")
	}
	return d.take(insertLines(o.text, at, list...))
}

// Remove removes the block p addresses with the comment lines directly above it, and the empty line that would be left
// over.
func (d *Document) Remove(p Path) error {
	o, err := d.closedOutline()
	if err != nil {
		return fmt.Errorf("remove %s: %w", p, err)
	}
	i, err := o.find(p)
	if err == nil && i == 0 {
		err = ErrNoBlock
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", p, err)
	}
	b := &o.blocks[i]
	from := o.lead(b)
	if above, blank := o.blankAbove(from); blank && o.endsGroup(b.end) {
		from = above
	}
	text := o.text[:from] + o.text[b.end:]
	if text == "" {
		text = "\n"
	}
	return d.take(text)
}

// endsGroup reports whether an empty line, a closing brace or the end of the text follows.
func (o *outline) endsGroup(i int) bool {
	i = skipBlanks(o.text, i, len(o.text))
	return i == len(o.text) || strings.IndexByte("\r\n}", o.text[i]) >= 0
}

// Rename gives the block p addresses another name.
func (d *Document) Rename(p Path, name string) error {
	fail := func(err error) error { return fmt.Errorf("rename %s: %w", p, err) }
	o, err := d.outline()
	if err != nil {
		return fail(err)
	}
	i, err := o.find(p)
	switch {
	case err != nil:
		return fail(err)
	case i == 0:
		return fail(ErrNoBlock)
	case name == p.ref().Name:
		return nil
	}
	parent, err := o.find(p.parent())
	if err != nil {
		return fail(err)
	}
	if err := o.free(parent, o.blocks[i].scope, name); err != nil {
		return fail(err)
	}
	b := &o.blocks[i]
	end := b.body - len(lineEnd(o.text, b.body))
	brace := skipBlanks(o.text, b.name.end, end)
	after := o.text[b.name.end:end]
	if brace == b.name.end {
		after = " " + after
	}
	header, err := composeHeader(o.text[b.start:b.name.start], b.scope, name, after)
	if err != nil {
		return fail(err)
	}
	return d.take(o.text[:b.start] + header + o.text[end:])
}

// Move gives the block p addresses the place index, from 0, among the blocks of its kind around it. The blocks change
// places with their comments; what stands between them stays where it is.
func (d *Document) Move(p Path, index int) error {
	fail := func(err error) error { return fmt.Errorf("move %s: %w", p, err) }
	o, err := d.closedOutline()
	if err != nil {
		return fail(err)
	}
	i, err := o.find(p)
	if err == nil && i == 0 {
		err = ErrNoBlock
	}
	if err != nil {
		return fail(err)
	}
	parent, err := o.find(p.parent())
	if err != nil {
		return fail(err)
	}
	slots := o.siblings(parent, o.blocks[i].scope)
	if index < 0 || index >= len(slots) {
		return fail(fmt.Errorf("no place %d among %d", index, len(slots)))
	}
	old := slices.Index(slots, i)
	if old == index {
		return nil
	}
	order := slices.Insert(slices.Delete(slices.Clone(slots), old, old+1), index, i)
	return d.take(o.rearrange(slots, order))
}

// rearrange puts the blocks of order into the places of slots.
func (o *outline) rearrange(slots, order []int) string {
	var b strings.Builder
	from := 0
	for i, slot := range slots {
		place, block := &o.blocks[slot], &o.blocks[order[i]]
		b.WriteString(o.text[from:o.lead(place)])
		text := o.text[o.lead(block):block.end]
		end := lineEnd(text, len(text))
		switch {
		case end == "" && place.end < len(o.text):
			text += firstLineEnd(o.text)
		case end != "" && place.end == len(o.text) && lineEnd(o.text, place.end) == "":
			text = text[:len(text)-len(end)]
		}
		b.WriteString(text)
		from = place.end
	}
	b.WriteString(o.text[from:])
	return b.String()
}

// closedOutline is outline, after the braces missing at the end of the file have been added: what comes behind them
// must not fall into a block that was never closed.
func (d *Document) closedOutline() (*outline, error) {
	o, err := d.outline()
	if err != nil {
		return nil, err
	}
	var missing []string
	for i := len(o.blocks) - 1; i > 0; i-- {
		if b := &o.blocks[i]; !b.closed {
			missing = append(missing, o.text[b.start:skipBlanks(o.text, b.start, len(o.text))]+"}")
		}
	}
	if len(missing) == 0 {
		return o, nil
	}
	closed := *d
	if err := closed.take(insertLines(o.text, len(o.text), missing...)); err != nil {
		return nil, err
	}
	return closed.outline()
}

// free reports ErrExists if a block of that kind and name is there already.
func (o *outline) free(parent int, scope Scope, name string) error {
	for _, i := range o.siblings(parent, scope) {
		if o.blocks[i].name.value(o.text) == name {
			return ErrExists
		}
	}
	return nil
}

// header writes the opening line of a new block.
func (o *outline) header(parent int, scope Scope, name, indent string) (string, error) {
	if err := o.free(parent, scope, name); err != nil {
		return "", err
	}
	return composeHeader(indent+keyword(scope)+" ", scope, name, " {")
}

// composeHeader writes an opening line. after begins with the blanks before the brace.
func composeHeader(before string, scope Scope, name, after string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("%w: the name is empty", ErrValue)
	}
	header, ok := compose(before, []string{name}, after, plain, func(text string, original bool) bool {
		return reads(text, formOpen, keyword(scope), []string{name, "{"}, original)
	})
	if !ok {
		return "", ErrValue
	}
	return header, nil
}

// spaced reports whether an empty line goes before a new block: in the global part unless the file does without, in a
// service only if its blocks have one.
func (o *outline) spaced(parent int) bool {
	children := o.blocks[parent].children
	if len(children) == 0 {
		return parent == 0
	}
	last := &o.blocks[children[len(children)-1]]
	_, blank := o.blankAbove(o.lead(last))
	return blank
}
