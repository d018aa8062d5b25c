package pulse

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
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
	lacking  string              // what lookAfter last said it could not set
	clean    bool                // none of ours is set: it has been looked, and whatever was found removed
	frame    func(dev string, frame []byte) error
	up       func() bool // our lvsd answers
	hung     func()      // ends it
	warn     func(text string, err error)
	done     func() // the announcements of an activation are finished

	announcing sync.WaitGroup
	quiet      context.CancelFunc // ends the announcements
}

// raise brings the service up: addresses and table at the same time, because an address without its table answers connections with
// a reset, and a table without addresses is of no use. Only when both are there do the neighbours hear of it.
//
// What a single address or virtual server lacks does not keep the others down: the other router would lack it too.
func (s *service) raise(ctx context.Context, wanted []vip.Address) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.wanted = wanted
	filled := make(chan error, 1)
	go func() { filled <- s.fill(ctx) }()
	runtime.Gosched() // with one processor lvsd would hear of it when the addresses are set
	missing, err := s.settle(wanted)
	if err != nil && missing < len(wanted) {
		s.warn("address not set", err)
		err = nil
	}
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

// errStarting says that no lvsd of ours answers.
var errStarting = errors.New("lvsd does not run")

// setActive tells lvsd, and ends one that does not answer: it is started again then.
func (s *service) setActive(ctx context.Context, active bool, limit time.Duration) error {
	call, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := s.lvsd.setActive(call, active)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		s.hung()
	}
	return err
}

// fill has lvsd fill the table, as soon as it runs.
func (s *service) fill(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := errStarting
		if s.up() {
			err = s.setActive(ctx, true, lvsdTime)
		}
		if err != errStarting && !control.Gone(err) { //nolint:errorlint // our own
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
	_, failed := s.settle(nil, wanted...)
	if s.up() { // one that starts learns it when it answers
		if err := s.setActive(ctx, false, downTime); err != nil && !control.Gone(err) {
			s.warn("table not emptied", err)
		}
	}
	s.setSync(syncd.Backup)
	return failed
}

// settle brings the addresses on this machine to those wanted. Addresses that were wanted before, and the others named,
// are removed. Missing is how many of those wanted could not be set.
func (s *service) settle(wanted []vip.Address, others ...vip.Address) (missing int, err error) {
	for _, a := range slices.Concat(wanted, others) {
		s.managed[a.Addr] = true
	}
	var present []vip.Address
	if !s.clean { // otherwise a takeover need not wait for a look
		if present, err = s.links.List(); err != nil {
			return len(wanted), fmt.Errorf("list addresses: %w", err)
		}
	}
	add, remove := vip.Diff(present, wanted, s.ours)
	var failed []error
	for _, a := range remove {
		failed = append(failed, s.links.Remove(a))
	}
	for _, a := range add {
		if err := s.links.Add(a); err != nil {
			missing++
			failed = append(failed, err)
		}
	}
	s.clean = len(wanted) == 0 && errors.Join(failed...) == nil
	return missing, errors.Join(failed...)
}

// errTaken is what happened to an address that lookAfter sets again.
var errTaken = errors.New("taken away by somebody else, or lost with its link")

// lookAfter sets the addresses of an active router again that somebody has taken away, and the sync daemon's role if that failed.
func (s *service) lookAfter(active bool) {
	s.retrySync()
	if !active {
		return
	}
	present, err := s.links.List()
	if err != nil {
		return
	}
	add, _ := vip.Diff(present, s.wanted, s.ours)
	if len(add) == 0 {
		s.lacking = ""
		return
	}
	if missing, err := s.settle(s.wanted); missing < len(add) {
		s.warn("address was gone and is set again", fmt.Errorf("%s on %s, and %d more: %w", add[0].Addr, add[0].Dev, len(add)-1, errTaken))
		s.announce()
	} else if err != nil && err.Error() != s.lacking {
		s.lacking = err.Error()
		s.warn("address not set", err)
	}
}

// change goes over to other addresses while the service is up: new ones come, those no longer wanted go.
func (s *service) change(wanted []vip.Address) error {
	if slices.Equal(wanted, s.wanted) {
		return nil // what is missing of them is lookAfter's
	}
	s.wanted = wanted
	_, err := s.settle(wanted)
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
	announcer := arp.Announcer{MAC: s.links.MAC, Send: s.frame}
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
