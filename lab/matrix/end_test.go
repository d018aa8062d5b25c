package matrix

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	endings   = 100                    // of each kind of check
	atOnce    = 6                      // more would measure each other
	soon      = 200 * time.Millisecond // within which TERM ends a nanny
	late      = 10                     // of the endings that may take longer: others have the processors too
	lost      = 5 * time.Second        // after which the signal must have been lost, however many those are
	startTime = 30 * time.Millisecond  // within which a nanny has started, as a rule
	longStart = time.Second            // within which it has on a busy machine
)

// TestTerm: TERM ends a nanny soon, at any moment of any check, and whatever it has started.
func TestTerm(t *testing.T) {
	turn := make(chan struct{}, atOnce)
	for _, k := range kindsOfChecks() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := k.start(t)
			dir, orderly, starting := t.TempDir(), 0, startTime
			var slow []time.Duration
			for i := range endings {
				// Many checks, or a single one that takes as long as it likes.
				interval := []time.Duration{fast, time.Minute}[i%2]
				turn <- struct{}{}
				took, well := end(t, k.argv(t, s, dir, interval), rand.N(2*starting))
				<-turn
				if well {
					orderly++
				} else {
					starting = min(starting*11/10, longStart)
				}
				if took > soon {
					slow = append(slow, took)
				}
			}
			if len(slow) > late || len(slow) > 0 && slices.Max(slow) > lost {
				t.Errorf("some of %d ends took %v", endings, slow)
			}
			if orderly < endings/2 {
				t.Errorf("%d of %d ended in good order", orderly, endings)
			}
			wantLeft(t, 0)
		})
	}
}

// end starts a nanny, ends it some time after, and tells how long that took and whether it was in good order: at the very
// beginning a signal has the effect it has on any program.
func end(t *testing.T, argv []string, after time.Duration) (took time.Duration, orderly bool) {
	t.Helper()
	n := start(t, argv...)
	time.Sleep(after)
	begin := time.Now()
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it is there: nobody has waited for it
	select {
	case <-n.ended:
	case <-time.After(patience):
		t.Errorf("nanny still there %v after TERM, which came %v after its start", patience, after)
	}
	took = time.Since(begin)
	n.finish()
	if n.err != nil && n.err.Error() != "signal: terminated" {
		t.Errorf("nanny ended with %v, %v after its start\n%s", n.err, after, &n.stderr)
	}
	return took, n.err == nil
}

// TestManyDown: a hundred servers die at once. Every nanny says so, has no more descriptors than before, and says when its
// server is back.
func TestManyDown(t *testing.T) {
	const many = 100
	t.Parallel()
	var alive atomic.Bool
	alive.Store(true)
	type pair struct {
		n      *nanny
		before usage
	}
	var all []pair
	for range many {
		s := serve(t, func(c conn) {
			c.hear("\r\n")
			if alive.Load() {
				c.say("+PONG\r\n")
			}
			c.stay() // accepts, and never answers
		})
		n := watch(t, "-h", "127.0.0.1", "-p", "81", "-r", s.port, "-t", short.String(), "-a", short.String(), "-s", `PING\r\n`, "-x", "+PONG")
		all = append(all, pair{n: n})
	}
	for i := range all {
		all[i].n.until(t, up)
		_, all[i].before = use(t, all[i].n.pid(), 2)
	}
	alive.Store(false)
	for _, p := range all {
		p.n.until(t, "down read timed out after 400ms: no reply")
	}
	alive.Store(true)
	for _, p := range all {
		p.n.until(t, up)
		most := usage{files: p.before.files, threads: p.before.threads + 1, dirty: p.before.dirty + moreDirty}
		if after := p.n.shrinks(t, most); !after.within(most) {
			t.Errorf("before %+v, after %+v", p.before, after)
		}
		p.n.terminate(t)
	}
}

// shrinks waits until the nanny has no more than most, and returns what it has: on a busy machine a check is under way for long.
func (n *nanny) shrinks(t testing.TB, most usage) usage {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		has, _ := use(t, n.pid(), 20)
		if has.within(most) || time.Now().After(end) {
			return has
		}
	}
}

// TestSignals: a hundred signals, sent as fast as they have an effect, during checks and between them.
func TestSignals(t *testing.T) {
	if pooled() {
		t.Skip("a pool heeds those that end it only")
	}
	t.Parallel()
	s := serve(t, func(c conn) { c.hear("\r\n"); c.say("+PONG\r\n"); c.stay() })
	n := watch(t, "-h", "127.0.0.1", "-p", "81", "-r", s.port, "-t", long.String(), "-s", `PING\r\n`, "-x", "+PONG")
	n.next(t, up)
	for range 50 {
		n.signal(t, syscall.SIGUSR1)
		n.next(t, "down forced down by a signal")
		n.signal(t, []syscall.Signal{syscall.SIGUSR2, syscall.SIGHUP}[rand.IntN(2)])
		n.next(t, up)
	}
	n.signal(t, syscall.SIGINT)
	<-n.ended
	if n.err != nil {
		t.Errorf("nanny ended with %v, want status 0", n.err)
	}
}
