package heartbeat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// record is a datagram an attacker on the network has seen, and what the test knows about how it came about.
type record struct {
	b        []byte
	from     int // 0 or 1
	channel  Channel
	made     int    // when
	fromLife int    // which life of the sender this was
	toLife   int    // and of the receiver at that moment
	counter  uint64 // in the life of the sender
}

// world is two routers in enforce mode and an attacker who has recorded everything and delivers what, when, where and
// how often he likes. He does not know the key.
type world struct {
	t       testing.TB
	sides   [2]*side
	now     time.Time
	step    int
	lives   [2]int
	born    [2]int // step of the present life
	started [2]time.Time
	records []record
	heard   [2]memory
	trace   []string
}

// memory is what the test keeps of one life of a router, to judge its guard.
type memory struct {
	taken    map[int]bool // records that proved themselves
	life     int          // the latest life of the partner of those
	paired   bool
	decision uint64 // counter of the latest record that decided, of that life
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Unix(1000, 0)}
	r := Rules{Service: LVS, Role: Primary, Stage: Enforce, Key: testKey(t, sampleKey), Grace: 20 * time.Second}
	for i := range w.sides {
		w.sides[i] = newSide(t, r, &w.now)
		w.forget(i)
		r.Role = Backup
	}
	return w
}

func (w *world) forget(i int) {
	w.heard[i] = memory{taken: map[int]bool{}}
	w.born[i], w.started[i] = w.step, w.now
}

func (w *world) clone() *world {
	c := *w
	for i, s := range w.sides {
		guard := *s.guard
		c.sides[i] = &side{t: w.t, rules: s.rules, guard: &guard, now: &c.now}
		c.heard[i].taken = map[int]bool{}
		for k := range w.heard[i].taken {
			c.heard[i].taken[k] = true
		}
	}
	c.records, c.trace = slices.Clone(w.records), slices.Clone(w.trace)
	return &c
}

func (w *world) note(format string, a ...any) {
	w.step++
	w.trace = append(w.trace, fmt.Sprintf(format, a...))
}

func (w *world) restart(i int) {
	w.note("restart %d", i)
	w.lives[i]++
	w.sides[i].restart()
	w.forget(i)
}

// send makes a datagram. It goes nowhere: delivering is up to the attacker, as is not delivering.
func (w *world) send(i int, c Channel) int {
	w.note("%d sends #%d", i, len(w.records))
	b := w.sides[i].guard.Append(nil, Packet{Kind: LVSRunning}, c)
	w.records = append(w.records, record{b, i, c, w.step, w.lives[i], w.lives[1-i], w.sides[i].guard.sent})
	return len(w.records) - 1
}

func (w *world) fail(format string, a ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter %v", fmt.Sprintf(format, a...), w.trace)
}

// deliver hands a record to a router and judges what it makes of it.
func (w *world) deliver(n, to int, c Channel) Verdict {
	w.t.Helper()
	w.note("#%d to %d on %v", n, to, c)
	r := w.records[n]
	_, v := w.sides[to].guard.Check(r.b, c, w.now)
	m := &w.heard[to]
	switch {
	case v.Accepted && (r.from == to || r.channel != c):
		w.fail("accepted what was sent elsewhere: %+v", v)
	case v.Decides && v.Trust != Proven:
		w.fail("decides without proof: %+v", v)
	case v.Accepted && v.Trust != Proven && (m.paired || w.now.Sub(w.started[to]) >= w.sides[to].rules.Grace):
		w.fail("a recording counts: %+v", v)
	case v.Trust != Proven:
		return v
	case m.taken[n]:
		w.fail("taken twice: %+v", v)
	case r.toLife != w.lives[to] || r.made < w.born[to]:
		w.fail("older than the receiver: %+v", v)
	case r.fromLife < m.life:
		w.fail("from a life of the sender that is over: %+v", v)
	case v.Decides && r.fromLife == m.life && r.counter < m.decision:
		w.fail("old news decide: %+v", v)
	}
	m.taken[n], m.paired = true, true
	if r.fromLife > m.life {
		m.life, m.decision = r.fromLife, 0
	}
	if v.Decides {
		m.decision = r.counter
	}
	return v
}

