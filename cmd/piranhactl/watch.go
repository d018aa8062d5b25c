package main

import (
	"errors"

	"github.com/piranha-lvs/piranha/internal/cmdline"
)

// watching are the options of the commands that show what goes on.
type watching struct {
	since string // events: IDs
	last  int    // events: how many of what has been
}

func (o *watching) set(s *cmdline.Set) {
	o.last = defaultLast
	s.String(&o.since, 0, "since", "ID", "events: those after this one")
	s.Int(&o.last, 0, "last", "N", "events: begin with the last N (default 10)")
}

// defaultLast is how many events are shown of what has been.
const defaultLast = 10

// misplaced finds an option that is for another command, or does not go with another one.
func (o *watching) misplaced(command string) error {
	switch {
	case (o.since != "" || o.last != defaultLast) && command != "events":
		return errors.New("--since and --last are for events")
	case o.since != "" && o.last != defaultLast:
		return errors.New("--since and --last exclude each other")
	case o.last < 0:
		return errors.New("bad argument --last: 0 or more expected")
	}
	return nil
}
