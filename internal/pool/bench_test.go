package pool

import (
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// again is a turn that makes attempts without a pause.
type again struct {
	check
	engine *engine
	test   *probe.Test
	left   *int
}

func (a *again) begin() { a.engine.try(&a.check, a.test) }

func (a *again) ended(r probe.Result) {
	if *a.left--; *a.left > 0 {
		a.engine.try(&a.check, a.test)
	}
}

// BenchmarkEngine is what an attempt costs when many are under way, the server's side of it included.
func BenchmarkEngine(b *testing.B) {
	silent := silentPort(b)
	for name, target := range map[string]probe.Target{"Refused": closedPort(b), "TimedOut": silent} {
		b.Run(name, func(b *testing.B) {
			c := probe.Check{Timeout: time.Millisecond, HasExpect: name == "TimedOut", Expect: "x"}
			test, err := probe.NewTest(target, c)
			if err != nil {
				b.Fatal(err)
			}
			e, err := newEngine(1000)
			if err != nil {
				b.Fatal(err)
			}
			defer e.close()
			left := b.N
			for range 100 {
				a := &again{engine: e, test: test, left: &left}
				a.interval, a.turn = time.Hour, a
				e.add(&a.check)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for left > 0 {
				e.wait()
			}
		})
	}
}

// BenchmarkTimers is what it takes to order the turns of 10,000 checks.
func BenchmarkTimers(b *testing.B) {
	var heap timers
	checks := make([]check, 10000)
	for i := range checks {
		checks[i].place = -1
		heap.set(&checks[i], time.Duration(i*7919%10000))
	}
	b.ResetTimer()
	for range b.N {
		c := heap.first()
		heap.set(c, c.at+10000)
	}
}

// BenchmarkPrepare is what it takes to understand a job.
func BenchmarkPrepare(b *testing.B) {
	p, err := New(eventlog.New("nanny", 0, false), nanny.Full{}, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer p.engine.close()
	argv := []string{"-c", "-h", "127.0.0.1", "-p", "80", "-a", "180", "-t", "5", "-w", "1", "-V", "192.0.2.1", "-M", "m", "--lvs"}
	b.ReportAllocs()
	for range b.N {
		if _, _, err := p.prepare(argv); err != nil {
			b.Fatal(err)
		}
	}
}
