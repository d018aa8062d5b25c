package arp

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

const (
	// copies and spacing of the first announcements are the original's (reference: piranha-pulse.md 3.2).
	copies  = 5
	spacing = time.Second
	// DefaultRefresh repeats announcements so that a neighbour that slept through the first ones, or was told otherwise by
	// a director that has died since, learns better within a minute. The original never did.
	DefaultRefresh = time.Minute
)

// Target is a floating address and the device, without an alias number, on whose link it is announced.
type Target struct {
	Addr netip.Addr
	Dev  string
	// Router is the router flag of an IPv6 advertisement: whether this director forwards packets from Dev.
	Router bool
}

// Options say how addresses are announced.
type Options struct {
	// Refresh is how often announcements are repeated after the first five; 0: never.
	Refresh time.Duration
	// Done is called once, after the first five announcements. It may be nil.
	Done func()
	// Failed is called when an address could not be announced; the next round tries it again. It may be nil.
	Failed func(Target, error)
}

// Announcer announces addresses.
type Announcer struct {
	// MAC finds a device's Ethernet address. It is asked in every round, for it may change with a bonding failover.
	MAC func(dev string) ([6]byte, error)
	// Send sends a frame: the function of this package, but for tests.
	Send func(dev string, frame []byte) error
}

// Announce announces the addresses: at once, four more times a second apart, and then every o.Refresh. It returns when
// ctx is done or nothing is left to do.
//
// Nothing is sent once ctx is done, except a frame on its way at that very moment; when Announce has returned, nothing
// will be.
func (a Announcer) Announce(ctx context.Context, targets []Target, o Options) {
	for range copies {
		a.round(ctx, targets, o)
		// After the last one too: the original's line came as late.
		if !sleep(ctx, spacing) {
			return
		}
	}
	if o.Done != nil {
		o.Done()
	}
	if o.Refresh <= 0 || len(targets) == 0 {
		return
	}
	// The second after the fifth announcement counts, so that the rounds are Refresh apart.
	for wait := o.Refresh - spacing; sleep(ctx, wait); wait = o.Refresh {
		a.round(ctx, targets, o)
	}
}

// round announces every address once.
func (a Announcer) round(ctx context.Context, targets []Target, o Options) {
	for _, t := range targets {
		frame, err := a.frame(t)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = a.Send(t.Dev, frame)
		}
		if err != nil && o.Failed != nil {
			o.Failed(t, fmt.Errorf("announce %s on %s: %w", t.Addr, t.Dev, err))
		}
	}
}

// frame is the frame that announces a target.
func (a Announcer) frame(t Target) ([]byte, error) {
	mac, err := a.MAC(t.Dev)
	if err != nil {
		return nil, err
	}
	if addr := t.Addr.Unmap(); addr.Is4() {
		f := Reply(mac, addr)
		return f[:], nil
	}
	return Advertisement(mac, t.Addr, t.Router), nil
}

// sleep waits, and tells whether ctx is still not done after that.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
