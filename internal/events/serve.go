package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
)

const (
	// maxReaders is how many may read a Ring at the same time.
	maxReaders = 32
	// heartbeat is the pause between two comments, by which a reader that has gone is found.
	heartbeat = 15 * time.Second
	// patience is how long a reader may leave what it was sent unread.
	patience = 10 * time.Second
	// batch is how many events are fetched at once, at most.
	batch = 100
)

// Handler answers GET /v1/events: with all events after the one that Last-Event-ID or ?since=ID names, or with the last
// ?last=N, or with new ones only; then with every one that comes, unless follow=0.
func (r *Ring) Handler() http.HandlerFunc {
	var readers atomic.Int32
	return func(w http.ResponseWriter, req *http.Request) {
		s, err := r.open(req)
		if err != nil {
			control.Fail(w, http.StatusBadRequest, err.Error())
			return
		}
		defer readers.Add(-1)
		if readers.Add(1) > maxReaders {
			control.Fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d read the events already", maxReaders))
			return
		}
		if s.out, err = NewWriter(w, patience); err == nil {
			_ = s.run(req) // the reader has gone, or is too slow
		}
	}
}

// stream is what one reader gets.
type stream struct {
	ring *Ring
	out  *Writer

	from   uint64 // number of the next event
	gap    bool   // events before that are unknown to the reader, nobody knows how many
	follow bool
}

var errLast = errors.New("last: a number of 0 or more expected")

// open finds out what a reader wants.
func (r *Ring) open(req *http.Request) (*stream, error) {
	s := &stream{ring: r, follow: req.FormValue("follow") != "0"}
	since, last := req.Header.Get("Last-Event-ID"), 0
	if since == "" {
		since = req.FormValue("since")
	}
	if n := req.FormValue("last"); n != "" {
		var err error
		if last, err = strconv.Atoi(n); err != nil || last < 0 {
			return nil, errLast
		}
	}
	if since == "" {
		s.from = r.last(last)
		return s, nil
	}
	var known bool
	s.from, known = r.after(since)
	s.gap = !known
	return s, nil
}

// run sends events until the reader goes, or does not read.
func (s *stream) run(req *http.Request) error {
	if err := s.begin(); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		list, lost, more := s.ring.fetch(s.from, batch)
		s.from += lost + uint64(len(list))
		if err := s.tell(list, lost); err != nil {
			return err
		}
		switch {
		case len(list) > 0:
			continue
		case !s.follow:
			return nil
		}
		select {
		case <-more:
		case <-beat.C:
			if err := s.out.Write(Comment); err != nil {
				return err
			}
		case <-req.Context().Done():
			return nil
		}
	}
}

// begin tells the reader at once that it is heard.
func (s *stream) begin() error {
	if s.gap {
		return s.lost("the daemon has been started since: of what it told before nothing is known", 0)
	}
	return s.out.Write(Comment)
}

// tell sends events, and before them how many there would have been.
func (s *stream) tell(list []Event, lost uint64) error {
	if lost > 0 {
		if err := s.lost(strconv.FormatUint(lost, 10)+" events are no longer known", lost); err != nil {
			return err
		}
	}
	for _, e := range list {
		if err := s.out.Write("id: " + e.ID + "\n" + frame(e)); err != nil {
			return err
		}
	}
	return nil
}

// lost tells of events that the reader will not see, and how many, if that is known. It has no ID, so that what the reader
// resumes from stays as it is.
func (s *stream) lost(text string, count uint64) error {
	e := Event{Time: time.Now().Round(0), Type: Lost, Text: text}
	if count > 0 {
		e.Data = json.RawMessage(`{"count":` + strconv.FormatUint(count, 10) + `}`)
	}
	return s.out.Write(frame(e))
}

// frame is an event as it is sent, but for its id. JSON has no line breaks of its own.
func frame(e Event) string {
	text, err := json.Marshal(e)
	if err != nil {
		return ""
	}
	return "event: " + e.Type + "\ndata: " + string(text) + "\n\n"
}
