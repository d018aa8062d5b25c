package main

import (
	"errors"

	"github.com/piranha-lvs/piranha/internal/cmdline"
)

// watching are the options of the commands that show what goes on.
type watching struct {
	since string // events: IDs
	last  int    // events: how many of what has been

	client, state string // connections
	limit         int    // connections
}

func (o *watching) set(s *cmdline.Set) {
	o.last, o.limit = defaultLast, defaultLimit
	s.String(&o.since, 0, "since", "ID", "events: those after this one")
	s.Int(&o.last, 0, "last", "N", "events: begin with the last N (default 10)")
	s.String(&o.client, 0, "client", "ADDR", "connections: those of this client, or of a network (ADDR/BITS)")
	s.String(&o.state, 0, "state", "STATE", "connections: those in this state, such as ESTABLISHED")
	s.Int(&o.limit, 0, "limit", "N", "connections: list at most N (default 100, at most 10000)")
}

// defaultLast is how many events are shown of what has been.
const defaultLast = 10

// defaultLimit is how many connections are listed.
const defaultLimit = 100

// misplaced finds an option that is for another command, or does not go with another one.
func (o *watching) misplaced(command string) error {
	switch {
	case (o.since != "" || o.last != defaultLast) && command != "events":
		return errors.New("--since and --last are for events")
	case o.since != "" && o.last != defaultLast:
		return errors.New("--since and --last exclude each other")
	case (o.client != "" || o.state != "" || o.limit != defaultLimit) && command != "connections":
		return errors.New("--client, --state and --limit are for connections")
	case o.last < 0:
		return errors.New("bad argument --last: 0 or more expected")
	}
	return nil
}
