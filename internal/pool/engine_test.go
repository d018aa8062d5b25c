package pool

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/porttest"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// once is a turn that makes one attempt, and remembers its result.
type once struct {
	check
	engine *engine
	test   *probe.Test
	result probe.Result
	done   func()
}

func (o *once) begin() { o.engine.try(&o.check, o.test) }

func (o *once) ended(r probe.Result) {
	o.result = r
	o.engine.remove(&o.check)
	o.done()
}

// runAll makes one attempt of each kind, all at the same time, and returns the results.
func runAll(t *testing.T, e *engine, tests []*probe.Test) []probe.Result {
	t.Helper()
	left := len(tests)
	turns := make([]*once, len(tests))
	for i, test := range tests {
		o := &once{engine: e, test: test, done: func() { left-- }}
		o.interval, o.turn = time.Second, o
		turns[i] = o
		e.add(&o.check)
	}
	for left > 0 {
		e.wait()
	}
	results := make([]probe.Result, len(tests))
	for i, o := range turns {
		results[i] = o.result
	}
	if e.open != 0 || len(e.timers) != 0 || len(e.starved) != 0 {
		t.Errorf("left behind: %d sockets, %d timers, %d starved", e.open, len(e.timers), len(e.starved))
	}
	return results
}

func newTestEngine(t *testing.T, most int) *engine {
	t.Helper()
	e, err := newEngine(most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

// peer is an arbitrary server: it says the pieces, each a little later, and ends in one of some ways.
type peer struct {
	pieces []string
	end    func(c *net.TCPConn)
	reads  bool // waits for a byte first
}

// peers makes arbitrary peers for a client that expects something. What decides comes in one piece with all that
// follows, so that the result does not depend on how the pieces are put together on the way.
func peers(rnd *rand.Rand, expect string) peer {
	hold := func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }
	ends := []func(*net.TCPConn){hold, hold, func(c *net.TCPConn) { _ = c.CloseWrite(); hold(c) }}
	var p peer
	p.reads = rnd.IntN(2) == 0
	p.end = ends[rnd.IntN(len(ends))]
	if rnd.IntN(8) == 0 {
		p.reads = true
		p.end = func(c *net.TCPConn) { _ = c.SetLinger(0) }
		return p
	}
	whole := expect
	switch rnd.IntN(5) {
	case 0:
		return p // says nothing
	case 1:
		whole = expect[:rnd.IntN(len(expect)+1)]
	case 2:
		whole = expect + strings.Repeat("more", rnd.IntN(5000))
	case 3:
		i := rnd.IntN(len(expect) + 1)
		whole = expect[:i] + "\x00wrong\x1b" + strings.Repeat("\xff", rnd.IntN(2000))
	}
	right := 0 // how much of it is as expected
	for right < min(len(whole), len(expect)-1) && whole[right] == expect[right] {
		right++
	}
	for said := 0; said < right && rnd.IntN(3) > 0; {
		n := 1 + rnd.IntN(right-said)
		p.pieces = append(p.pieces, whole[said:said+n])
		said += n
	}
	if said := len(strings.Join(p.pieces, "")); said < len(whole) {
		p.pieces = append(p.pieces, whole[said:])
	}
	return p
}

func (p peer) serve(t *testing.T) probe.Target {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if p.reads {
					_, _ = c.Read(make([]byte, 1))
				}
				for _, piece := range p.pieces {
					_, _ = io.WriteString(c, piece)
					time.Sleep(time.Millisecond)
				}
				p.end(c.(*net.TCPConn))
			}()
		}
	}()
	return probe.Target{Protocol: probe.TCP, Addr: l.Addr().(*net.TCPAddr).AddrPort()}
}

