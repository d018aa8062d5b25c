package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/events"
)

// Types of events that piranhactl adds: a daemon does not answer any more, or again.
const (
	eventGone = "gone"
	eventBack = "back"
)

// allEvents is more than a daemon keeps.
const allEvents = 1000000

// eventPause is the time from one attempt to reach a daemon to the next.
const eventPause = 250 * time.Millisecond

// source is a daemon whose events are read.
type source struct {
	client control.Client
	since  string // ID of the last event that was read; "": none was
	lost   bool   // it cannot be read now, which has been told
}

// told is an event and who tells of it. Field names are an API, described in doc/api.md.
type told struct {
	Daemon string `json:"daemon"`
	events.Event
}

// watchEvents shows what both daemons tell: what has been, in the order of time, and then what comes, as it comes.
func watchEvents(ctx context.Context, c cluster, o options, out io.Writer) error {
	sources, err := newSources(c, o.since)
	if err != nil {
		return err
	}
	past, err := bygone(ctx, sources, o)
	if err != nil {
		return err
	}
	for _, e := range past {
		if err := e.print(out, o.json); err != nil {
			return err
		}
	}
	if o.noWait {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	more := make(chan told)
	for _, s := range sources {
		go s.follow(ctx, func(e told) {
			select {
			case more <- e:
			case <-ctx.Done():
			}
		})
	}
	for {
		select {
		case e := <-more:
			if err := e.print(out, o.json); err != nil {
				return err
			}
		case <-ctx.Done(): // as it is meant to end
			return nil
		}
	}
}

// newSources are the daemons, and what has been read of them: an ID begins with the name of whose it is.
func newSources(c cluster, since string) ([]*source, error) {
	sources := []*source{{client: c.pulse}, {client: c.lvsd}}
	if since == "" {
		return sources, nil
	}
	for id := range strings.SplitSeq(since, ",") {
		name, _, _ := strings.Cut(id, "-")
		i := slices.IndexFunc(sources, func(s *source) bool { return s.client.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("bad argument --since: an ID such as lvsd-h2xk7q4v1c-17 expected, not %.40q", id)
		}
		sources[i].since = id
	}
	return sources, nil
}

// bygone asks for what has been, and says which daemon does not answer. One may be missing, not both.
func bygone(ctx context.Context, sources []*source, o options) (list []told, err error) {
	var failed []error
	var missing []told
	most := allEvents
	for _, s := range sources {
		last := o.last // how many of this daemon are wanted
		switch {
		case s.since != "":
			last = allEvents
		case o.since != "":
			last = 0
		default:
			most = o.last
		}
		past, err := s.past(ctx, last)
		if err != nil {
			failed = append(failed, plain(s.client, err))
			missing = append(missing, s.gone(err))
			continue
		}
		list = append(list, past...)
	}
	if len(failed) == len(sources) {
		return nil, errors.Join(failed...)
	}
	slices.SortStableFunc(list, func(a, b told) int { return a.Time.Compare(b.Time) })
	return append(list[max(len(list)-most, 0):], missing...), nil
}

// past asks for the last events, or all since the one that was read, and remembers the newest.
func (s *source) past(ctx context.Context, last int) (list []told, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	query := url.Values{"follow": {"0"}, "last": {strconv.Itoa(max(last, 1))}} // one, to know where to go on
	if s.since != "" {
		query.Set("since", s.since)
	}
	err = s.read(ctx, query, func() {}, func(e told) {
		if last > 0 {
			list = append(list, e)
		}
	})
	return list, err
}

// read has the daemon tell, and remembers the newest event. heard is called when it begins.
func (s *source) read(ctx context.Context, query url.Values, heard func(), tell func(told)) error {
	return s.client.Stream(ctx, "events?"+query.Encode(), func(body io.Reader) error {
		heard()
		return events.Read(body, func(e events.Event) error {
			if e.ID != "" {
				s.since = e.ID
			}
			tell(told{s.client.Name, e})
			return nil
		})
	})
}

// follow reads events until ctx is done, from a daemon that may come and go.
func (s *source) follow(ctx context.Context, tell func(told)) {
	for ctx.Err() == nil {
		query := url.Values{"last": {strconv.Itoa(allEvents)}} // what one tells that was not there before is all new
		if s.since != "" {
			query = url.Values{"since": {s.since}}
		}
		err := s.read(ctx, query, func() {
			if s.lost {
				s.lost = false
				tell(s.notice(eventBack, s.client.Name+" answers again"))
			}
		}, tell)
		if ctx.Err() != nil {
			return
		}
		if !s.lost {
			tell(s.gone(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(eventPause):
		}
	}
}

// gone tells that the daemon cannot be read; a stream that just ended has no error.
func (s *source) gone(err error) told {
	s.lost = true
	if err == nil {
		return s.notice(eventGone, s.client.Name+" has ended")
	}
	return s.notice(eventGone, plain(s.client, err).Error())
}

func (s *source) notice(kind, text string) told {
	return told{s.client.Name, events.Event{Time: time.Now().Round(0), Type: kind, Text: text}}
}

// print shows an event: in a line for people, or as JSON in a line.
func (t told) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(t)
	}
	at := t.Time.Local().Format("2006-01-02 15:04:05.000")
	_, err := fmt.Fprintf(out, "%s %-5s %s\n", at, clean(t.Daemon), clean(t.Text))
	return err
}
