package demo

import (
	"maps"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
)

// traffic counts the client's requests.
type traffic struct {
	mu       sync.Mutex
	answered map[string]int // by server, since the start
	scene    map[string]int // by server, in this scene
	failed   int
	failedIn int // in this scene
	why      error
	recent   []time.Time // good answers within the last rateWindow
}

const rateWindow = 2 * time.Second

func newTraffic() *traffic {
	return &traffic{answered: map[string]int{}, scene: map[string]int{}}
}

func (t *traffic) add(r client.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Err != nil {
		t.failed++
		t.failedIn++
		t.why = r.Err
		return
	}
	t.answered[r.Server]++
	t.scene[r.Server]++
	t.recent = append(t.recent, r.At.Add(r.Took))
}

// newScene starts to count anew.
func (t *traffic) newScene() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scene, t.failedIn, t.why = map[string]int{}, 0, nil
}

// inScene returns what each server answered, and how many requests failed and why, since the scene began.
func (t *traffic) inScene() (map[string]int, int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.scene), t.failedIn, t.why
}

// show puts the figures into the view.
func (t *traffic) show(v *view, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.recent) > 0 && now.Sub(t.recent[0]) > rateWindow {
		t.recent = t.recent[1:]
	}
	v.rate = float64(len(t.recent)) / rateWindow.Seconds()
	v.failed = t.failed
	for i := range v.servers {
		s := &v.servers[i]
		s.answered, s.lately = t.answered[s.name], t.scene[s.name]
		v.answered += s.answered
	}
}
