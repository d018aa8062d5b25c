package pulse

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/arp"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/ipvs/syncd"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// links are the floating addresses of the machine: *vip.Conn.
type links interface {
	List() ([]vip.Address, error)
	Add(vip.Address) error
	Remove(vip.Address) error
	MAC(dev string) ([6]byte, error)
	Running(dev string) (bool, error)
}

// syncer sets the kernel's connection-sync daemons: *syncd.Conn.
type syncer interface {
	Set(...syncd.Daemon) error
}

// service is what the active router has and the other has not: addresses, the table, announcements. Its methods run
// one at a time, beside the loop.
type service struct {
	links    links
	lvsd     lvsd
	wanted   []vip.Address
	managed  map[netip.Addr]bool // what was ever wanted: ours to remove
	sync     syncer              // nil: the kernel has no IPVS
	synced   bool                // syncdaemon = 1
	daemon   syncd.Daemon        // whose role changes
	unsynced bool                // the role could not be set
	warn     func(text string, err error)
	done     func() // the announcements of an activation are finished

	announcing sync.WaitGroup
	quiet      context.CancelFunc // ends the announcements
}

// up brings the service up: addresses and table at the same time, because an address without its table answers connections with
// a reset, and a table without addresses is of no use. Only when both are there do the neighbours hear of it.
func (s *service) up(ctx context.Context, wanted []vip.Address) error {
	s.wanted = wanted
	filled := make(chan error, 1)
	go func() { filled <- s.fill(ctx) }()
	err := s.settle(wanted)
	if err = errors.Join(err, <-filled, ctx.Err()); err != nil {
		return err
	}
	s.announce()
	s.setSync(syncd.Master)
	return nil
}

// setSync lets this router send what it knows of connections, or take in what the other one sends.
func (s *service) setSync(role syncd.Role) {
	s.daemon.Role = role
	if s.sync == nil || !s.synced {
		return
	}
	err := s.sync.Set(s.daemon)
	if err != nil {
		s.warn("connections are not synchronised", err)
	}
	s.unsynced = err != nil
}

// changeSync goes over to other settings; the role stays.
func (s *service) changeSync(on bool, next syncd.Daemon) {
	next.Role = s.daemon.Role
	if on == s.synced && next == s.daemon {
		return
	}
	ended := s.synced && !on
	s.synced, s.daemon, s.unsynced = on, next, false
	switch {
	case s.sync == nil && on:
		s.warn("connections are not synchronised", errors.New("the kernel has no IPVS"))
	case ended && s.sync != nil:
		if err := s.sync.Set(); err != nil {
			s.warn("connections are still synchronised", err)
		}
	default:
		s.setSync(next.Role)
	}
}

// syncDaemon is the sync daemon that lvs.cf asks for, without a role.
func syncDaemon(cfg *lvscf.Config) syncd.Daemon {
	return syncd.Daemon{Dev: cfg.SyncdIface, ID: uint8(cfg.SyncdID)}
}

// retrySync sets the role again if that failed, as it does while the device has no link.
func (s *service) retrySync() {
	if s.unsynced {
		s.setSync(s.daemon.Role)
	}
}

// fill has lvsd fill the table, as soon as it runs.
func (s *service) fill(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := s.lvsd.setActive(ctx, true)
		if !control.Gone(err) {
			return err
		}
		select {
		case <-waiting.Done():
			return err
		case <-time.After(lookAgain):
		}
	}
}

// down takes everything down, also what an earlier run left. It goes on after a failure: whatever can be taken down is.
func (s *service) down(ctx context.Context, wanted []vip.Address) error {
	s.hush()
	failed := s.settle(nil, wanted...)
	if err := s.lvsd.setActive(ctx, false); err != nil && !control.Gone(err) { // one that starts does so on standby
		s.warn("table not emptied", err)
	}
	s.setSync(syncd.Backup)
	return failed
}

// settle brings the addresses on this machine to those wanted. Addresses that were wanted before, and the others named,
// are removed.
func (s *service) settle(wanted []vip.Address, others ...vip.Address) error {
	for _, a := range slices.Concat(wanted, others) {
		s.managed[a.Addr] = true
	}
	present, err := s.links.List()
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	add, remove := vip.Diff(present, wanted, s.ours)
	var failed []error
	for _, a := range remove {
		failed = append(failed, s.links.Remove(a))
	}
	for _, a := range add {
		failed = append(failed, s.links.Add(a))
	}
	return errors.Join(failed...)
}

// change goes over to other addresses while the service is up: new ones come, those no longer wanted go.
func (s *service) change(wanted []vip.Address) error {
	if slices.Equal(wanted, s.wanted) {
		return nil
	}
	s.wanted = wanted
	err := s.settle(wanted)
	s.announce()
	return err
}

// ours tells whether an address is one that floats, now or before.
func (s *service) ours(a netip.Addr) bool { return s.managed[a] }

// announce tells the neighbours who has the addresses now, from the beginning.
func (s *service) announce() {
	s.hush()
	ctx, cancel := context.WithCancel(context.Background())
	s.quiet = cancel
	targets := make([]arp.Target, 0, len(s.wanted))
	for _, a := range s.wanted {
		targets = append(targets, arp.Target{Addr: a.Addr, Dev: a.Dev, Router: a.Addr.Is6() && vip.Forwards(a.Dev)})
	}
	announcer := arp.Announcer{MAC: s.links.MAC, Send: arp.Send}
	s.announcing.Go(func() {
		announcer.Announce(ctx, targets, arp.Options{
			Refresh: arp.DefaultRefresh, Done: s.done,
			Failed: func(t arp.Target, err error) {
				s.warn("address not announced", fmt.Errorf("%s on %s: %w", t.Addr, t.Dev, err))
			},
		})
	})
}

// hush ends the announcements and waits until no further one can be sent.
func (s *service) hush() {
	if s.quiet != nil {
		s.quiet()
		s.announcing.Wait()
		s.quiet = nil
	}
}
