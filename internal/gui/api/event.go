package api

import "github.com/piranha-lvs/piranha/internal/events"

// Types of events that are not the daemons' own: one does not answer any more, or again.
const (
	EventGone = "gone"
	EventBack = "back"
)

// Event is what a daemon tells.
type Event struct {
	Daemon string `json:"daemon"` // pulse or lvsd
	events.Event
}
