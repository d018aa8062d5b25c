package demo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
)

func TestTrafficCountsByScene(t *testing.T) {
	tr, now := newTraffic(), time.Now()
	for _, server := range []string{"real1", "real1", "real2"} {
		tr.add(client.Result{At: now, Server: server})
	}
	tr.add(client.Result{At: now, Err: errors.New("connect: refused")})
	counts, failed, why := tr.inScene()
	if counts["real1"] != 2 || counts["real2"] != 1 || failed != 1 || why == nil {
		t.Errorf("scene: %v, %d failed, %v", counts, failed, why)
	}
	tr.newScene()
	tr.add(client.Result{At: now.Add(-3 * time.Second), Server: "real2"})
	v := view{servers: []serverView{{name: "real1"}, {name: "real2"}}}
	tr.show(&v, now.Add(-3*time.Second+rateWindow))
	if v.answered != 4 || v.failed != 1 || v.servers[0].answered != 2 || v.servers[0].lately != 0 || v.servers[1].lately != 1 {
		t.Errorf("view: %+v", v)
	}
	if _, failed, why := tr.inScene(); failed != 0 || why != nil {
		t.Errorf("a new scene begins with %d failures, %v", failed, why)
	}
}

func TestScreenSaysStateInWords(t *testing.T) {
	v := view{
		service: "-t 192.0.2.100:80", sched: "rr", answered: 12, failed: 1, rate: 20,
		servers: []serverView{
			{name: "real1", address: "10.11.12.11:80", state: "up", weight: 1, present: true, answered: 12, lately: 6},
			{name: "real2", address: "10.11.12.12:80", state: "down", reason: "connect refused"},
		},
		table: []string{"-A -t 192.0.2.100:80 -s rr"}, log: []string{strings.Repeat("x", 200)}, story: []string{"first", "second"},
	}
	screen := v.screen()
	for _, want := range []string{"12 answered, 1 failed, 20/s", "up", "down", "connect refused", "-A -t 192.0.2.100:80 -s rr", "second"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen lacks %q:\n%s", want, screen)
		}
	}
	if strings.Contains(screen, strings.Repeat("x", 120)) {
		t.Error("a long line is not cut")
	}
}
