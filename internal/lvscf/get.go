package lvscf

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Get returns the value that a key is given in the block p addresses, as Set takes it: the last statement counts, quotes
// are removed, two words have a blank between them. It tells whether there is such a statement; the value may be one that
// Config complains about.
func (d *Document) Get(p Path, key string) (value string, ok bool, err error) {
	o, block, i, err := d.locate(p, key)
	if err != nil {
		return "", false, fmt.Errorf("get %s of %s: %w", key, p, err)
	}
	st, ok := o.last(block, i)
	if !ok {
		return "", false, nil
	}
	return o.value(&st, i), true, nil
}

// value is what a statement gives a key.
func (o *outline) value(st *statement, key int) string {
	if keys[key].Kind == List {
		items, _, _ := readList(o.text, st.first, st.end)
		return strings.Join(items, " ")
	}
	wanted := 1
	if keys[key].Kind == Floating {
		wanted = 2
	}
	if !st.fit(o.text, wanted) || st.n > wanted {
		return st.raw(o.text)
	}
	words := make([]string, st.n)
	for j := range words {
		words[j] = st.tok[j].value(o.text)
	}
	return strings.Join(words, " ")
}

// OpenFile reads a file to edit it. A file that is empty or not there yet is a document without a line, which Save
// writes when something has been set.
func OpenFile(path string) (*Document, error) {
	d, err := ReadFile(path)
	var found Findings
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Document{name: path, path: path, missing: true}, nil
	case errors.As(err, &found) && len(found) == 1 && found[0].Code == CodeEmpty:
		return &Document{name: path, path: path}, nil
	}
	return d, err
}
