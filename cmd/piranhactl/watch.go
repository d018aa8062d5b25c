package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/cmdline"
)

// watching are the options of the commands that show what goes on.
type watching struct {
	since string // events: IDs
	last  int    // events: how many of what has been

	client, state string // connections
	limit         int    // connections

	interval time.Duration // top
	count    int           // top; 0: until it is ended
	order    int           // top: index of topOrders
}

func (o *watching) set(s *cmdline.Set) {
	o.last, o.limit, o.interval = defaultLast, defaultLimit, defaultInterval
	s.String(&o.since, 0, "since", "ID", "events: those after this one")
	s.Int(&o.last, 0, "last", "N", "events: begin with the last N (default 10)")
	s.String(&o.client, 0, "client", "ADDR", "connections: those of this client, or of a network (ADDR/BITS)")
	s.String(&o.state, 0, "state", "STATE", "connections: those in this state, such as ESTABLISHED")
	s.Time(&o.interval, 0, "interval", "TIME", "top: from one look to the next (default 2)")
	s.Int(&o.count, 'n', "count", "N", "top: end after N tables")
	s.Func(0, "sort", "COLUMN", "top: by "+strings.Join(orderNames(), ", "), o.setOrder)
	s.Int(&o.limit, 0, "limit", "N", "connections: list at most N (default 100, at most 10000)")
}

// defaultLast is how many events are shown of what has been.
const defaultLast = 10

// defaultLimit is how many connections are listed.
const defaultLimit = 100

// defaultInterval is the time from one look of top to the next; lvsd looks at the kernel's counters once a second.
const (
	defaultInterval = 2 * time.Second
	minInterval     = time.Second
)

// setOrder takes the name of a column.
func (o *watching) setOrder(name string) error {
	o.order = slices.Index(orderNames(), name)
	if o.order < 0 {
		return errors.New("one of " + strings.Join(orderNames(), ", ") + " expected")
	}
	return nil
}

func orderNames() (names []string) {
	for _, o := range topOrders {
		names = append(names, o.name)
	}
	return names
}

// misplaced finds an option that is for another command, or does not go with another one.
func (o *watching) misplaced(command string) error {
	switch {
	case (o.since != "" || o.last != defaultLast) && command != "events":
		return errors.New("--since and --last are for events")
	case o.since != "" && o.last != defaultLast:
		return errors.New("--since and --last exclude each other")
	case (o.client != "" || o.state != "" || o.limit != defaultLimit) && command != "connections":
		return errors.New("--client, --state and --limit are for connections")
	case (o.interval != defaultInterval || o.count != 0 || o.order != 0) && command != "top":
		return errors.New("--interval, --count and --sort are for top")
	case o.interval < minInterval:
		return errors.New("bad argument --interval: at least 1 second expected")
	case o.count < 0:
		return errors.New("bad argument --count: 0 or more expected")
	case o.last < 0:
		return errors.New("bad argument --last: 0 or more expected")
	}
	return nil
}
