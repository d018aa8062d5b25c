package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

const (
	// requestTime is the time limit of one request. It is below the second after which TCP sends a lost SYN again: a
	// request that met the outage is lost for good, and the next one, a period later, finds out whether it is over.
	requestTime = 250 * time.Millisecond
	// steady is how many good replies in a row count as service.
	steady = 20
	// prompt is how soon a reply comes when the machine has nothing else to do, as after the start of programs.
	prompt = 15 * time.Millisecond
)

// watch is a client that asks without a pause.
type watch struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	report  client.Report
	err     error

	mu     sync.Mutex
	after  time.Time // only requests sent after this count
	inTime bool      // only prompt replies count
	row    int       // good replies in a row
}

// startWatch begins to send the client's requests, one each period, whether or not earlier ones were answered.
func startWatch(node *topology.Node, period time.Duration) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{cancel: cancel}
	loop := client.Loop{
		Dial: node.DialContext, URL: "http://" + topology.VIP + "/",
		Rate: float64(time.Second) / float64(period), Timeout: requestTime, Each: w.see,
	}
	w.running.Go(func() { w.report, w.err = loop.Run(ctx) })
	return w
}

func (w *watch) see(r client.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.At.Before(w.after):
	case r.Err != nil || w.inTime && r.Took > prompt:
		w.row = 0
	default:
		w.row++
	}
}

// served waits until requests sent from now on are served.
func (w *watch) served() error { return w.await(false) }

// calm waits until requests are served, and promptly.
func (w *watch) calm() error { return w.await(true) }

func (w *watch) await(inTime bool) error {
	w.mu.Lock()
	w.after, w.inTime, w.row = time.Now(), inTime, 0
	w.mu.Unlock()
	return await(func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.row < steady {
			return fmt.Errorf("client: %d good replies in a row, want %d", w.row, steady)
		}
		return nil
	})
}

// end stops asking and returns what the client saw.
func (w *watch) end() (client.Report, error) {
	w.cancel()
	w.running.Wait()
	return w.report, w.err
}
