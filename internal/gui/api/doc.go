// Package api is what the web panels tell programs, and what programs ask of them: the JSON of /api/v1, which doc/gui-api.md and
// web/openapi.json describe. It makes answers out of what the pages show, and knows no HTTP.
package api

import (
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Error is every answer that is not what was asked for.
type Error struct {
	Error  string  `json:"error"`
	Fields []Field `json:"fields,omitempty"` // what in the request, or in lvs.cf, is wrong
}

// Field is one of the things that are wrong.
type Field struct {
	Field   string `json:"field"` // edits[2].value, or virtual "web" port
	Message string `json:"message"`
}

// Findings are what the daemons would say of an lvs.cf.
func Findings(found lvscf.Findings) []Field {
	list := make([]Field, len(found))
	for i, f := range found {
		text := f.Text
		if f.Hint != "" {
			text += ": " + f.Hint
		}
		list[i] = Field{strings.TrimSpace(f.Block + " " + f.Key), text}
	}
	return list
}

// State is how something is. Programs look at Class.
type State struct {
	Class string `json:"class"` // up, down, warn, hold (by an operator) or off (not known, not watched)
	Word  string `json:"word"`  // for people
}

// Who did something, and when.
type Who struct {
	Account string    `json:"account"` // "token NAME" if it was a program; empty: nobody of here
	Address string    `json:"address"`
	At      time.Time `json:"at"`
}