// tamper changes a record and sees that it no longer counts as signed. Only the byte order of the kind may change
// without being noticed by the code alone, and that is covered by it, too.
func (w *world) tamper(n int, r *rand.Rand) {
	w.t.Helper()
	b := slices.Clone(w.records[n].b)
	b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	to := 1 - w.records[n].from
	if _, v := w.sides[to].guard.Check(b, w.records[n].channel, w.now); v.Accepted {
		w.fail("took a changed #%d: %+v", n, v)
	}
}

// TestAttacker lets attackers do as they like for a while, then has the routers talk again while recordings go on being
// played back: they must find each other.
func TestAttacker(t *testing.T) {
	rounds := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		for range 200 {
			w.now = w.now.Add(time.Duration(r.IntN(300)) * time.Millisecond)
			recent := max(len(w.records)-1-r.IntN(8), 0)
			switch n := r.IntN(100); {
			case n < 2:
				w.restart(r.IntN(2))
			case n < 35 || len(w.records) == 0:
				w.send(r.IntN(2), Channel(1+r.IntN(2)))
			case n < 65:
				w.deliver(recent, 1-w.records[recent].from, w.records[recent].channel)
			case n < 85:
				old := r.IntN(len(w.records))
				w.deliver(old, 1-w.records[old].from, w.records[old].channel)
			case n < 90:
				w.tamper(recent, r)
			default:
				w.deliver(r.IntN(len(w.records)), r.IntN(2), Channel(1+r.IntN(2)))
			}
		}
		w.restart(r.IntN(2))
		rounds += w.talk(r)
	}
	t.Logf("%.1f rounds to find each other", float64(rounds)/200)
}

// talk has both send once a round and the attacker play back whatever was recorded. It returns in which round both are
// sure of each other.
func (w *world) talk(r *rand.Rand) int {
	w.t.Helper()
	var v [2]Verdict
	for round := range 300 {
		w.now = w.now.Add(time.Second)
		for i := range 2 {
			v[1-i] = w.deliver(w.send(i, Public), 1-i, Public)
			for range 20 {
				n := r.IntN(len(w.records))
				w.deliver(n, 1-w.records[n].from, w.records[n].channel)
			}
		}
		if v[0].Trust == Proven && v[1].Trust == Proven {
			return round
		}
	}
	w.fail("they do not find each other: %+v", v)
	return 0
}

// TestPatience: recordings of several starts of both, played back after every packet to either, delay them only.
func TestPatience(t *testing.T) {
	w := newWorld(t)
	const starts, rounds = 3, 400
	var old [2][starts][]int
	for i := range starts {
		for side := range 2 {
			for range rounds {
				old[side][i] = append(old[side][i], w.send(side, Public))
			}
			w.restart(side)
		}
	}
	for round := range rounds {
		for side := range 2 {
			if w.deliver(w.send(side, Public), 1-side, Public).Trust == Proven {
				return
			}
			for i := range starts {
				w.deliver(old[side][i][round], 1-side, Public)
			}
		}
	}
	w.trace = nil
	w.fail("neither was told that it is heard")
}

// TestAttackerExhaustively tries everything that may happen in few steps, from several beginnings.
func TestAttackerExhaustively(t *testing.T) {
	const steps = 6
	both := func(w *world) {
		for range 2 {
			w.deliver(w.send(0, Public), 1, Public)
			w.deliver(w.send(1, Public), 0, Public)
		}
	}
	for name, begin := range map[string]func(*world){
		"fresh":  func(*world) {},
		"paired": both,
		"partner restarted": func(w *world) {
			both(w)
			w.restart(1)
			w.send(1, Public)
		},
		"both restarted, one heard": func(w *world) {
			both(w)
			w.restart(0)
			w.restart(1)
			w.deliver(w.send(0, Public), 1, Public)
			w.send(1, Public)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			begin(w)
			w.explore(steps - len(w.records)/2)
		})
	}
}

func (w *world) explore(depth int) {
	if depth <= 0 {
		return
	}
	for i := range 2 {
		c := w.clone()
		c.send(i, Public)
		c.explore(depth - 1)
		c = w.clone()
		c.restart(i)
		c.explore(depth - 1)
	}
	for n := range w.records {
		c := w.clone()
		c.deliver(n, 1-c.records[n].from, Public)
		c.explore(depth - 1)
	}
}
