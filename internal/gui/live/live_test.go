package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
)

// snapshot has that many virtual servers of that many real servers.
func snapshot(services, servers int) *Snapshot {
	s := &Snapshot{Kind: 1, Row: func(n int) string {
		return fmt.Sprintf(`<tr id="r%d" class="up"><td>%s</td></tr>`, n, strings.Repeat("x", 300))
	}}
	for range services {
		first := len(s.Rows)
		s.Order = append(s.Order, first)
		var inner []int
		for j := range servers + 1 {
			s.Rows, s.Figures = append(s.Rows, 7), append(s.Figures, Figures{Active: -1, Inactive: -1, Rate: -1})
			if j > 0 {
				inner = append(inner, first+j)
			}
		}
		s.Inner = append(s.Inner, inner)
	}
	return s
}

// page is what a browser shows: what it was told of rows and figures.
type page struct {
	t       *testing.T
	rows    map[int]string
	figures map[int]Figures
	largest int
}

func newPage(t *testing.T) *page {
	return &page{t: t, rows: map[int]string{}, figures: map[int]Figures{}}
}

// take does what a page does with an update, and tells whether there is more to come.
func (p *page) take(text []byte) (u Update) {
	p.t.Helper()
	if text == nil {
		return u
	}
	p.largest = max(p.largest, len(text))
	if err := json.Unmarshal(text, &u); err != nil {
		p.t.Fatal(err)
	}
	maps.Copy(p.rows, u.Rows)
	n := -1
	for part := range strings.SplitSeq(u.Figures, ";") {
		if part == "" {
			continue
		}
		after, figures, _ := strings.Cut(part, ":")
		step := 1
		if after != "" {
			step, _ = strconv.Atoi(after)
		}
		n += step
		f := p.figures[n]
		for i, word := range strings.Split(figures, ",") {
			if word == "" {
				continue
			}
			value := int64(-1)
			if word != "-" {
				value, _ = strconv.ParseInt(word, 10, 64)
			}
			switch i {
			case 0:
				f.Active = value
			case 1:
				f.Inactive = value
			case 2:
				f.Rate = value
			case 3:
				f.Took = strings.TrimPrefix(word, "-")
			}
		}
		p.figures[n] = f
	}
	return u
}

func TestViewer(t *testing.T) {
	s := snapshot(2, 2)
	s.Sections = []Section{{"control", "<p>1</p>"}}
	v, p := NewViewer(s), newPage(t)
	if u := p.take(v.Next(s)); u.Sections["control"] != "<p>1</p>" || u.Figures != ":-,-,-,-;:-,-,-,-;:-,-,-,-;:-,-,-,-;:-,-,-,-;:-,-,-,-" || u.Rows != nil || u.Order != nil {
		t.Errorf("first: %+v", u)
	}
	if text := v.Next(s); text != nil {
		t.Errorf("nothing has changed: %s", text)
	}
	next := *s
	next.Figures = append([]Figures(nil), s.Figures...)
	next.Figures[1] = Figures{12, 3, -1, "4.2 ms"}
	next.Figures[5] = Figures{-1, 8, 0, ""}
	if u := p.take(v.Next(&next)); u.Figures != "2:12,3,,4.2 ms;4:,8,0" || u.Sections != nil {
		t.Errorf("figures: %+v", u)
	}
	if p.figures[1] != next.Figures[1] || p.figures[5] != next.Figures[5] {
		t.Errorf("the page shows %+v", p.figures)
	}
	down := next
	down.Rows = append([]uint64(nil), s.Rows...)
	down.Rows[4]++
	down.Order, down.Inner = []int{3, 0}, [][]int{{4, 5}, {1, 2}}
	if u := p.take(v.Next(&down)); len(u.Rows) != 1 || fmt.Sprint(u.Order) != "[3 0]" || u.Inner != nil || u.Figures != "" {
		t.Errorf("a row: %+v", u)
	}
	down.Inner = [][]int{{5, 4}, {1, 2}}
	if u := p.take(v.Next(&down)); fmt.Sprint(u.Inner) != "map[3:[5 4]]" || u.Order != nil || u.Rows != nil {
		t.Errorf("an order: %+v", u)
	}
	down.Kind++
	if u := p.take(v.Next(&down)); !u.All {
		t.Errorf("other rows: %+v", u)
	}
}

// TestBound: an update has a bound, however much has changed, and after some of them everything has been told.
func TestBound(t *testing.T) {
	for _, size := range [][2]int{{100, 20}, {1, 2000}, {1000, 1}} {
		s := snapshot(size[0], size[1])
		v, p := NewViewer(s), newPage(t)
		next := *s
		next.Rows, next.Figures = append([]uint64(nil), s.Rows...), append([]Figures(nil), s.Figures...)
		for n := range next.Rows {
			next.Rows[n] = 8
			next.Figures[n] = Figures{int64(n) * 1000, int64(n), int64(n) % 977, "123.4 ms"}
		}
		updates := 0
		for more := true; more; updates++ {
			if updates > 200 {
				t.Fatalf("%v: it does not end", size)
			}
			more = p.take(v.Next(&next)).More
		}
		if len(p.rows) != len(s.Rows) || p.largest > MaxUpdate {
			t.Errorf("%v: %d of %d rows after %d updates, the largest %d bytes", size, len(p.rows), len(s.Rows), updates, p.largest)
		}
	}
}

// TestFiguresBound is the page that people keep open: figures of all rows change each time.
func TestFiguresBound(t *testing.T) {
	s := snapshot(100, 20)
	v, p := NewViewer(s), newPage(t)
	for round := range int64(5) {
		next := *s
		next.Figures = append([]Figures(nil), s.Figures...)
		for n := range next.Figures {
			next.Figures[n] = Figures{int64(n)%1000 + round, int64(n)%300 + round, int64(n)%100 + round, ""}
		}
		for more := true; more; {
			more = p.take(v.Next(&next)).More
		}
		for n, f := range next.Figures {
			if p.figures[n] != f {
				t.Fatalf("round %d, row %d: %+v, want %+v", round, n, p.figures[n], f)
			}
		}
	}
	if p.largest > MaxUpdate {
		t.Errorf("an update has %d bytes", p.largest)
	}
}

func TestLargeSection(t *testing.T) {
	s := snapshot(1, 1)
	s.Sections = []Section{{"control", strings.Repeat(`"`, MaxUpdate)}}
	if u := newPage(t).take(NewViewer(s).Next(s)); !u.All {
		t.Errorf("%+v", u)
	}
}

// FuzzViewer: whatever changes from one look to the next, no update is too large, and a page that has been told all shows it.
func FuzzViewer(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, "ms")
	f.Fuzz(func(t *testing.T, changes []byte, took string) {
		s := snapshot(5, 4)
		v, p := NewViewer(s), newPage(t)
		for i, c := range changes[:min(len(changes), 50)] {
			next := *s
			next.Rows, next.Figures = append([]uint64(nil), s.Rows...), append([]Figures(nil), s.Figures...)
			n := int(c) % len(s.Rows)
			if c%3 == 0 {
				next.Rows[n]++
			}
			next.Figures[n] = Figures{int64(c) - 100, int64(c), int64(i), took}
			s = &next
			if c%5 == 0 {
				continue // nobody looks
			}
			for more := true; more; {
				more = p.take(v.Next(s)).More
			}
			if text := v.Next(s); text != nil {
				t.Fatalf("it is told again: %s", text)
			}
		}
		if p.largest > MaxUpdate {
			t.Fatalf("%d bytes", p.largest)
		}
	})
}
