package election

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// The simulator runs two routers in virtual time. A schedule is everything that happens to them; it follows from a
// random source alone, so a seed is a schedule. world is the network, the event queue and the judge.
type world struct {
	rng       *rand.Rand
	pair      pairing
	keepalive time.Duration
	deadtime  time.Duration
	now       time.Duration
	seq       int
	queue     itemQueue
	nodes     [2]router
	channels  [2]channel
	arp       int // whose announcement the network heard last; -1: nobody's
	judge     judge
	repaired  bool
	steps     int
	boots     uint64
	tracing   bool
	trace     []string
	failed    string // the first violation
}

// router is a node under simulation: *modern or *original.
type router interface {
	base() *node
	start()
	packet(p Packet, from *node)
	tick()         // the timer has come
	serving() bool // says that it is active
	holds() bool   // has addresses up, or may have
	describe() string
}

// node is what both kinds have in common.
type node struct {
	w        *world
	id       int
	role     Role
	up       bool // the process runs
	frozen   bool // the process does not get to run
	deaf     bool // the whole machine is frozen: what arrives is lost
	life     int  // counts restarts; what an earlier life planned is void
	inbox    []Packet
	pending  []func()
	linkUp   bool
	lvsdUp   bool
	failMode bool // activations fail
	slow     time.Duration
	standby  bool
	timerSeq int
	stalls   int

	stallLength                                  time.Duration // of the last one
	linkSince, failSince, readySince, stallSince time.Duration // since when all is well in that respect
}

func (n *node) base() *node { return n }

type pairing struct {
	name     string
	original Role // which one is an original; 0: none
	// later is added to what all clocks show.
	later time.Duration
}

type item struct {
	at  time.Duration
	seq int
	run func()
}

type itemQueue []item

func (q itemQueue) Len() int { return len(q) }
func (q itemQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q itemQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *itemQueue) Push(x any)   { *q = append(*q, x.(item)) }
func (q *itemQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// channel is one of the two networks.
type channel struct {
	exists bool
	cut    [2]bool // by sender
	loss   float64
	dup    float64
	delay  time.Duration // at most
}

func (c *channel) calm(keepalive time.Duration) {
	*c = channel{exists: c.exists, delay: keepalive / 20}
}

// good says that what is sent arrives soon, in both directions.
func (c *channel) good(w *world, which Channel) bool {
	if which == Public && (!w.nodes[0].base().linkUp || !w.nodes[1].base().linkUp) {
		return false
	}
	return c.exists && !c.cut[0] && !c.cut[1] && c.loss == 0 && c.delay <= w.keepalive/10
}

func (w *world) after(d time.Duration, run func()) {
	w.seq++
	heap.Push(&w.queue, item{w.now + d, w.seq, run})
}

// run lets everything happen up to the time until.
func (w *world) run(until time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= until && w.failed == "" {
		it := heap.Pop(&w.queue).(item)
		w.judge.check(w, it.at) // what holds until then
		w.now = it.at
		it.run()
	}
	if w.failed == "" {
		w.judge.check(w, until)
	}
	w.now = until
}

func (w *world) log(n *node, format string, args ...any) {
	if !w.tracing {
		return
	}
	who := "          "
	if n != nil {
		who = fmt.Sprintf("%d %-8.8s", n.id, w.nodes[n.id].describe())
	}
	w.trace = append(w.trace, fmt.Sprintf("%9.3fs %s %s", w.now.Seconds(), who, fmt.Sprintf(format, args...)))
}

// fail records the first violation of an invariant.
func (w *world) fail(format string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf("at %.3fs: ", w.now.Seconds()) + fmt.Sprintf(format, args...)
		w.log(nil, "VIOLATION %s", w.failed)
	}
}

func (w *world) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(w.rng.Int64N(int64(high-low)))
}

// transmit sends a packet on both channels.
func (w *world) transmit(from *node, p Packet) {
	to := w.nodes[1-from.id]
	for c := range w.channels {
		ch := &w.channels[c]
		if !ch.exists {
			continue
		}
		copies := 1
		if ch.dup > 0 && w.rng.Float64() < ch.dup {
			copies = 2
		}
		for range copies {
			if ch.loss > 0 && w.rng.Float64() < ch.loss {
				continue
			}
			q := p
			q.Channel = Channel(c)
			w.after(w.between(ch.delay/10, ch.delay), func() { w.deliver(from, to, q) })
		}
	}
}

func (w *world) deliver(from *node, to router, p Packet) {
	n := to.base()
	lost := w.channels[p.Channel].cut[from.id] ||
		p.Channel == Public && (!from.linkUp || !n.linkUp)
	switch {
	case lost || !n.up || n.deaf:
	case n.frozen:
		n.inbox = append(n.inbox, p)
	default:
		to.packet(p, from)
	}
}

// when runs f in this life of the node, late if it is frozen then.
func (n *node) when(d time.Duration, f func()) {
	life := n.life
	n.w.after(d, func() {
		switch {
		case n.life != life || !n.up:
		case n.frozen:
			n.pending = append(n.pending, f)
		default:
			f()
		}
	})
}

// stall freezes the process, or the whole machine.
func (n *node) stall(d time.Duration, machine bool) {
	if !n.up || n.frozen {
		return
	}
	n.frozen, n.deaf = true, machine
	n.stallLength = d
	n.stalls++
	n.w.log(n, "stalls for %v, machine %v", d, machine)
	life := n.life
	n.w.after(d, func() {
		if n.life == life && n.up {
			n.thaw()
		}
	})
}

// thaw makes up for what a frozen process missed, in either order.
func (n *node) thaw() {
	n.frozen, n.deaf = false, false
	n.stallSince = n.w.now
	n.w.log(n, "runs again, %d packets waiting", len(n.inbox))
	pending := n.pending
	n.pending = nil
	late := n.w.rng.IntN(2) == 0
	if !late {
		n.readInbox()
	}
	for _, f := range pending {
		if n.up {
			f()
		}
	}
	if n.up && !n.frozen {
		n.readInbox()
	}
}

func (n *node) readInbox() {
	inbox := n.inbox
	n.inbox = nil
	for _, p := range inbox {
		if n.up {
			n.w.nodes[n.id].packet(p, n.w.nodes[1-n.id].base())
		}
	}
}

// die ends the process. The addresses of a machine that is gone are gone.
func (n *node) die() {
	n.up, n.frozen, n.deaf = false, false, false
	n.life++
	n.inbox, n.pending = nil, nil
}

func (w *world) dump() string { return strings.Join(w.trace, "\n") }
