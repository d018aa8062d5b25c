package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Edits are edits of lvs.cf that go into the draft together, or not at all.
type Edits struct {
	File  string `json:"file"` // what they are of, as Changes.File named it
	Edits []Edit `json:"edits"`
}

// Edit is one of them. Without a virtual server it is about the global part.
type Edit struct {
	Do            string `json:"do"` // set, unset, add, remove or rename
	Virtual       string `json:"virtual,omitempty"`
	VirtualNumber int    `json:"virtual_number,omitempty"`
	Server        string `json:"server,omitempty"`
	ServerNumber  int    `json:"server_number,omitempty"`
	Key           string `json:"key,omitempty"`
	Value         string `json:"value,omitempty"`
	Name          string `json:"name,omitempty"` // the new one
}

// MaxEdits is how many may go together.
const MaxEdits = 1000

// Text is a whole lvs.cf for the draft.
type Text struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// File names a draft.
type File struct {
	File string `json:"file"`
}

// Apply has a draft applied.
type Apply struct {
	File    string `json:"file"`
	Comment string `json:"comment,omitempty"`
	Trial   int    `json:"trial_seconds,omitempty"` // 0: none
}

// Adopt has a draft fit an lvs.cf that was changed meanwhile.
type Adopt struct {
	File    string `json:"file"`
	Running string `json:"running"` // the name of that lvs.cf
	How     string `json:"how"`     // merge: take it over; mine: undo it
}

// Serial names what is on trial.
type Serial struct {
	Serial int64 `json:"serial_no"`
}

// Order has the daemons do something.
type Order struct {
	Virtual string `json:"virtual,omitempty"`
	Server  string `json:"server,omitempty"`
	Weight  *int   `json:"weight,omitempty"`         // null: the one of lvs.cf
	Within  int    `json:"within_minutes,omitempty"` // drain: maintenance after that; 0: never
}

// Done says that an order was carried out.
type Done struct {
	Output string `json:"output"` // of a command
}

// FieldError is an error about a part of a request.
type FieldError struct {
	Field
}

func (e *FieldError) Error() string { return e.Field.Field + ": " + e.Message }

func fieldError(field string, err error) error { return &FieldError{Field{field, err.Error()}} }

// Decode reads a request: one value, and nothing in it that is not understood.
func Decode(r io.Reader, request any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(request); err != nil {
		var kind *json.UnmarshalTypeError
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return &FieldError{Field{strings.Trim(name, `"`), "there is no such field"}}
		}
		if errors.As(err, &kind) && kind.Field != "" {
			return &FieldError{Field{kind.Field, "this cannot be a " + kind.Value}}
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the value")
	}
	return nil
}

// Make makes the edits, and says what they are, each with the block that it is about.
func (e *Edits) Make(d *lvscf.Document) ([]form.Change, error) {
	if len(e.Edits) == 0 || len(e.Edits) > MaxEdits {
		return nil, &FieldError{Field{"edits", fmt.Sprintf("1 to %d edits expected", MaxEdits)}}
	}
	var made []form.Change
	for i := range e.Edits {
		change, err := e.Edits[i].change(d)
		if err != nil {
			at := &FieldError{Field{Message: err.Error()}}
			errors.As(err, &at)
			return nil, &FieldError{Field{strings.TrimSuffix(fmt.Sprintf("edits[%d].%s", i, at.Field.Field), "."), at.Message}}
		}
		if change.Old != change.New {
			made = append(made, change)
		}
	}
	return made, nil
}

// path is the block that an edit is about.
func (e *Edit) path() lvscf.Path {
	p := lvscf.Path{Virtual: lvscf.Ref{Name: e.Virtual, N: e.VirtualNumber}}
	if e.Server != "" {
		p.Server = lvscf.Ref{Name: e.Server, N: e.ServerNumber}
	}
	return p
}

// change makes the edit.
func (e *Edit) change(d *lvscf.Document) (form.Change, error) {
	at := e.path()
	for name, value := range map[string]string{"virtual": e.Virtual, "server": e.Server, "key": e.Key, "value": e.Value, "name": e.Name} {
		if problem := form.Unfit(value); problem != "" {
			return form.Change{}, &FieldError{Field{name, problem}}
		}
	}
	block := ""
	if e.Virtual != "" {
		block = at.String() + " "
	} else if e.Do != "set" && e.Do != "unset" {
		return form.Change{}, &FieldError{Field{"virtual", "the name of a virtual server expected"}}
	}
	switch e.Do {
	case "set", "unset":
		if (e.Do == "set") != (e.Value != "") {
			return form.Change{}, &FieldError{Field{"value", "set needs a value, and unset has none"}}
		}
		change, err := form.Set(d, at, e.Key, e.Value)
		if err != nil {
			return change, fieldError("key", err)
		}
		change.Key = block + change.Key
		return change, nil
	case "add":
		if e.Server != "" {
			service := at
			service.Server = lvscf.Ref{}
			return form.Change{Key: "added", New: at.String()}, d.AddServer(service, e.Server)
		}
		return form.Change{Key: "added", New: at.String()}, d.AddVirtual(e.Virtual, lvscf.Path{})
	case "remove":
		return form.Change{Key: "deleted", Old: at.String()}, d.Remove(at)
	case "rename":
		return form.Change{Key: block + "name", Old: at.String(), New: e.Name}, d.Rename(at, e.Name)
	}
	return form.Change{}, &FieldError{Field{"do", "set, unset, add, remove or rename expected"}}
}