// TestSameAsProber: thousands of attempts in one goroutine end as each would in a nanny of its own.
func TestSameAsProber(t *testing.T) {
	const count = 150
	rnd := rand.New(rand.NewPCG(3, 4))
	words := []string{"HTTP", "220 mail.example ESMTP\r\n", "*", "", strings.Repeat("0123456789", 1000), "x"}
	matching := func(reply []byte) bool { return strings.HasSuffix(string(reply), "P") && len(reply) > 3 }
	var wait sync.WaitGroup
	tests, probers, probed := make([]*probe.Test, count), make([]*probe.Prober, count), make([]probe.Result, count)
	for i := range count {
		expect := words[rnd.IntN(len(words))]
		c := probe.Check{Expect: expect, HasExpect: rnd.IntN(6) > 0, Timeout: 400 * time.Millisecond}
		if rnd.IntN(2) == 0 {
			c.Send = strings.Repeat("s", rnd.IntN(200))
		}
		if expect == "HTTP" && rnd.IntN(2) == 0 {
			c.Match, c.HasExpect = matching, true
		}
		target := peers(rnd, expect).serve(t)
		var err error
		if probers[i], err = probe.New(target, c); err != nil {
			t.Fatal(err)
		}
		if tests[i], err = probe.NewTest(target, c); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() { probed[i] = probers[i].Run() })
	}
	e := newTestEngine(t, count)
	kinds := map[probe.Outcome]int{}
	results := runAll(t, e, tests)
	wait.Wait()
	for i, r := range results {
		kinds[r.Outcome]++
		// A server that the machine had no time for has timed out for one of them. That does not happen again and again.
		for try := 0; !same(r, probed[i]); try++ {
			if try == 5 {
				t.Errorf("engine: %d %q after %d bytes, prober: %d %q after %d bytes", r.Outcome, r.Reason(), r.Got, probed[i].Outcome, probed[i].Reason(), probed[i].Got)
				break
			}
			r, probed[i] = runAll(t, e, tests[i:i+1])[0], probers[i].Run()
		}
		if r.Duration <= 0 || r.Duration > 30*time.Second {
			t.Errorf("attempt %d took %v", i, r.Duration)
		}
	}
	if len(kinds) < 5 {
		t.Errorf("only so many outcomes: %v", kinds)
	}
}

// same tells whether two results differ in nothing but how long they took.
func same(a, b probe.Result) bool {
	a.Duration = b.Duration
	return a == b
}

// TestKinds: what a connection cannot show.
func TestKinds(t *testing.T) {
	refused, udp := closedPort(t), closedPort(t)
	udp.Protocol = probe.UDP
	tests := []struct {
		target probe.Target
		check  probe.Check
		want   string
	}{
		{refused, probe.Check{Timeout: time.Second}, "connect refused"},
		{udp, probe.Check{Timeout: time.Second}, "port unreachable"},
		{probe.Target{Protocol: probe.TCP, Addr: netip.MustParseAddrPort("255.255.255.255:80")}, probe.Check{Timeout: time.Second}, "network is unreachable"},
		{peer{end: func(*net.TCPConn) { select {} }}.serve(t), probe.Check{Send: strings.Repeat("x", 64<<20), Timeout: 50 * time.Millisecond}, "write timed out after 50ms"},
	}
	made := make([]*probe.Test, len(tests))
	for i, tt := range tests {
		var err error
		if made[i], err = probe.NewTest(tt.target, tt.check); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range runAll(t, newTestEngine(t, 10), made) {
		if r.Reason() != tests[i].want {
			t.Errorf("got %q, want %q", r.Reason(), tests[i].want)
		}
	}
}

// closedPort is one on which nobody listens.
func closedPort(t testing.TB) probe.Target {
	t.Helper()
	return probe.Target{Protocol: probe.TCP, Addr: porttest.Closed(t)}
}

// idle is a turn that does nothing.
type idle struct{}

func (idle) begin()             {}
func (idle) ended(probe.Result) {}

// TestSpread: checks are spread over the interval, those that come later too, and the first turns of many do not coincide.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, count, parts = 10 * time.Second, 10000, 100
		e := newTestEngine(t, 1)
		checks := make([]*check, count)
		var phases, first [parts]int
		for i := range checks {
			checks[i] = &check{interval: interval, turn: idle{}}
			e.add(checks[i])
			phases[checks[i].phase*parts/interval]++
			if i+1 == count/10 || i+1 == count {
				for part, n := range phases {
					if share := (i + 1) / parts; n < share*8/10 || n > share*12/10 {
						t.Errorf("of %d checks %d are in part %d, want about %d", i+1, n, part, share)
					}
				}
			}
		}
		for _, c := range checks {
			if c.at > interval+time.Second {
				t.Fatalf("first turn after %v", c.at)
			}
			first[min(int(c.at*parts/interval), parts-1)]++
		}
		for part, n := range first {
			if most := int(interval/parts/firstGap) + count/parts; n > most*12/10 {
				t.Errorf("%d first turns in part %d, want %d at most", n, part, most)
			}
		}
	})
}

