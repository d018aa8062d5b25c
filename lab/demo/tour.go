package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// How long a client may be without an answer: when nobody dies, and when the active router does.
const (
	plannedGap = time.Second
	crashGap   = deadtime + time.Second
)

// tour tells the story and checks that it is true. Its error says what was not.
func (s *show) tour(ctx context.Context, running *sync.WaitGroup) error {
	if err := s.begin(ctx, running); err != nil {
		return err
	}
	if err := s.loseServer(ctx, 2); err != nil {
		return err
	}
	if err := s.switchOver(ctx, 1, 2); err != nil {
		return err
	}
	if err := s.loseRouter(ctx, 2, 1); err != nil {
		return err
	}
	s.tell("in all: %s", s.traffic.sum())
	return s.watch.broken()
}

// allUp are the real servers, as lvsd is to see them.
func allUp() map[string]string {
	states := map[string]string{}
	for i := 1; i <= reals; i++ {
		states[realName(i)] = "up"
	}
	return states
}

// begin starts the routers and the client.
func (s *show) begin(ctx context.Context, running *sync.WaitGroup) error {
	s.chapter("Two routers")
	s.tell("a client, two routers, three real servers: each a network namespace")
	s.tell("pulse starts on both routers; keepalive %v, deadtime %v", keepalive, deadtime)
	for _, r := range s.cluster.routers {
		if err := r.start(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	if err := s.settled(ctx, 1, allUp()); err != nil {
		return err
	}
	s.tell("router1 is active: it has %s, its kernel's table is filled", topology.VIP)
	if panels := s.panels(); panels != "" {
		s.tell("router1's panels: %s", panels)
	}
	s.tell("router2 is inactive: it watches the real servers, its table is empty")
	s.tell("the client asks for http://%s/, %d times a second", topology.VIP, requestRate)
	running.Go(func() {
		_, _ = s.loop().Run(ctx) // its report is of no use here: traffic has seen every result
	})
	return s.scene(ctx, allUp())
}

// loseServer lets a real server die and come back.
func (s *show) loseServer(ctx context.Context, i int) error {
	name, states := realName(i), allUp()
	s.chapter("A real server dies, and comes back")
	in := s.incident()
	if err := s.cluster.real[i-1].kill(); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	s.tell("%s's web server is killed", name)
	states[name] = "down"
	if err := s.settled(ctx, 1, states); err != nil {
		return err
	}
	s.tell("its nanny, which checks it, has noticed after %.1fs; %s", in.age(), failures(s.traffic.lost(time.Now()).failed))
	if err := s.scene(ctx, states); err != nil {
		return err
	}
	in = s.incident()
	if err := s.cluster.startReal(context.WithoutCancel(ctx), i); err != nil {
		return err
	}
	s.tell("%s is started again", name)
	if err := s.settled(ctx, 1, allUp()); err != nil {
		return err
	}
	s.tell("after %.1fs of good answers it is trusted again (reentry = 2)", in.age())
	return s.scene(ctx, allUp())
}

// switchOver hands the service over.
func (s *show) switchOver(ctx context.Context, from, to int) error {
	old, next := s.cluster.router(from), s.cluster.router(to)
	s.chapter("Planned: the active router hands over")
	s.tell("piranhactl switchover, on %s", old.name())
	in := s.incident()
	err := s.await(ctx, func() error {
		// Refused as long as the partner is not known to be ready.
		return old.control(ctx, "switchover")
	})
	if err != nil {
		return err
	}
	if err := s.settled(ctx, to, allUp()); err != nil {
		return err
	}
	return s.afterwards(ctx, in, next, plannedGap)
}

// loseRouter lets the active router die and come back, while a download is under way through it.
func (s *show) loseRouter(ctx context.Context, dead, heir int) error {
	lost, next := s.cluster.router(dead), s.cluster.router(heir)
	s.chapter("The active router dies, and comes back")
	dl := startDownload(ctx, s.cluster.net.Client())
	defer dl.stop()
	if err := s.await(ctx, func() error { return dl.known(next) }); err != nil {
		return err
	}
	s.tell("a download runs through %s; the kernel of %s knows of it too", lost.name(), next.name())
	in := s.incident()
	if err := lost.powerOff(); err != nil {
		return err
	}
	s.tell("%s loses power: links cut, processes killed", lost.name())
	if err := s.settled(ctx, heir, allUp()); err != nil {
		return err
	}
	if err := s.afterwards(ctx, in, next, crashGap); err != nil {
		return err
	}
	in = s.incident()
	s.tell("%s has power again and starts pulse", lost.name())
	if err := lost.powerOn(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := s.settled(ctx, heir, allUp()); err != nil {
		return err
	}
	s.tell("%s is inactive: nothing goes back by itself", lost.name())
	if err := s.afterwards(ctx, in, next, plannedGap); err != nil {
		return err
	}
	result, err := dl.finished(ctx)
	if err != nil {
		return err
	}
	s.tell("the download is complete: %d KiB by %s, then %s, in %.1fs",
		result.Bytes>>10, lost.name(), next.name(), result.Took.Seconds())
	return nil
}

// incident is something that happens to the cluster.
type incident struct {
	began time.Time
	lost  time.Duration // by the machine, before
}

func (s *show) incident() incident {
	s.traffic.mark()
	return incident{time.Now(), s.watch.lostTime()}
}

// age is the time since then in seconds.
func (i incident) age() float64 { return time.Since(i.began).Seconds() }

// afterwards tells what an incident has cost the client, whom it sends to now, and that it is served.
func (s *show) afterwards(ctx context.Context, in incident, active *router, most time.Duration) error {
	s.traffic.newScene(time.Now())
	if _, err := s.collect(ctx, 1); err != nil {
		return err
	}
	cost := s.traffic.lost(time.Now())
	stalled := s.watch.lostTime() - in.lost
	if cost.gap > most+stalled {
		err := fmt.Errorf("the client had no answer for %v, want %v at most (the machine itself lost %v)", cost.gap, most, stalled)
		return errors.Join(err, cost.why)
	}
	name, mac, err := s.cluster.clientSendsTo()
	if err != nil {
		return err
	}
	if name != active.name() {
		return fmt.Errorf("the client sends to %q, want %s", name, active.name())
	}
	s.tell("%s is active; the client: %.2fs without an answer, %s", active.name(), cost.gap.Seconds(), failures(cost.failed))
	s.tell("the client's ARP entry: %s is at %s, %s", topology.VIP, mac, name)
	return s.scene(ctx, allUp())
}

func failures(n int) string {
	switch n {
	case 0:
		return "no request failed"
	case 1:
		return "1 request failed"
	default:
		return fmt.Sprintf("%d requests failed", n)
	}
}

// scene lets the client ask for a while and expects that those servers that are up, and no others, answer everything.
func (s *show) scene(ctx context.Context, states map[string]string) error {
	s.traffic.newScene(time.Now())
	size := sceneSize
	if s.opt.Live {
		size = sceneSizeLive
	}
	counts, err := s.collect(ctx, size)
	if err != nil {
		return err
	}
	var text strings.Builder
	for i := 1; i <= reals; i++ {
		name := realName(i)
		if (counts[name] > 0) != (states[name] == "up") {
			return fmt.Errorf("%s is %s and answered %d requests: %v", name, states[name], counts[name], counts)
		}
		fmt.Fprintf(&text, "  %s %d", name, counts[name])
	}
	s.tell("answered:%s  failed: 0", text.String())
	return nil
}

// collect waits until so many of a scene's requests are answered and returns how many each server has answered.
func (s *show) collect(ctx context.Context, size int) (map[string]int, error) {
	var counts map[string]int
	err := s.await(ctx, func() error {
		var total int
		var failed int
		var why error
		counts, failed, why = s.traffic.inScene()
		for _, n := range counts {
			total += n
		}
		if failed > 0 {
			return fatal{fmt.Errorf("%s, the last with: %w", failures(failed), why)}
		}
		if total < size {
			return fmt.Errorf("only %d of %d requests answered", total, size)
		}
		return nil
	})
	return counts, err
}

// settled waits until router i serves and the real servers are as named.
func (s *show) settled(ctx context.Context, i int, states map[string]string) error {
	return s.await(ctx, func() error { return s.cluster.settled(ctx, i, states) })
}

// fatal is an error that does not go away by waiting.
type fatal struct{ error }

// await repeats a check until it returns nil.
func (s *show) await(ctx context.Context, check func() error) error {
	for deadline := time.Now().Add(patience); ; {
		if err := s.watch.broken(); err != nil {
			return err
		}
		if err := s.cluster.alive(); err != nil {
			return err
		}
		err := check()
		if err == nil {
			return nil
		}
		if f := (fatal{}); errors.As(err, &f) {
			return f.error
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %w; the log ends with\n  %s", patience, err, strings.Join(s.cluster.log.all(), "\n  "))
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
