// Package demo shows a running cluster: two routers, of which one spreads a client's requests over three real servers.
// A tour lets a real server die, hands the service from one router to the other, and lets the active router die.
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
	In   io.Reader // where a viewer types after the tour
	Out  io.Writer // where it is shown
	Live bool      // Out is a terminal: draw the cluster over and over; otherwise a line for each thing that happens
	Rows int       // of the terminal; 0: not known
	Stay bool      // go on after the tour until ctx is done

	Panels string                             // where the panels of router1 are seen; "": nowhere
	Line   func() (io.ReadWriteCloser, error) // over which they are asked for
}

// What the client does, and how long the demo waits for what must happen.
const (
	requestRate    = 25              // a second
	requestTimeout = 5 * time.Second // a client that loses its router sends again after 1 and 3 seconds
	patience       = 30 * time.Second
	drawInterval   = 250 * time.Millisecond
)

// How many requests make a scene: people want to look at it.
const (
	sceneSize     = 50
	sceneSizeLive = 100
)

// show is the running demo.
type show struct {
	opt     Options
	cluster cluster
	traffic *traffic
	watch   watch
	started time.Time

	mu    sync.Mutex
	story []event
}

// event is a line of the story.
type event struct {
	text    string
	heading bool
}

// Run runs the demo until the tour is over, or, with Stay, until ctx is done. An end of ctx is no error. On return
// nothing of it is left.
func Run(ctx context.Context, o Options) error {
	s := &show{opt: o, cluster: cluster{bin: o.Bin, panels: o.Panels != ""}, traffic: newTraffic(), started: time.Now()}
	// Programs are not bound to ctx: they are ended in order by stop.
	defer s.cluster.stop()
	if err := s.cluster.build(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if o.Panels != "" {
		go s.servePanels() // until the line ends, which is when this kernel does
	}
	var running sync.WaitGroup
	defer running.Wait()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	running.Go(func() { s.watch.guard(inner, s.cluster.both) })
	running.Go(func() { s.watch.clock(inner) })
	err := s.present(inner, &running)
	if err == nil && o.Stay {
		s.explore(inner)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// present gives the tour, drawn or told.
func (s *show) present(ctx context.Context, running *sync.WaitGroup) error {
	if !s.opt.Live {
		return s.tour(ctx, running)
	}
	drawing, cancel := context.WithCancel(ctx)
	var drawn sync.WaitGroup
	defer drawn.Wait()
	defer cancel()
	drawn.Go(func() { s.draw(drawing) })
	return s.tour(ctx, running)
}

// tell adds a line to the story.
func (s *show) tell(format string, args ...any) {
	s.add(event{text: fmt.Sprintf("%5.1fs  ", time.Since(s.started).Seconds()) + fmt.Sprintf(format, args...)})
}

// chapter adds a heading to the story.
func (s *show) chapter(title string) {
	if !s.opt.Live {
		fmt.Fprintln(s.opt.Out)
	}
	s.add(event{text: title, heading: true})
}

func (s *show) add(e event) {
	s.mu.Lock()
	s.story = append(s.story, e)
	s.mu.Unlock()
	if !s.opt.Live {
		fmt.Fprintln(s.opt.Out, e.text)
	}
}

// loop is how the client asks.
func (s *show) loop() client.Loop {
	return client.Loop{
		Dial:    s.cluster.net.Client().DialContext,
		URL:     "http://" + topology.VIP + "/",
		Rate:    requestRate,
		Timeout: requestTimeout,
		Each:    s.traffic.add,
		Forget:  true,
	}
}

// draw draws the screen until ctx is done.
func (s *show) draw(ctx context.Context) {
	fmt.Fprint(s.opt.Out, noCursor+noWrap+clear)
	defer fmt.Fprint(s.opt.Out, wrap+cursor)
	for {
		fmt.Fprint(s.opt.Out, s.view(context.WithoutCancel(ctx)).screen(s.opt.Rows))
		if pause(ctx, drawInterval) != nil {
			fmt.Fprint(s.opt.Out, s.view(context.WithoutCancel(ctx)).screen(s.opt.Rows))
			return
		}
	}
}

// view collects what there is to show. What cannot be had at the moment is left out.
func (s *show) view(ctx context.Context) view {
	now := time.Now()
	v := view{log: s.cluster.log.all(), panels: s.panels()}
	target, _, _ := s.cluster.clientSendsTo()
	for _, r := range s.cluster.routers {
		rv := r.view(ctx)
		rv.target = r.name() == target
		v.routers = append(v.routers, rv)
		if status, err := r.lvsdStatus(ctx); err == nil && (v.servers == nil || rv.state == "active") {
			v.servers = serverViews(status)
		}
		if rv.rows > 0 && rv.state != off {
			if table, err := r.table(ctx); err == nil {
				v.table, v.tableOf = table, r.name()
			}
		}
	}
	s.traffic.show(&v, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	v.story = append(v.story, s.story...)
	return v
}

// view is what the screen shows of a router.
func (r *router) view(ctx context.Context) routerView {
	v := routerView{name: r.name(), state: off}
	if r.off.Load() {
		return v
	}
	v.state = "starting"
	if status, err := r.pulseStatus(ctx); err == nil {
		v.state, v.partner = status.State, status.Partner.Health
	}
	v.addresses, _ = r.addresses()
	v.rows, _ = r.rows()
	return v
}

func serverViews(s lvsdStatus) []serverView {
	var list []serverView
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.RealServers {
			list = append(list, serverView{realStatus: rs})
		}
	}
	return list
}
