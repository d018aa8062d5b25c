package gui

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/live"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// changing is an lvsd whose status somebody changes.
type changing struct {
	mu     sync.Mutex
	status monitor.LvsdStatus
}

func (s *site) changing(status monitor.LvsdStatus) *changing {
	c := &changing{status: status}
	s.socket("lvs", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		control.Reply(w, http.StatusOK, c.status)
	})
	return c
}

func (c *changing) change(f func(*monitor.LvsdStatus)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

// updates reads what a page is told, as it opened the stream when it was loaded. After its end updates have no size.
func (b *browser) updates(page string) (next func() (live.Update, int), end func()) {
	b.site.t.Helper()
	m := regexp.MustCompile(`data-kind="([0-9a-f]+)" data-state="([0-9a-f]+)"`).FindStringSubmatch(page)
	if m == nil {
		b.site.t.Fatalf("nothing is live in\n%s", page)
	}
	ctx, cancel := context.WithCancel(b.site.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.site.http.URL+"/control/live?rate=2&kind="+m[1]+"&state="+m[2], nil)
	if err != nil {
		b.site.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := b.client.Do(r)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.site.t.Fatalf("stream: %v, %v", resp, err)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 2*live.MaxUpdate)
	next = func() (u live.Update, size int) {
		for lines.Scan() {
			text, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			if err := json.Unmarshal([]byte(text), &u); err != nil {
				b.site.t.Fatal(err)
			}
			return u, len(text)
		}
		return u, 0
	}
	return next, func() { cancel(); resp.Body.Close() }
}

// TestStream: a page is told what has changed, and no more.
func TestStream(t *testing.T) {
	s := newSite(t)
	s.daemon("pulse", pulseStatus)
	lvsd := s.changing(cluster(2, 2))
	b := s.signedIn("viewer")
	page := b.get("/control").body
	next, end := b.updates(page)
	defer end()
	if u, _ := next(); u.All || u.Rows != nil || u.Sections["now-control"] == "" || u.Figures == "" {
		t.Fatalf("first update: %+v", u)
	}
	lvsd.change(func(st *monitor.LvsdStatus) {
		vs := &st.Virtual[1]
		vs.Real = append([]monitor.RealStatus(nil), vs.Real...)
		vs.Real[1].State, vs.Real[1].Reason, vs.Real[1].Now = "down", "<b>no answer</b>", 0
	})
	rows := map[int]string{}
	var order []int
	for size := 1; len(rows) == 0 && size > 0; {
		var u live.Update
		u, size = next()
		maps.Copy(rows, u.Rows)
		if u.Order != nil {
			order = u.Order
		}
	}
	// Rows 0 to 2 are service0 and its servers, 3 to 5 service1 and its.
	if len(rows) != 2 || !strings.Contains(rows[5], "&lt;b&gt;no answer&lt;/b&gt;") || !strings.Contains(rows[3], "degraded") {
		t.Errorf("rows: %q", rows)
	}
	if len(order) != 2 || order[0] != 3 {
		t.Errorf("the worst is not first: %v", order)
	}
	lvsd.change(func(st *monitor.LvsdStatus) { st.Virtual = st.Virtual[:1] })
	for u, size := next(); !u.All; u, size = next() {
		if size == 0 {
			t.Fatal("the stream has ended")
		}
	}
	// One that was made before the last change loads itself again.
	next, end2 := b.updates(page)
	defer end2()
	if u, _ := next(); !u.All {
		t.Errorf("an old page: %+v", u)
	}
	b.get("/control/live").want(t, "no stream", http.StatusNotAcceptable)
}

// TestStreamEnds: with the session the stream ends.
func TestStreamEnds(t *testing.T) {
	s := newSite(t)
	s.changing(cluster(1, 1))
	b := s.signedIn("viewer")
	next, end := b.updates(b.get("/control").body)
	defer end()
	next()
	s.setPassword("viewer", "another")
	for size := 1; size > 0; {
		_, size = next()
	}
}

// TestStreamSize: with 100 virtual servers of 20 real servers, of which all figures change, no update is larger than 20 kB.
func TestStreamSize(t *testing.T) {
	s := newSite(t)
	s.daemon("pulse", pulseStatus)
	lvsd := s.changing(cluster(100, 20))
	b := s.signedIn("viewer")
	next, end := b.updates(b.get("/control").body)
	defer end()
	largest := 0
	for range 3 {
		_, size := next()
		largest = max(largest, size)
		lvsd.change(func(st *monitor.LvsdStatus) {
			for i := range st.Virtual {
				for j := range st.Virtual[i].Real {
					traffic := *st.Virtual[i].Real[j].Traffic
					traffic.Active++
					traffic.Inactive += 2
					traffic.Rates = &monitor.Rates{Connections: traffic.Rates.Connections + 3}
					st.Virtual[i].Real[j].Traffic = &traffic
					st.Virtual[i].Real[j].LastCheck = &monitor.Check{Duration: float64(i+j) / 1000}
				}
			}
		})
	}
	if largest > live.MaxUpdate {
		t.Errorf("an update has %d bytes", largest)
	}
	t.Logf("largest update: %d bytes", largest)
}
