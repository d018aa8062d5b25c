// Package changes keeps what becomes of lvs.cf between an edit and the time it is in force: one draft that all who may change
// share, an apply that is under way or on trial, and the versions before.
//
// What may happen is decided by State and Versions, which know no file. Store keeps both on disk: whenever the machine
// stops, the next start finds a draft or an apply, and never half of one.
package changes

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
)

// Limits, in bytes unless they say otherwise.
const (
	MaxText    = 4 << 20 // of an lvs.cf that can be edited: some 40,000 real servers
	MaxComment = 200
	maxWhat    = 400
	maxEdits   = 100 // that a draft remembers
	maxName    = 100
)

// How long a trial may last.
const (
	MinTrial = 10 * time.Second
	MaxTrial = time.Hour
)

// Errors. They are for people.
var (
	ErrChanged  = errors.New("somebody else has changed it meanwhile")
	ErrNoDraft  = errors.New("there is no draft")
	ErrConflict = errors.New("lvs.cf was changed by someone else since the draft was begun")
	ErrTrial    = errors.New("changes are on trial: they must be kept or rolled back first")
	ErrNoTrial  = errors.New("no changes are on trial")
	ErrTooLarge = errors.New("lvs.cf is too large to be edited here: more than 4 MB")
	ErrNoBefore = errors.New("there was no lvs.cf before: a trial has nothing to go back to")
)

// Who did something, and when.
type Who struct {
	Account string    `json:"account"`
	Address string    `json:"address"`
	At      time.Time `json:"at"`
}

func (w Who) limited() Who {
	w.Account, w.Address = limit(w.Account, maxName), limit(w.Address, maxName)
	return w
}

// Edit is one of those that made a draft.
type Edit struct {
	Who
	What string `json:"what"`
}

// Draft is what lvs.cf may become.
type Draft struct {
	Base  []byte `json:"base"` // lvs.cf when the draft was begun
	Text  []byte `json:"text"`
	Begun Who    `json:"begun"`
	Edits []Edit `json:"edits"` // the last ones
}

// Apply is a change of lvs.cf: while it is written, and then while it is on trial.
type Apply struct {
	Who
	Before  []byte    `json:"before"`
	After   []byte    `json:"after"`
	Comment string    `json:"comment"`
	Confirm time.Time `json:"confirm,omitzero"` // it is rolled back then; zero: it need not be confirmed
	Done    bool      `json:"done"`             // it is written
}

// State is what there is beside lvs.cf and its versions. Its methods return the next state, and change nothing.
type State struct {
	Draft *Draft `json:"draft,omitempty"`
	Apply *Apply `json:"apply,omitempty"`
}

// Sum is a short name of a text.
func Sum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Text is what an edit begins with: the draft, or lvs.cf.
func (s State) Text(file []byte) []byte {
	if s.Draft != nil {
		return s.Draft.Text
	}
	return file
}

// Conflict tells whether lvs.cf has changed since the draft was begun.
func (s State) Conflict(file []byte) bool {
	return s.Draft != nil && string(s.Draft.Base) != string(file)
}

// Trial is what is on trial; nil: nothing is.
func (s State) Trial() *Apply {
	if s.Apply == nil || !s.Apply.Done {
		return nil
	}
	return s.Apply
}

// Edited is the state after an edit of the text that was named from, which begins a draft if there is none. A draft that
// says again what lvs.cf says is none.
func (s State) Edited(file []byte, from string, text []byte, e Edit) (State, error) {
	switch {
	case s.Trial() != nil:
		return s, ErrTrial
	case Sum(s.Text(file)) != from:
		return s, ErrChanged
	case len(text) > MaxText || len(file) > MaxText:
		return s, ErrTooLarge
	}
	e.Who, e.What = e.limited(), limit(e.What, maxWhat)
	next := Draft{Base: file, Begun: e.Who}
	if s.Draft != nil {
		next = *s.Draft
	}
	next.Text = text
	if string(text) == string(next.Base) {
		s.Draft = nil
		return s, nil
	}
	next.Edits = append(slices.Clip(next.Edits), e)
	next.Edits = next.Edits[max(0, len(next.Edits)-maxEdits):]
	s.Draft = &next
	return s, nil
}

// Rebased is the state with a draft that was made to fit another lvs.cf.
func (s State) Rebased(file []byte, from string, text []byte, e Edit) (State, error) {
	if s.Draft == nil {
		return s, ErrNoDraft
	}
	if Sum(s.Draft.Text) != from {
		return s, ErrChanged
	}
	next := *s.Draft
	next.Base = file
	s.Draft = &next
	return s.Edited(file, from, text, e)
}

// Discarded is the state without the draft that was named from.
func (s State) Discarded(from string) (State, error) {
	switch {
	case s.Draft == nil:
		return s, ErrNoDraft
	case Sum(s.Draft.Text) != from:
		return s, ErrChanged
	}
	s.Draft = nil
	return s, nil
}

// Begun is the state while the draft that was named from is written. trial is how long it is on trial; 0: it is not.
func (s State) Begun(file []byte, from string, a Apply, trial time.Duration) (State, error) {
	switch {
	case s.Trial() != nil:
		return s, ErrTrial
	case s.Draft == nil:
		return s, ErrNoDraft
	case Sum(s.Draft.Text) != from:
		return s, ErrChanged
	case s.Conflict(file):
		return s, ErrConflict
	case trial > 0 && len(file) == 0:
		return s, ErrNoBefore
	}
	a.Who, a.Comment, a.Before, a.Done = a.limited(), limit(a.Comment, MaxComment), file, false
	if trial > 0 {
		a.Confirm = a.At.Add(min(max(trial, MinTrial), MaxTrial)).UTC().Round(0)
	}
	s.Apply = &a
	return s, nil
}

// Written is the state when the file has been written.
func (s State) Written() State {
	s.Draft = nil
	if s.Apply.Confirm.IsZero() {
		s.Apply = nil
		return s
	}
	done := *s.Apply
	done.Done = true
	s.Apply = &done
	return s
}

// Over is the state without an apply.
func (s State) Over() State {
	s.Apply = nil
	return s
}

// limit cuts a text, and puts it on one line.
func limit(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n-3], "") + "..."
	}
	return text
}

// sound tells whether a state that was read could have been written.
func (s State) sound() bool {
	fits := func(texts ...[]byte) bool {
		for _, text := range texts {
			if len(text) > MaxText+maxSerialLine {
				return false
			}
		}
		return true
	}
	if d := s.Draft; d != nil && (len(d.Text) == 0 || len(d.Edits) > maxEdits || !fits(d.Base, d.Text)) {
		return false
	}
	if a := s.Apply; a != nil && (len(a.After) == 0 || !fits(a.Before, a.After) || a.Done && (a.Confirm.IsZero() || len(a.Before) == 0)) {
		return false
	}
	return true
}
