package gui

import (
	"bytes"
	"context"
	"hash/maphash"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/events"
	"github.com/piranha-lvs/piranha/internal/gui/live"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

const (
	// lookEvery is how often the daemons are asked for all who look together.
	lookEvery = time.Second
	// maxStreams is how many pages may be live at a time; the others show when they were made.
	maxStreams = 200
	// pingEvery is after what silence a stream says that it is still there.
	pingEvery = 15 * time.Second
	// maxLiveText is the longest table or list of processes that is live, in bytes: longer ones have a time beside them.
	maxLiveText = 3000
)

// liveSource looks for all whose page is live, once for all of them and only while there are any.
type liveSource struct {
	seed    maphash.Seed
	streams chan struct{}

	mu       sync.Mutex
	began    time.Time // to look for the snapshot
	snapshot *live.Snapshot
	view     nowView
}

func newLiveSource() *liveSource {
	return &liveSource{seed: maphash.MakeSeed(), streams: make(chan struct{}, maxStreams)}
}

// now is how things are, at most so long before the call. Of many who wait for a look, those are served together who came before it
// began.
func (l *liveSource) now(ctx context.Context, s *Server, ago time.Duration) (*live.Snapshot, nowView, error) {
	oldest := time.Now().Add(-ago)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.snapshot != nil && !l.began.Before(oldest) {
		return l.snapshot, l.view, nil
	}
	began := time.Now()
	view := s.look(context.WithoutCancel(ctx)) // for the others as well
	snapshot := l.snapshotOf(view)
	var err error
	if snapshot.Sections, err = s.sections(view); err != nil {
		return nil, view, err
	}
	l.began, l.snapshot, l.view = began, snapshot, view
	return snapshot, view, nil
}

// snapshotOf is a view as live pages compare it.
func (l *liveSource) snapshotOf(v nowView) *live.Snapshot {
	s := &live.Snapshot{}
	var kind, state maphash.Hash
	kind.SetSeed(l.seed)
	state.SetSeed(l.seed)
	services := slices.Clone(v.Services)
	for _, service := range services {
		s.Order = append(s.Order, service.N)
		var inner []int
		for _, r := range service.Servers {
			inner = append(inner, r.N)
		}
		s.Inner = append(s.Inner, inner)
	}
	slices.SortFunc(services, func(a, b monitor.Service) int { return a.N - b.N })
	at := map[int]*monitor.Service{}
	for i := range services {
		service := &services[i]
		at[service.N] = service
		name(&kind, service.Name)
		s.Rows = append(s.Rows, l.serviceSum(service))
		s.Figures = append(s.Figures, figures(service.Traffic, ""))
		servers := slices.Clone(service.Servers)
		slices.SortFunc(servers, func(a, b monitor.Server) int { return a.N - b.N })
		for j := range servers {
			at[servers[j].N] = service
			name(&kind, servers[j].Name)
			s.Rows = append(s.Rows, l.serverSum(&servers[j]))
			s.Figures = append(s.Figures, figures(servers[j].Traffic, servers[j].Took))
		}
	}
	for _, sum := range s.Rows {
		maphash.WriteComparable(&state, sum)
	}
	s.Kind, s.State = kind.Sum64(), state.Sum64()
	s.Row = func(n int) string { return oneRow(at[n], n, v.Time) }
	return s
}

// name adds a name to a sum, so that no two lists of names look alike.
func name(h *maphash.Hash, text string) {
	maphash.WriteComparable(h, len(text))
	_, _ = h.WriteString(text)
}

// serviceSum changes when anything but the figures does that its row shows.
func (l *liveSource) serviceSum(s *monitor.Service) uint64 {
	return maphash.Comparable(l.seed, struct {
		monitor.State
		where, scheduler, reason string
		weight, now              int
		listed, counted          bool
	}{s.State, s.Where, s.Scheduler, s.Reason, s.Weight, s.Now, s.Listed, s.Traffic != nil})
}

func (l *liveSource) serverSum(r *monitor.Server) uint64 {
	return maphash.Comparable(l.seed, struct {
		monitor.State
		address, reason string
		since           int64
		weight, now     int
		present         bool
	}{r.State, r.Address, r.Reason[:len(r.Reason)-len(r.Took)], r.Since.UnixNano(), r.Weight, r.Now, r.Present})
}

func figures(t *monitor.Traffic, took string) live.Figures {
	f := live.Figures{Active: -1, Inactive: -1, Rate: -1, Took: took}
	if t == nil {
		return f
	}
	f.Active, f.Inactive = int64(t.Active), int64(t.Inactive)
	if t.Rates != nil {
		f.Rate = int64(t.Rates.Connections + 0.5)
	}
	return f
}

// sections are the parts of the page that are live as a whole.
func (s *Server) sections(v nowView) ([]live.Section, error) {
	var list []live.Section
	for _, name := range []string{"now-control", "now-figures", "now-events"} {
		var b bytes.Buffer
		if err := s.views["control"].ExecuteTemplate(&b, name, v); err != nil {
			return nil, err
		}
		list = append(list, live.Section{ID: name, HTML: b.String()})
	}
	for i, f := range filters() {
		n := 0
		for _, service := range v.Services {
			if f.in(service) {
				n++
			}
		}
		list = append(list, live.Section{ID: "chip-" + strconv.Itoa(i), HTML: strconv.Itoa(n)})
	}
	for id, text := range map[string]string{"now-table": v.Table, "now-processes": processes(v.Processes)} {
		if len(text) <= maxLiveText {
			list = append(list, live.Section{ID: id, HTML: template.HTMLEscapeString(text)})
		}
	}
	return list, nil
}

// stream tells a page what changes, as server-sent events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") != "text/event-stream" {
		s.refuse(w, r, http.StatusNotAcceptable, "This is for the page Control/Monitoring.")
		return
	}
	select {
	case s.live.streams <- struct{}{}:
		defer func() { <-s.live.streams }()
	default:
		s.refuse(w, r, http.StatusServiceUnavailable, "Too many pages are live.")
		return
	}
	query := r.URL.Query()
	snapshot, _, err := s.live.now(r.Context(), s, lookEvery)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out, err := newUpdates(w)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	viewer := live.NewViewer(snapshot)
	if query.Get("kind") != sumText(snapshot.Kind) || query.Get("state") != sumText(snapshot.State) {
		_ = out.WriteData([]byte(`{"all":true}`)) // something has changed since the page was made
		return
	}
	tick := time.NewTicker(time.Duration(rate(query.Get("rate"))) * time.Second)
	defer tick.Stop()
	for {
		if err := out.tell(viewer.Next(snapshot)); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
		if s.sessions.Account(r, s.accounts.stampOf) == "" || !s.access.allow(clientAddr(r)) {
			return // the next connection is refused
		}
		if snapshot, _, err = s.live.now(r.Context(), s, lookEvery); err != nil {
			return
		}
	}
}

func sumText(n uint64) string { return strconv.FormatUint(n, 16) }

// updates are written to a page.
type updates struct {
	*events.Writer
	last time.Time
}

func newUpdates(w http.ResponseWriter) (*updates, error) {
	out, err := events.NewWriter(w, writeTime)
	return &updates{Writer: out}, err
}

// tell sends an update, or, if there is none, from time to time that it goes on.
func (u *updates) tell(update []byte) error {
	switch {
	case update != nil:
	case time.Since(u.last) < pingEvery:
		return nil
	default:
		update = []byte("{}")
	}
	u.last = time.Now()
	return u.WriteData(update)
}
