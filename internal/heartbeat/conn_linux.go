package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Path is one channel: our address and the partner's. The zero value is a channel that does not exist.
type Path struct{ Local, Partner netip.Addr }

// Config is what a Conn needs.
type Config struct {
	Port            uint16 // ours and the partner's
	Public, Private Path
	Rules           Rules
	// Anybody lets datagrams from other addresses come as far as the log; they still do not count. For -v only: it
	// costs the filter in the kernel.
	Anybody bool
}

// Message is a heartbeat that counts.
type Message struct {
	Packet  Packet
	Channel Channel // it came in on
	From    netip.Addr
	At      time.Time // it was read
	Trust   Trust
	Decides bool // see Verdict: if false, the packet shows that the partner lives and no more
	// Order rises from one message to the next, whatever the packet's own counter says. Without authentication anybody
	// can send the highest there is.
	Order uint64
}

// queued is how many messages wait for Drain at most; the oldest are forgotten. Only forged ones come so fast.
const queued = 128 // even

// drainLimit is how many batches Drain reads from a socket at most: more than the receive buffer holds.
const drainLimit = 128

// Stats count since Open.
type Stats struct {
	Accepted uint64
	Rejected [reasons]uint64 // by Reason; TookUnsigned, TookWrongKey and SameRole may have been accepted
	Overrun  uint64          // accepted, but forgotten before Drain asked
	// Dropped by the kernel, by channel (index 0 is Public): by our filter, or because the queue was full.
	Dropped [2]uint32
}

// Conn exchanges heartbeats with the partner. Methods may be called at the same time.
type Conn struct {
	sockets []*socket // the private one first, as in the original
	ready   chan struct{}

	mu      sync.Mutex // held for one batch at a time
	config  Config
	guard   *Guard
	limiter Limiter
	queue   []Message
	reports []Report
	stats   Stats
	closed  bool
}

// Open binds the sockets. An address that is not there yet (BindError) may be there later: the caller tries again.
func Open(c Config) (*Conn, error) {
	guard, err := NewGuard(c.Rules, time.Now())
	if err != nil {
		return nil, err
	}
	if !c.Public.Local.IsValid() {
		return nil, errors.New("heartbeat: no public address")
	}
	c.unmap()
	conn := &Conn{ready: make(chan struct{}, 1), config: c, guard: guard}
	for _, channel := range []Channel{Private, Public} {
		local := c.path(channel).Local
		if !local.IsValid() {
			continue
		}
		s, err := open(channel, netip.AddrPortFrom(local, c.Port), c.filter(local))
		if err != nil {
			conn.Close()
			return nil, err
		}
		conn.sockets = append(conn.sockets, s)
	}
	return conn, nil
}

// unmap makes IPv4 addresses of those written as IPv6.
func (c *Config) unmap() {
	for _, p := range []*Path{&c.Public, &c.Private} {
		p.Local, p.Partner = p.Local.Unmap(), p.Partner.Unmap()
	}
}

func (c *Config) path(channel Channel) Path {
	if channel == Private {
		return c.Private
	}
	return c.Public
}

func (c *Config) filter(local netip.Addr) []unix.SockFilter {
	return filter(local.Is6(), c.sources(), c.Anybody)
}

// sources are the addresses heartbeats may come from, on either socket: the partner's public one and, where there is a
// private channel, its private one.
func (c *Config) sources() []netip.Addr {
	a := []netip.Addr{c.Public.Partner.WithZone("")}
	if c.Private.Local.IsValid() {
		a = append(a, c.Private.Partner.WithZone(""))
	}
	return a
}

// ErrAddress says that a Conn cannot change to other addresses of its own: open another.
var ErrAddress = errors.New("heartbeat: own address or port changed")

// Reload goes over to another configuration. No heartbeat is lost meanwhile, and our boot id stays.
func (c *Conn) Reload(next Config) error {
	next.unmap()
	c.mu.Lock()
	defer c.mu.Unlock()
	if next.Port != c.config.Port || next.Public.Local != c.config.Public.Local || next.Private.Local != c.config.Private.Local {
		return ErrAddress
	}
	if err := c.guard.SetRules(next.Rules, time.Now()); err != nil {
		return err
	}
	c.config = next
	for _, s := range c.sockets {
		if err := s.control(func(fd uintptr) error { return setFilter(int(fd), next.filter(s.local.Addr())) }); err != nil {
			return fmt.Errorf("heartbeat: attach filter: %w", err)
		}
	}
	return nil
}

// Boot is the boot id we send.
func (c *Conn) Boot() BootID { return c.guard.boot }

// Run reads until ctx ends; it is for calling once. Send and Drain go on working after it, for the farewell; Close ends the rest.
func (c *Conn) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readers sync.WaitGroup
	errs := make([]error, len(c.sockets))
	for i, s := range c.sockets {
		readers.Go(func() {
			defer cancel() // one that fails ends the other
			errs[i] = c.reader(s)
		})
	}
	<-ctx.Done()
	for _, s := range c.sockets {
		_ = s.conn.SetReadDeadline(time.Unix(1, 0))
	}
	readers.Wait()
	return errors.Join(errs...)
}

