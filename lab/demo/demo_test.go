package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

func TestTrafficCountsByScene(t *testing.T) {
	tr, now := newTraffic(), time.Now()
	tr.newScene(now)
	for _, server := range []string{"real1", "real1", "real2"} {
		tr.add(client.Result{At: now, Server: server})
	}
	tr.add(client.Result{At: now, Err: errors.New("connect: refused")})
	counts, failed, why := tr.inScene()
	if counts["real1"] != 2 || counts["real2"] != 1 || failed != 1 || why == nil {
		t.Errorf("scene: %v, %d failed, %v", counts, failed, why)
	}
	tr.newScene(now.Add(time.Second))
	tr.add(client.Result{At: now, Took: 2 * time.Second, Server: "real1"}) // sent before the scene
	tr.add(client.Result{At: now.Add(3 * time.Second), Server: "real2"})
	v := view{servers: []serverView{{realStatus: realStatus{Name: "real1"}}, {realStatus: realStatus{Name: "real2"}}}}
	tr.show(&v, now.Add(3*time.Second+rateWindow))
	if v.answered != 5 || v.failed != 1 || v.servers[0].answered != 3 || v.servers[0].lately != 0 || v.servers[1].lately != 1 {
		t.Errorf("view: %+v", v)
	}
	if _, failed, why := tr.inScene(); failed != 0 || why != nil {
		t.Errorf("a new scene begins with %d failures, %v", failed, why)
	}
}

func TestTrafficMeasuresGaps(t *testing.T) {
	tr, now := newTraffic(), time.Now()
	at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	tr.add(client.Result{At: at(0), Server: "real1"})
	tr.mark()
	tr.add(client.Result{At: at(100), Err: errors.New("reset")})
	if got := tr.lost(at(700)); got.gap != 700*time.Millisecond || got.failed != 1 {
		t.Errorf("while nothing comes: %+v", got)
	}
	tr.add(client.Result{At: at(1500), Server: "real1"})
	tr.add(client.Result{At: at(200), Took: 1400 * time.Millisecond, Server: "real1"}) // waited through the gap
	if got := tr.lost(at(1600)); got.gap != 1500*time.Millisecond || got.failed != 1 {
		t.Errorf("afterwards: %+v", got)
	}
	if want := "3 requests answered, the slowest after 1.4s; 1 request failed"; tr.sum() != want {
		t.Errorf("sum %q, want %q", tr.sum(), want)
	}
	tr.mark()
	tr.add(client.Result{At: at(1640), Server: "real1"})
	if got := tr.lost(at(1640)); got.gap != 40*time.Millisecond || got.failed != 0 {
		t.Errorf("after the next mark: %+v", got)
	}
}

func sampleView() view {
	v := view{
		answered: 12, failed: 1, rate: 20, silent: time.Second,
		routers: []routerView{
			{name: "router1", state: off},
			{name: "router2", state: "active", partner: "dead", addresses: []string{"192.0.2.100", "10.11.12.254"}, rows: 3, target: true},
		},
		servers: []serverView{
			{realStatus: realStatus{Name: "real1", Address: "10.11.12.11:80", State: "up", Weight: 1, Present: true}, answered: 12, lately: 6},
			{realStatus: realStatus{Name: "real2", Address: "10.11.12.12:80", State: "down", Reason: "connect refused"}},
		},
		table: []string{"-A -t 192.0.2.100:80 -s rr"}, tableOf: "router2", log: []string{"router2  pulse: partner dead"},
		story: []event{{text: "The active router dies", heading: true}},
	}
	for range 20 {
		v.story = append(v.story, event{text: "then"})
	}
	v.story = append(v.story, event{text: "now"})
	return v
}

func TestScreenSaysStateInWords(t *testing.T) {
	screen := sampleView().screen(60)
	for _, want := range []string{"12 answered, 1 failed", "20 answers/s", "no answer for 1.0s", "no power", "active", "192.0.2.100, 10.11.12.254",
		"◀ here", "up", "down", "connect refused", "-A -t 192.0.2.100:80 -s rr", "partner dead", "The active router dies", "now"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen lacks %q:\n%s", want, screen)
		}
	}
}

// A screen that is too long would scroll, and be drawn over itself.
func TestScreenFitsTheTerminal(t *testing.T) {
	for _, rows := range []int{0, 18, 24, 30, 40} {
		screen := sampleView().screen(rows)
		if rows == 0 {
			rows = usualRows
		}
		if n := strings.Count(screen, "\n"); n >= rows {
			t.Errorf("%d lines for a terminal of %d", n, rows)
		}
		if !strings.Contains(screen, "now") {
			t.Errorf("%d rows: what happens now is not on the screen:\n%s", rows, screen)
		}
	}
}

func TestCountRows(t *testing.T) {
	lines := strings.Split(`IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000264:0050 rr
  -> 0A0B0C0B:0050      Masq    1      0          3
  -> 0A0B0C0C:0050      Masq    1      0          2
`, "\n")
	if n := countRows(lines); n != 3 {
		t.Errorf("countRows = %d, want 3", n)
	}
}

func TestLineWriterKeepsLinesWhole(t *testing.T) {
	var got []string
	w := &lineWriter{each: func(line string) { got = append(got, line) }}
	for _, part := range []string{"pul", "se: one\npulse: t", "wo\n\nrest"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	if want := []string{"pulse: one", "pulse: two", ""}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestExploreAnswersMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"router3 date": "router3: no such machine",
		"on client":    "client: no router and no real server",
		"help":         "Machines: client, router1",
	} {
		var out bytes.Buffer
		s := &show{opt: Options{Out: &out}}
		for i := range s.cluster.routers {
			s.cluster.routers[i] = &router{node: &topology.Node{Name: fmt.Sprintf("router%d", i+1)}}
		}
		s.obey(context.Background(), strings.Fields(line), nil)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q: %q, want %q", line, out.String(), want)
		}
	}
}
