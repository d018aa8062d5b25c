package demo

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
)

// traffic counts the client's requests.
type traffic struct {
	mu       sync.Mutex
	answered map[string]int // by server, since the start
	failed   int
	slowest  time.Duration // good answer
	recent   []time.Time   // good answers within the last rateWindow

	began    time.Time      // of the scene: requests sent earlier do not count for it
	scene    map[string]int // answers by server
	why      error          // of the scene's last failure
	sceneBad int            // failures in the scene

	last time.Time // when the last good answer came
	loss loss
}

// loss is what the client has noticed since a mark.
type loss struct {
	gap    time.Duration // the longest time without a good answer, from one to the next
	failed int
	why    error // of the last failure
}

const rateWindow = 2 * time.Second

func newTraffic() *traffic {
	return &traffic{answered: map[string]int{}, scene: map[string]int{}}
}

func (t *traffic) add(r client.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inScene := !r.At.Before(t.began)
	if r.Err != nil {
		t.failed++
		t.loss.failed++
		t.loss.why = r.Err
		if inScene {
			t.sceneBad++
			t.why = r.Err
		}
		return
	}
	t.answered[r.Server]++
	if inScene {
		t.scene[r.Server]++
	}
	end := r.At.Add(r.Took)
	t.recent = append(t.recent, end)
	t.forget(end)
	t.slowest = max(t.slowest, r.Took)
	if !t.last.IsZero() {
		t.loss.gap = max(t.loss.gap, end.Sub(t.last))
	}
	if end.After(t.last) {
		t.last = end
	}
}

// forget drops the answers that are too old for the rate.
func (t *traffic) forget(now time.Time) {
	for len(t.recent) > 0 && now.Sub(t.recent[0]) > rateWindow {
		t.recent = t.recent[1:]
	}
}

// newScene starts to count anew the requests that are sent from now on.
func (t *traffic) newScene(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began, t.scene, t.sceneBad, t.why = now, map[string]int{}, 0, nil
}

// inScene returns what each server answered, and how many requests failed and why, since the scene began.
func (t *traffic) inScene() (map[string]int, int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.scene), t.sceneBad, t.why
}

// mark starts to watch for losses.
func (t *traffic) mark() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loss = loss{}
}

// lost returns what was lost since the mark. A gap that has not ended counts up to now.
func (t *traffic) lost(now time.Time) loss {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.loss
	if !t.last.IsZero() {
		l.gap = max(l.gap, now.Sub(t.last))
	}
	return l
}

// sum tells what became of all requests.
func (t *traffic) sum() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	answered := 0
	for _, n := range t.answered {
		answered += n
	}
	return fmt.Sprintf("%d requests answered, the slowest after %.1fs; %s", answered, t.slowest.Seconds(), failures(t.failed))
}

// show puts the figures into the view.
func (t *traffic) show(v *view, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
	v.rate = float64(len(t.recent)) / rateWindow.Seconds()
	v.failed = t.failed
	if !t.last.IsZero() {
		v.silent = now.Sub(t.last)
	}
	for _, n := range t.answered {
		v.answered += n
	}
	for i := range v.servers {
		s := &v.servers[i]
		s.answered, s.lately = t.answered[s.Name], t.scene[s.Name]
	}
}
