// Package form describes the fields of the panels that edit lvs.cf: what they are called, which key they stand for, and how
// a browser's answer becomes edits of the document.
//
// Only fields whose value differs from the file's are written. A value that the file states stays as it is spelt there.
package form

import (
	"strings"
	"unicode/utf8"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Input is the kind of control.
type Input uint8

// The controls.
const (
	Text   Input = iota
	Select       // one of a list
	Radio        // one of a few
	Tick         // on or off: 1 or 0
)

// Choice is one of a Select or Radio.
type Choice struct{ Value, Text string }

// Field is a control and the key it stands for.
type Field struct {
	Name    string // of the parameter, as in the original where that had one
	Label   string
	Key     string // "": it is the block's name
	Word    int    // 1 or 2: the value is this word of an address with its device; 0: all of it
	Input   Input
	Choices []Choice
	Absent  string // what a Select, Radio or Tick shows if the file does not have the key
	Hint    string
	Unit    string
	Class   string // of the row
	Width   string // class of the control
	List    string // suggestions: devices, masks
	Number  bool   // phones show digits
	Exact   bool   // blanks at the ends count
	Default string // what counts if it is empty, shown as an example
}

// Section is a group of fields.
type Section struct {
	Legend string
	Class  string
	More   bool // folded unless something in it is set
	Fields []Field
}

// Panel is a form.
type Panel []Section

// Values are what the fields hold, by name.
type Values map[string]string

// Errors say what is wrong with a field, by name.
type Errors map[string]string

// fields calls f for all of them.
func (p Panel) fields(f func(*Field)) {
	for i := range p {
		for j := range p[i].Fields {
			f(&p[i].Fields[j])
		}
	}
}

// MaxValue is the longest value, in bytes. The original took no more than 255 letters.
const MaxValue = 1024

// Load reads the fields' values from a block.
func (p Panel) Load(d *lvscf.Document, at lvscf.Path) (Values, error) {
	v := Values{}
	var failed error
	p.fields(func(f *Field) {
		if f.Key == "" {
			v[f.Name] = blockName(at)
			return
		}
		raw, _, err := d.Get(at, f.Key)
		if err != nil {
			failed = err
			return
		}
		v[f.Name] = f.shown(raw)
	})
	return v, failed
}

func blockName(at lvscf.Path) string {
	if at.Server.Name != "" {
		return at.Server.Name
	}
	return at.Virtual.Name
}

// shown is how the control shows a value of the file, "" if it is absent.
func (f *Field) shown(raw string) string {
	if f.Word > 0 {
		raw = word(raw, f.Word)
	}
	switch {
	case raw == "":
		return f.Absent
	case f.Input == Tick && On(raw):
		return "1"
	case f.Input == Tick:
		return "0"
	}
	return raw
}

// word returns the nth word of an address with its device.
func word(raw string, n int) string {
	words := strings.Fields(raw)
	if n > len(words) {
		return ""
	}
	return words[n-1]
}

// Decode reads a browser's answer. A value that has an error is kept to be shown again. A field that was not sent at all
// has the value of file: half a form clears nothing.
func (p Panel) Decode(sent map[string][]string, file Values) (Values, Errors) {
	v, errs := Values{}, Errors{}
	p.fields(func(f *Field) {
		list := sent[f.Name]
		if len(list) == 0 {
			v[f.Name] = file[f.Name]
			return
		}
		value := list[len(list)-1] // a box that is ticked sends two
		if problem := Unfit(value); problem != "" {
			errs[f.Name] = problem
		}
		v[f.Name] = f.decode(value)
	})
	return v, errs
}

// decode is the value that a browser means.
func (f *Field) decode(value string) string {
	value = shorten(strings.ToValidUTF8(value, "\ufffd"))
	if !f.Exact {
		value = strings.TrimSpace(value)
	}
	switch {
	case f.Input == Tick && On(value):
		return "1"
	case f.Input == Tick:
		return "0"
	case f.List == "masks" && strings.EqualFold(value, "unused"):
		return ""
	}
	return value
}

// On tells whether a switch of the file is on.
func On(raw string) bool { return strings.Trim(raw, "0x") != "" } // 0, 00, 0x0

func shorten(value string) string {
	if len(value) <= MaxValue {
		return value
	}
	return strings.ToValidUTF8(value[:MaxValue], "")
}

// Unfit says why a value cannot stand on a line of the file; "" if it can.
func Unfit(value string) string {
	switch {
	case len(value) > MaxValue:
		return "This is too long: at most 1024 bytes."
	case !utf8.ValidString(value):
		return "This is not text."
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' }):
		return "There is a line end or another control character in it."
	}
	return ""
}

// Change is what an edit does to a key.
type Change struct{ Key, Old, New string }

// String is for the log: key: old → new.
func (c Change) String() string {
	name := func(v string) string {
		if v == "" {
			return "(none)"
		}
		return v
	}
	return c.Key + ": " + name(c.Old) + " → " + name(c.New)
}

// Apply writes the values that differ from the file's to a block. It returns where the block is afterwards: it may have been
// given another name.
func (p Panel) Apply(d *lvscf.Document, at lvscf.Path, now Values) (lvscf.Path, []Change, Errors) {
	old, err := p.Load(d, at)
	if err != nil {
		return at, nil, Errors{"": err.Error()}
	}
	var changes []Change
	var name *Field
	errs := Errors{}
	p.fields(func(f *Field) {
		if f.Key == "" {
			name = f
			return
		}
		if now[f.Name] == old[f.Name] {
			return
		}
		value := now[f.Name]
		if f.Word > 0 {
			var problem string
			if value, problem = p.pair(f, now); problem != "" {
				errs[f.Name] = problem
				return
			}
		}
		change, err := Set(d, at, f.Key, value)
		if err != nil {
			errs[f.Name] = "This cannot be written to the file: " + err.Error()
			return
		}
		if change.Old != change.New {
			changes = append(changes, change)
		}
	})
	if name != nil {
		renamed, change, err := rename(d, at, now[name.Name])
		if err != nil {
			errs[name.Name] = "It cannot have this name: " + err.Error()
		} else if renamed != at {
			return renamed, append(changes, change), errs
		}
	}
	return at, changes, errs
}

// rename gives a block another name. As ever, blanks become underscores, and without a name it keeps the one it has.
func rename(d *lvscf.Document, at lvscf.Path, name string) (lvscf.Path, Change, error) {
	old := blockName(at)
	if name == "" || name == old {
		return at, Change{}, nil
	}
	name = strings.ReplaceAll(name, " ", "_")
	if err := d.Rename(at, name); err != nil {
		return at, Change{}, err
	}
	if at.Server.Name != "" {
		at.Server = lvscf.Ref{Name: name}
	} else {
		at.Virtual = lvscf.Ref{Name: name}
	}
	return at, Change{"name", old, name}, nil
}

// pair puts an address and its device together. Either is of no use alone.
func (p Panel) pair(f *Field, now Values) (value, problem string) {
	var words [3]string
	p.fields(func(other *Field) {
		if other.Key == f.Key && other.Word > 0 {
			words[other.Word] = now[other.Name]
		}
	})
	switch {
	case words[1] == "" && words[2] == "":
		return "", ""
	case words[1] == "":
		return "", "The device has no address."
	case words[2] == "":
		return "", "The address needs a device, such as eth0:1."
	}
	return words[1] + " " + words[2], ""
}

// Set gives a key a value, or takes it out for "".
func Set(d *lvscf.Document, at lvscf.Path, key, value string) (Change, error) {
	old, had, err := d.Get(at, key)
	if err != nil {
		return Change{}, err
	}
	if value == "" {
		if had {
			err = d.Unset(at, key)
		}
	} else if !had || old != value {
		err = d.Set(at, key, value)
	}
	return Change{key, old, value}, err
}

// Fresh returns the findings of after that before does not have, whatever line they are on.
func Fresh(before, after lvscf.Findings) lvscf.Findings {
	known := map[lvscf.Finding]int{}
	same := func(f lvscf.Finding) lvscf.Finding {
		f.Line = 0
		return f
	}
	for _, f := range before {
		known[same(f)]++
	}
	var fresh lvscf.Findings
	for _, f := range after {
		if known[same(f)] > 0 {
			known[same(f)]--
			continue
		}
		fresh = append(fresh, f)
	}
	return fresh
}

// Place puts findings of a block beside the fields they are about. What is about none is returned as text.
func (p Panel) Place(found lvscf.Findings, block string) (Errors, []string) {
	errs := Errors{}
	var rest []string
	for _, f := range found {
		text := sentence(f)
		name := ""
		if f.Block == block && f.Key != "" {
			p.fields(func(field *Field) {
				if field.Key == f.Key && name == "" {
					name = field.Name
				}
			})
		}
		switch {
		case name == "" && f.Block == block:
			if f.Key != "" {
				text = f.Key + ": " + text
			}
			rest = append(rest, text)
		case name == "":
			rest = append(rest, strings.TrimSpace(f.Block+" "+f.Key)+": "+text)
		case errs[name] != "":
			errs[name] += " " + text
		default:
			errs[name] = text
		}
	}
	return errs, rest
}

// sentence is a finding as the page says it.
func sentence(f lvscf.Finding) string {
	text := f.Text
	if f.Hint != "" {
		text += ": " + f.Hint
	}
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
