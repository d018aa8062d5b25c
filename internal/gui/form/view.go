package form

import "slices"

// View is a form as a page shows it.
type View []SectionView

// SectionView is a group of fields as a page shows it.
type SectionView struct {
	Section
	Open   bool
	Fields []FieldView
}

// FieldView is a field as a page shows it.
type FieldView struct {
	Field
	Value    string
	Error    string
	Warning  string
	Was      string // what the file says, if the form says something else
	Differs  bool
	Disabled bool
}

// ViewOf makes the view of values. file is what the file says, for comparison; nil for none.
func (p Panel) ViewOf(v, file Values, errs, warnings Errors, disabled bool) View {
	var view View
	for _, s := range p {
		sv := SectionView{Section: s, Open: !s.More}
		for _, f := range s.Fields {
			fv := FieldView{Field: f, Value: v[f.Name], Error: errs[f.Name], Warning: warnings[f.Name], Disabled: disabled}
			if file != nil && file[f.Name] != v[f.Name] {
				fv.Differs, fv.Was = true, f.text(file[f.Name])
			}
			if (f.Input == Select || f.Input == Radio) && !slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Value == fv.Value }) {
				fv.Choices = append(slices.Clone(f.Choices), Choice{fv.Value, fv.Value})
			}
			sv.Open = sv.Open || fv.Value != f.Absent || fv.Error != ""
			sv.Fields = append(sv.Fields, fv)
		}
		view = append(view, sv)
	}
	return view
}

// text is a value in words.
func (f *Field) text(value string) string {
	for _, c := range f.Choices {
		if c.Value == value {
			return c.Text
		}
	}
	switch {
	case f.Input == Tick && value == "1":
		return "on"
	case f.Input == Tick:
		return "off"
	case value == "":
		return "not set"
	}
	return value
}

// Problem is an error beside a field, for the list at the top of the page.
type Problem struct{ Name, Label, Text string }

// Problems lists the errors in the order of the fields.
func (v View) Problems() []Problem {
	var list []Problem
	for _, s := range v {
		for _, f := range s.Fields {
			if f.Error != "" {
				list = append(list, Problem{f.Name, f.Label, f.Error})
			}
		}
	}
	return list
}