// TestSlots: turns keep their phase, and a late one begins at once without others being made up for.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const s = time.Second
		for _, tt := range []struct{ phase, at, want time.Duration }{
			{3 * s, 0, 3 * s}, {3 * s, 3 * s, 3 * s}, {3 * s, 3*s + 1, 13 * s}, {3 * s, 13 * s, 13 * s}, {0, 0, 0}, {0, 1, 10 * s}, {0, 95 * s, 100 * s},
		} {
			c := &check{interval: 10 * s, phase: tt.phase}
			if got := c.next(tt.at); got != tt.want {
				t.Errorf("next slot of phase %v at %v is %v, want %v", tt.phase, tt.at, got, tt.want)
			}
		}
		e := newTestEngine(t, 1)
		for _, tt := range []struct{ ago, slot, want time.Duration }{ // now is 100s and something
			{100 * s, 93 * s, 103 * s},    // on time
			{100 * s, 94 * s, 103 * s},    // the first was at any time
			{100 * s, 91 * s, 103 * s},    // and the second is not much sooner than an interval later
			{100 * s, 88*s + 1, 103 * s},  // but for that
			{100 * s, 83 * s, 93 * s},     // it took longer than the interval: at once
			{100 * s, 13 * s, 93 * s},     // the machine slept: at once, but only once
			{100 * s, 87*s + 1, 93 * s},   //
			{100 * s, 103 * s, 113 * s},   //
			{10000 * s, 13 * s, 9993 * s}, //
		} {
			e.base = time.Now().Add(-tt.ago)
			c := &check{interval: 10 * s, phase: 3 * s, place: -1, slot: tt.slot}
			e.finish(c)
			if c.slot != tt.want {
				t.Errorf("after slot %v comes %v, want %v", tt.slot, c.slot, tt.want)
			}
			e.timers.drop(c)
		}
	})
}

// TestStarved: without sockets attempts are put off; none is lost, and none is held against its server.
func TestStarved(t *testing.T) {
	const sockets = 3
	tests := make([]*probe.Test, 40)
	for i := range tests {
		var err error
		if tests[i], err = probe.NewTest(silentPort(t), probe.Check{Expect: "HTTP", HasExpect: true, Timeout: 20 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	for _, how := range []string{"the engine's limit", "the system's limit"} {
		t.Run(how, func(t *testing.T) {
			e := newTestEngine(t, sockets)
			if how == "the system's limit" {
				e.most = 1000
				limitFiles(t, sockets)
			}
			began := time.Now()
			var together time.Duration
			for i, r := range runAll(t, e, tests) {
				if r.Outcome != probe.ReadTimeout {
					t.Fatalf("attempt %d: %s after %v", i, r.Reason(), r.Duration)
				}
				together += r.Duration
			}
			if took := time.Since(began); together > sockets*took {
				t.Errorf("the attempts took %v, and %d at a time %v: they have been waited for too", together, sockets, took)
			}
		})
	}
}

// silentPort is one that takes connections and never says a word, nor takes a descriptor for it.
func silentPort(t testing.TB) probe.Target {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return probe.Target{Protocol: probe.TCP, Addr: l.Addr().(*net.TCPAddr).AddrPort()}
}

// limitFiles leaves few descriptors until the end of the test.
func limitFiles(t *testing.T, free int) {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	few := before
	few.Cur = uint64(fd + free)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) })
}

// TestRemove: a check can end at any moment, also by what it sets off.
func TestRemove(t *testing.T) {
	test, err := probe.NewTest(silentPort(t), probe.Check{Expect: "x", HasExpect: true, Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	e := newTestEngine(t, 2)
	for range 3 {
		var all []*once
		for range 5 {
			o := &once{engine: e, test: test, done: func() { t.Error("a silent server has answered") }}
			o.interval, o.turn = 10*time.Millisecond, o
			all = append(all, o)
			e.add(&o.check)
		}
		for len(e.starved) < 3 {
			e.wait()
		}
		for _, o := range all {
			e.remove(&o.check)
			e.finish(&o.check) // as whoever does something for a check calls it, sooner or later
		}
		e.feed()
		if e.open != 0 || len(e.timers) != 0 || len(e.starved) != 0 {
			t.Fatalf("left behind: %d sockets, %d timers, %d starved", e.open, len(e.timers), len(e.starved))
		}
	}
	if len(e.checks) != 5 {
		t.Errorf("room for %d checks, want it used again", len(e.checks))
	}
}
