package events

import (
	"fmt"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// filled is a Ring after n events, whose texts are their numbers.
func filled(n int) *Ring {
	r := NewRing("lvsd", start)
	for i := range n {
		r.Publish(start, "test", fmt.Sprint(i+1), nil)
	}
	return r
}

func TestFetch(t *testing.T) {
	for _, c := range []struct {
		name        string
		published   int
		from        uint64
		most        int
		first, last string // texts
		n           int
		lost        uint64
	}{
		{"nothing yet", 0, 1, 10, "", "", 0, 0},
		{"all", 3, 1, 10, "1", "3", 3, 0},
		{"the rest", 3, 3, 10, "3", "3", 1, 0},
		{"nothing new", 3, 4, 10, "", "", 0, 0},
		{"a part", 30, 11, 10, "11", "20", 10, 0},
		{"full", size, 1, size, "1", "1000", size, 0},
		{"the first is gone", size + 1, 1, size, "2", "1001", size, 1},
		{"most are gone", 3 * size, 10, 5, "2001", "2005", 5, 1991},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, lost, _ := filled(c.published).fetch(c.from, c.most)
			if len(list) != c.n || lost != c.lost {
				t.Fatalf("%d events, %d lost; want %d, %d", len(list), lost, c.n, c.lost)
			}
			if c.n > 0 && (list[0].Text != c.first || list[c.n-1].Text != c.last) {
				t.Errorf("from %s to %s, want %s to %s", list[0].Text, list[c.n-1].Text, c.first, c.last)
			}
		})
	}
}

func TestFetchTellsOfMore(t *testing.T) {
	r := filled(1)
	_, _, more := r.fetch(2, 1)
	select {
	case <-more:
		t.Fatal("more before anything was published")
	default:
	}
	r.Publish(start, "test", "2", nil)
	select {
	case <-more:
	default:
		t.Error("nothing tells of the event")
	}
}

func TestAfter(t *testing.T) {
	r := filled(size + 10)
	later := NewRing("lvsd", start.Add(time.Microsecond))
	for _, c := range []struct {
		name, id string
		number   uint64
		known    bool
	}{
		{"one that is kept", r.prefix + "500", 501, true},
		{"the newest", r.prefix + "1010", 1011, true},
		{"one that is no longer kept", r.prefix + "3", 4, true},
		{"before the first", r.prefix + "0", 1, true},
		{"one there has not been", r.prefix + "1011", 11, false},
		{"of another start", later.prefix + "500", 11, false},
		{"of another daemon", "pulse" + r.prefix[4:] + "500", 11, false},
		{"no number", r.prefix + "x", 11, false},
		{"a number too large", r.prefix + "99999999999999999999", 11, false},
		{"nothing", "", 11, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n, known := r.after(c.id); n != c.number || known != c.known {
				t.Errorf("%d, %v; want %d, %v", n, known, c.number, c.known)
			}
		})
	}
}

func TestLast(t *testing.T) {
	for _, c := range []struct {
		published, n int
		from         uint64
	}{{0, 0, 1}, {0, 10, 1}, {3, 0, 4}, {3, 2, 2}, {3, 10, 1}, {size + 5, 2 * size, 6}} {
		if got := filled(c.published).last(c.n); got != c.from {
			t.Errorf("the last %d of %d: from %d, want %d", c.n, c.published, got, c.from)
		}
	}
}

func TestPublish(t *testing.T) {
	r := NewRing("lvsd", start)
	r.Publish(start, "server_down", "web/a is down", map[string]string{"virtual": "web"})
	list, _, _ := r.fetch(1, 1)
	e := list[0]
	if e.ID != r.prefix+"1" || e.Type != "server_down" || !e.Time.Equal(start) || string(e.Data) != `{"virtual":"web"}` {
		t.Errorf("%+v", e)
	}
	var none *Ring
	none.Publish(start, "server_down", "nobody keeps this", nil)
}
