package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// The heartbeats of an original router, reference piranha-pulse.md 1.2: four bytes, little-endian.
const (
	originalRunning    = "\xda\xdb\xad\xbd"
	originalStopped    = "\xbd\xda\xbd\xad"
	originalFOSRunning = "\xbe\xba\xef\xbe"
	originalFOSStopped = "\xef\xbe\xad\xde"
	originalStopMe     = "\xda\xda\xad\xde"
	originalHold       = "\xbe\xba\xaf\xde"
	originalHeld       = "\xda\xda\xaf\xde"
)

// original is an original router, made from the reference: its heartbeats (1), and if it follows the rules of lvs mode
// (2.5) its addresses too. Otherwise it says what the test tells it to say. Its fields belong to its loop.
type original struct {
	t       *testing.T
	node    *topology.Node
	primary bool
	lines   []net.PacketConn // public and, if there is one, private
	to      []net.Addr
	in      chan string // what is heard
	asked   chan func()

	says    string // every keepalive; "": nothing
	heard   []heardBeat
	follows bool // the rules
	active  bool
}

type heardBeat struct {
	at   time.Time
	kind string
}

// newOriginal puts an original router in the place of router i. It is silent at first.
func newOriginal(t *testing.T, n *topology.Net, i int, private bool) *original {
	t.Helper()
	o := &original{t: t, node: n.Router(i), primary: i == 1, in: make(chan string), asked: make(chan func())}
	networks := []string{"192.0.2."}
	if private {
		networks = append(networks, "10.11.12.")
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for _, network := range networks {
		conn, err := o.node.ListenPacket("udp4", fmt.Sprintf("%s%d:%d", network, i, heartbeatPort))
		if err != nil {
			t.Fatal(err)
		}
		o.lines = append(o.lines, conn)
		o.to = append(o.to, &net.UDPAddr{IP: net.ParseIP(fmt.Sprintf("%s%d", network, 3-i)), Port: heartbeatPort})
		done.Go(func() { o.listen(ctx, conn) })
	}
	done.Go(func() { o.loop(ctx) })
	t.Cleanup(func() {
		cancel()
		for _, conn := range o.lines {
			conn.Close()
		}
		done.Wait()
	})
	return o
}

// listen reads four bytes of each datagram, as the original does.
func (o *original) listen(ctx context.Context, conn net.PacketConn) {
	var buf [4]byte
	for {
		n, _, err := conn.ReadFrom(buf[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case o.in <- string(buf[:n]):
		case <-ctx.Done():
			return
		}
	}
}

func (o *original) loop(ctx context.Context) {
	beat, dead, due := time.NewTicker(keepalive), time.NewTimer(deadtime), time.Now().Add(deadtime)
	defer beat.Stop()
	again := func() {
		dead.Reset(deadtime)
		due = time.Now().Add(deadtime)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			o.send()
		case kind := <-o.in:
			again()
			o.hear(kind)
		case <-dead.C: // row 12, unless the machine stood still, and what it was sent is unread
			stalled := time.Since(due) > keepalive/2
			again()
			if o.follows && !o.active && !stalled {
				o.activate()
			}
		case f := <-o.asked:
			f()
			again()
		}
	}
}

func (o *original) send() {
	for i, conn := range o.lines {
		if o.says != "" {
			_, _ = conn.WriteTo([]byte(o.says), o.to[i]) // the original ignores the error
		}
	}
}

// hear is rows 2 to 7 of the table.
func (o *original) hear(kind string) {
	o.heard = append(o.heard, heardBeat{time.Now(), kind})
	switch {
	case !o.follows:
	case kind == originalRunning && o.active && o.primary:
		o.announce()
	case kind == originalRunning && o.active:
		o.send()
		o.deactivate()
	case kind == originalStopped && !o.active:
		o.activate()
	}
}

func (o *original) activate() {
	o.says, o.active = originalRunning, true
	o.check(o.node.AddAddr(topology.VIP+"/24", "eth0", ""))
	o.check(o.node.AddAddr(topology.NATRouter+"/24", "eth1", ""))
	o.announce()
}

func (o *original) deactivate() {
	o.says, o.active = originalStopped, false
	o.check(o.node.DelAddr(topology.VIP+"/24", "eth0"))
	o.check(o.node.DelAddr(topology.NATRouter+"/24", "eth1"))
}

func (o *original) announce() {
	o.check(o.node.Announce(topology.VIP, "eth0"))
	o.check(o.node.Announce(topology.NATRouter, "eth1"))
}

func (o *original) check(err error) {
	if err != nil {
		o.t.Errorf("original router: %v", err)
	}
}

// do does something in the loop.
func (o *original) do(f func()) {
	done := make(chan struct{})
	o.asked <- func() { defer close(done); f() }
	<-done
}

// start begins to follow the rules, inactive; stop is silence: a dead router, or one that was stopped.
func (o *original) start() {
	o.do(func() { o.follows, o.says = true, originalStopped })
}

func (o *original) stop() {
	o.do(func() {
		if o.active {
			o.deactivate()
		}
		o.follows, o.says = false, ""
	})
}

// say says something at once, and every keepalive from now on.
func (o *original) say(kind string) {
	o.do(func() {
		o.says, o.heard = kind, nil
		o.send()
	})
}

// since returns what was heard since say.
func (o *original) since() (heard []heardBeat) {
	o.do(func() { heard = append(heard, o.heard...) })
	return heard
}

// wantHeard waits until the other router says something.
func (o *original) wantHeard(kind string) {
	o.t.Helper()
	eventually(o.t, patience, func() error {
		heard := o.since()
		for _, h := range heard {
			if h.kind == kind {
				return nil
			}
		}
		return fmt.Errorf("no % x among %s", kind, tellHeard(heard))
	})
}

func tellHeard(heard []heardBeat) string {
	var all []string
	for _, h := range heard {
		all = append(all, fmt.Sprintf("% x", h.kind))
	}
	return strings.Join(all, ", ")
}
