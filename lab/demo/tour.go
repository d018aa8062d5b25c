package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// tour tells the story and checks that it is true. Its error says what was not.
func (s *show) tour(ctx context.Context, running *sync.WaitGroup) error {
	if err := s.await(ctx, map[string]string{"real1": "up", "real2": "up", "real3": "up"}); err != nil {
		return err
	}
	s.tell("three nannies have found their servers up; the client starts to ask")
	running.Go(func() { s.request(ctx) })
	if err := s.scene(ctx, "real1", "real2", "real3"); err != nil {
		return err
	}

	if err := s.cluster.kill(2); err != nil {
		return err
	}
	killed := time.Now()
	s.tell("real2 is killed")
	if err := s.await(ctx, map[string]string{"real2": "down"}); err != nil {
		return err
	}
	s.tell("its nanny has noticed after %.1f s (timeout = 1); its row is gone", time.Since(killed).Seconds())
	if err := s.scene(ctx, "real1", "real3"); err != nil {
		return err
	}

	if err := s.cluster.revive(context.WithoutCancel(ctx), 2); err != nil {
		return err
	}
	revived := time.Now()
	s.tell("real2 is started again")
	if err := s.await(ctx, map[string]string{"real2": "up"}); err != nil {
		return err
	}
	s.tell("after %.1f s of good answers it is trusted again (reentry = 3)", time.Since(revived).Seconds())
	return s.scene(ctx, "real1", "real2", "real3")
}

// scene lets the client ask for a while and expects that those servers, and no others, answered everything.
func (s *show) scene(ctx context.Context, expected ...string) error {
	// Requests that were under way when the table changed still count for the scene before.
	if err := pause(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	s.traffic.newScene()
	counts, err := s.collect(ctx)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, name := range expected {
		if counts[name] == 0 {
			return fmt.Errorf("%s answered nothing: %v", name, counts)
		}
		fmt.Fprintf(&text, "  %s %d", name, counts[name])
	}
	if len(counts) != len(expected) {
		return fmt.Errorf("answers from %v, want them from %v alone", counts, expected)
	}
	s.tell("answered:%s  failed: 0", text.String())
	return nil
}

// collect waits until a scene's requests are answered and returns how many each server has answered.
func (s *show) collect(ctx context.Context) (map[string]int, error) {
	for deadline := time.Now().Add(patience); ; {
		counts, failed, why := s.traffic.inScene()
		if failed > 0 {
			return nil, fmt.Errorf("%d requests failed, the last with: %w", failed, why)
		}
		total := 0
		for _, n := range counts {
			total += n
		}
		if total >= sceneSize {
			return counts, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("only %d of %d requests answered within %v", total, sceneSize, patience)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// await waits until real servers have the states.
func (s *show) await(ctx context.Context, states map[string]string) error {
	for deadline := time.Now().Add(patience); ; {
		if err := s.cluster.alive(); err != nil {
			return err
		}
		st, err := s.cluster.ask(ctx)
		reached := err == nil
		for name, want := range states {
			reached = reached && st.state(name) == want
		}
		if reached {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v: not %v; lvsd's last word: %s", patience, states, s.cluster.log.last())
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
