package gui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/events"
	"github.com/piranha-lvs/piranha/internal/gui/api"
)

const (
	// maxEventStreams is how many programs may read events at a time. A daemon has room for 32 readers.
	maxEventStreams = 8
	// maxPast is how many past events of each daemon there may be at the beginning of a stream: as many as it keeps.
	maxPast = 1000
	// eventAgain is the pause before a daemon that does not answer is asked again.
	eventAgain = time.Second
)

// apiEvents tells what happens on this router, as server-sent events: what both daemons tell.
func (s *Server) apiEvents(w http.ResponseWriter, r *http.Request) {
	last, err := strconv.ParseUint("0"+r.URL.Query().Get("last"), 10, 16)
	if err != nil || last > maxPast {
		refuseProgram(w, r, http.StatusBadRequest, "The request was not understood.", api.Field{Field: "last", Message: "0 to 1000 expected"})
		return
	}
	select {
	case s.programs.streams <- struct{}{}:
		defer func() { <-s.programs.streams }()
	default:
		s.refuse(w, r, http.StatusServiceUnavailable, "Too many programs read events.")
		return
	}
	out, err := events.NewWriter(w, writeTime)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	more := make(chan api.Event)
	for _, client := range []control.Client{control.NewClient(s.opt.RunDir, "pulse", "pulse"), control.NewClient(s.opt.RunDir, "lvs", "lvsd")} {
		go followEvents(ctx, client, last, more)
	}
	s.tellEvents(r, out, more)
}

// tellEvents passes events on until the reader has gone, or its token has.
func (s *Server) tellEvents(r *http.Request, out *events.Writer, more <-chan api.Event) {
	_, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	check := time.NewTicker(pingEvery)
	defer check.Stop()
	if out.Write(events.Comment) != nil { // the answer begins
		return
	}
	for {
		var err error
		select {
		case e := <-more:
			text, _ := json.Marshal(e) // it has nothing that JSON lacks
			err = out.WriteData(text)
		case now := <-check.C:
			if _, ok := s.programs.tokens.Find(strings.TrimSpace(secret), now); !ok || !s.access.allow(clientAddr(r)) {
				return
			}
			err = out.Write(events.Comment)
		case <-r.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// followEvents passes on what a daemon tells, and that it does not answer any more, or again, until ctx is done.
func followEvents(ctx context.Context, client control.Client, last uint64, more chan<- api.Event) {
	pass := func(e events.Event) error {
		select {
		case more <- api.Event{Daemon: client.Name, Event: e}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	query, gone := url.Values{"last": {strconv.FormatUint(last, 10)}}, false
	for ctx.Err() == nil {
		err := client.Stream(ctx, "events?"+query.Encode(), func(body io.Reader) error {
			if gone {
				gone = false
				if err := pass(events.Event{Time: time.Now().Round(0), Type: api.EventBack, Text: client.Name + " answers again"}); err != nil {
					return err
				}
			}
			return events.Read(body, func(e events.Event) error {
				if e.ID != "" {
					query.Set("since", e.ID)
				}
				return pass(e)
			})
		})
		if !gone && ctx.Err() == nil {
			gone = true
			_ = pass(events.Event{Time: time.Now().Round(0), Type: api.EventGone, Text: goneText(client.Name, err)})
		}
		select {
		case <-ctx.Done():
		case <-time.After(eventAgain):
		}
	}
}

func goneText(name string, err error) string {
	var refusal *control.Refusal
	switch {
	case err == nil || control.Gone(err):
		return name + " does not run"
	case errors.As(err, &refusal):
		return name + " tells no events: " + refusal.Text
	}
	return err.Error()
}
