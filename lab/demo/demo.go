// Package demo shows a running cluster: a virtual server spreads a client's requests over three real servers, loses one,
// and takes it back.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// Options say how the demo is shown.
type Options struct {
	Bin  string    // directory of the programs
	Out  io.Writer // where it is shown
	Live bool      // Out is a terminal: draw the table over and over; otherwise a line for each thing that happens
	Stay bool      // go on after the tour until ctx is done
}

// Requests a second, and how many make a scene.
const (
	requestRate  = 20
	sceneSize    = 60
	patience     = 30 * time.Second // for anything that must happen
	drawInterval = 250 * time.Millisecond
)

// show is the running demo.
type show struct {
	opt     Options
	cluster cluster
	traffic *traffic
	started time.Time

	mu    sync.Mutex
	story []string
}

// Run runs the demo until the tour is over, or, with Stay, until ctx is done. An end of ctx is no error. On return
// nothing of it is left.
func Run(ctx context.Context, o Options) error {
	s := &show{opt: o, cluster: cluster{bin: o.Bin, log: newTail()}, traffic: newTraffic(), started: time.Now()}
	// Programs are not bound to ctx: they are ended in order by stop.
	defer s.cluster.stop()
	s.tell("a client, a router and three real servers are built out of network namespaces")
	if err := s.cluster.start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.Live {
		fmt.Fprint(o.Out, noCursor+clear)
		defer fmt.Fprint(o.Out, cursor+"\r\n")
		running.Go(func() { s.draw(inner) })
	}
	err := s.tour(inner, &running)
	if err == nil && o.Stay {
		s.tell("that was the tour; the cluster goes on until Ctrl-C")
		<-ctx.Done()
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// tell adds a line to the story.
func (s *show) tell(format string, args ...any) {
	line := fmt.Sprintf("%5.1fs  ", time.Since(s.started).Seconds()) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	s.story = append(s.story, line)
	s.mu.Unlock()
	if !s.opt.Live {
		fmt.Fprintln(s.opt.Out, line)
	}
}

// request sends the client's requests until ctx is done.
func (s *show) request(ctx context.Context) {
	_, _ = client.Loop{ // its report is of no use here: add has seen every result
		Dial: s.cluster.net.Client().DialContext,
		URL:  "http://" + topology.VIP + "/",
		Rate: requestRate,
		Each: s.traffic.add,
	}.Run(ctx)
}

// draw draws the screen until ctx is done.
func (s *show) draw(ctx context.Context) {
	tick := time.NewTicker(drawInterval)
	defer tick.Stop()
	for {
		fmt.Fprint(s.opt.Out, s.view(ctx).screen())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// view collects what there is to show. What cannot be had at the moment is left out.
func (s *show) view(ctx context.Context) view {
	now := time.Now()
	v := view{elapsed: now.Sub(s.started), log: s.cluster.log.all()}
	if st, err := s.cluster.ask(ctx); err == nil {
		st.show(&v)
	}
	s.traffic.show(&v, now)
	if table, err := s.cluster.table(ctx); err == nil {
		v.table = table
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.story = append(v.story, s.story...)
	return v
}