// reader reads whenever there is something, until the deadline Run sets.
func (c *Conn) reader(s *socket) error {
	err := s.raw.Read(func(fd uintptr) bool {
		// The poller tells of what arrives after this, so all there is must be read; other goroutines get their turn
		// after each batch.
		for c.batch(s, fd) {
			runtime.Gosched()
		}
		return false
	})
	if errors.Is(err, os.ErrDeadlineExceeded) || c.isClosed() {
		return nil
	}
	return err
}

// batch reads and judges one batch. It returns whether there may be more.
func (c *Conn) batch(s *socket, fd uintptr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := s.batch.read(fd)
	if errors.Is(err, unix.EAGAIN) {
		return false
	}
	now := time.Now()
	if err != nil {
		if !errors.Is(err, unix.ECONNREFUSED) { // silently ignored, as in the original
			c.report(Report{Reason: ReceiveFailed, Channel: s.channel, Err: err}, now)
		}
		// Reading took the error off the socket, behind which there may be datagrams. One that stays must not make us
		// spin.
		again := !s.failing
		s.failing = true
		return again
	}
	s.failing = false
	for i := range n {
		b, from := s.batch.datagram(i)
		c.judge(s.channel, b, from, now)
	}
	c.stats.Dropped[s.channel-Public] = s.batch.drops
	return true
}

// judge decides about one datagram, first by what costs least.
func (c *Conn) judge(channel Channel, b []byte, from netip.Addr, now time.Time) {
	if !from.IsValid() || !c.mayCome(from) {
		c.report(Report{Reason: Stranger, Channel: channel, From: from}, now)
		return
	}
	p, v := c.guard.Check(b, channel, now)
	if v.Reason != 0 {
		c.report(Report{Reason: v.Reason, Channel: channel, From: from}, now)
	}
	if !v.Accepted {
		return
	}
	c.stats.Accepted++
	if len(c.queue) == queued {
		c.stats.Overrun += queued / 2
		c.queue = c.queue[:copy(c.queue, c.queue[queued/2:])] // half at once: moving them for each would be slow
	}
	c.queue = append(c.queue, Message{
		Packet: p, Channel: channel, From: from, At: now, Trust: v.Trust, Decides: v.Decides, Order: c.stats.Accepted,
	})
	c.nudge()
}

func (c *Conn) mayCome(from netip.Addr) bool {
	return from == c.config.Public.Partner.WithZone("") ||
		c.config.Private.Local.IsValid() && from == c.config.Private.Partner.WithZone("")
}

func (c *Conn) report(r Report, now time.Time) {
	c.stats.Rejected[r.Reason]++
	if r.Reason == Pairing {
		return
	}
	suppressed, ok := c.limiter.Allow(r.Reason, now)
	if !ok {
		return
	}
	r.Suppressed = suppressed
	if len(c.reports) < int(reasons) {
		c.reports = append(c.reports, r)
	}
	c.nudge()
}

func (c *Conn) nudge() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Ready yields a value when Drain or Reports may have something new.
func (c *Conn) Ready() <-chan struct{} { return c.ready }

// Drain appends to dst what has arrived by now, also what still waits in the sockets, and does not block. empty tells
// that nothing was left there, so silence is the partner's; it is false only in a flood that comes faster than it can be
// read.
func (c *Conn) Drain(dst []Message) (_ []Message, empty bool) {
	empty = true
	for _, s := range c.sockets {
		more := false
		_ = s.control(func(fd uintptr) error {
			for range drainLimit {
				if more = c.batch(s, fd); !more {
					break
				}
			}
			return nil
		})
		empty = empty && !more
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	dst = append(dst, c.queue...)
	c.queue = c.queue[:0]
	return dst, empty
}

// Reports appends to dst what is to be logged, and forgets it.
func (c *Conn) Reports(dst []Report) []Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	dst = append(dst, c.reports...)
	c.reports = c.reports[:0]
	return dst
}

// Send sends a heartbeat to the partner on both channels, the public one first, as in the original. Of p, what identifies
// us is filled in (see Guard.Append). A channel that does not exist has no error.
func (c *Conn) Send(p Packet) (public, private error) {
	for _, s := range slices.Backward(c.sockets) {
		err := c.sendOn(s, p)
		if s.channel == Public {
			public = err
		} else {
			private = err
		}
	}
	return public, private
}

func (c *Conn) sendOn(s *socket, p Packet) error {
	var buf [fixedSize + tagSize]byte
	c.mu.Lock()
	to := c.config.path(s.channel).Partner
	if !to.IsValid() {
		c.mu.Unlock()
		return nil
	}
	b := c.guard.Append(buf[:0], p, s.channel)
	c.mu.Unlock()
	return s.send(b, to)
}

// Stats returns the counts.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Close closes the sockets. Run then returns.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	var errs []error
	for _, s := range c.sockets {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(errs...)
}
