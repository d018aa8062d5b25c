package monitor

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/events"
)

// Limits of the list of events.
const (
	maxEvents     = 12
	maxEventText  = 300       // bytes
	maxEventsSize = 256 << 10 // of an answer
)

// Event is something that a daemon says has happened.
type Event struct {
	State
	Time   time.Time
	Daemon string
	Text   string
}

// Events are the last ones of both daemons, the newest first. What a daemon has said stays true when it no longer answers.
func (s *Source) Events(ctx context.Context) []Event {
	var group sync.WaitGroup
	var all [2][]Event
	for i, l := range []*eventLog{&s.pulseEvents, &s.lvsdEvents} {
		group.Go(func() { all[i] = l.ask(ctx) })
	}
	group.Wait()
	list := slices.Concat(all[0], all[1])
	slices.SortStableFunc(list, func(a, b Event) int { return b.Time.Compare(a.Time) })
	return list[:min(len(list), maxEvents)]
}

// eventLog is what one daemon has said last.
type eventLog struct {
	client control.Client

	mu    sync.Mutex
	tried time.Time
	last  []Event
}

func (l *eventLog) ask(ctx context.Context) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.tried.IsZero() && time.Since(l.tried) < shared {
		return l.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	var list []Event
	err := l.client.Stream(ctx, "events?follow=0&last="+strconv.Itoa(maxEvents), func(body io.Reader) error {
		return events.Read(io.LimitReader(body, maxEventsSize), func(e events.Event) error {
			list = append(list, Event{eventState(e.Type), e.Time, l.client.Name, shorten(e.Text)})
			return nil
		})
	})
	l.tried = time.Now()
	if err == nil {
		l.last = list
	}
	return l.last
}

func shorten(text string) string {
	if len(text) > maxEventText {
		return strings.ToValidUTF8(text[:maxEventText], "") + "…"
	}
	return text
}

// eventState is the type of an event, as a word, and how it is to be taken.
func eventState(kind string) State {
	class := "off"
	switch kind {
	case "server_down", "service_down", "reload_refused", "kernel_error", "lvsd_down", "link_lost":
		class = "down"
	case "server_up", "service_up", "kernel_ok", "lvsd_up", "link_back":
		class = "up"
	case "order", "standby", "resume":
		class = "hold"
	case "repair", "sorry_in", "partner", "state", "server_unwatched", "lost":
		class = "warn"
	}
	return State{class, strings.ReplaceAll(kind, "_", " ")}
}
