package pulse

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/arp"
	"github.com/piranha-lvs/piranha/internal/ipvs/syncd"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// commandTime is how long active_cmd or inactive_cmd may run. The original let them run for ever.
const commandTime = time.Minute

// links are the floating addresses of the machine: *vip.Conn.
type links interface {
	List() ([]vip.Address, error)
	Add(vip.Address) error
	Remove(vip.Address) error
	MAC(dev string) ([6]byte, error)
}

// syncer sets the kernel's connection-sync daemons: *syncd.Conn.
type syncer interface {
	Set(...syncd.Daemon) error
}

// service is what the active router has and the other has not: addresses, the table, announcements. Its methods run
// one at a time, beside the loop.
type service struct {
	links   links
	lvsd    lvsd
	wanted  []vip.Address
	managed map[netip.Addr]bool // what was ever wanted: ours to remove
	sync    syncer              // nil: no connection sync
	daemon  syncd.Daemon        // whose role changes
	warn    func(text string, err error)
	done    func() // the announcements of an activation are finished

	announcing sync.WaitGroup
	quiet      context.CancelFunc // ends the announcements
}

// up brings the service up: addresses first, because lvsd may take a moment with a large table and clients then get
// an answer late rather than none.
func (s *service) up(ctx context.Context, wanted []vip.Address) error {
	s.wanted = wanted
	if err := s.settle(wanted); err != nil {
		return err
	}
	if err := s.fill(ctx); err != nil {
		return err
	}
	s.announce()
	s.setSync(syncd.Master)
	return ctx.Err()
}

// setSync lets this router send what it knows of connections, or take in what the other one sends.
func (s *service) setSync(role syncd.Role) {
	if s.sync == nil {
		return
	}
	s.daemon.Role = role
	if err := s.sync.Set(s.daemon); err != nil {
		s.warn("connections are not synchronised", err)
	}
}

// fill has lvsd fill the table, as soon as it runs.
func (s *service) fill(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := s.lvsd.await(waiting, 0); err != nil {
		return err
	}
	return s.lvsd.setActive(ctx, true)
}

// down takes everything down, also what an earlier run left. It goes on after a failure: whatever can be taken down is.
func (s *service) down(ctx context.Context, wanted []vip.Address) error {
	s.hush()
	failed := s.settle(nil, wanted...)
	if err := s.lvsd.setActive(ctx, false); err != nil && !gone(err) { // one that starts does so on standby
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
		targets = append(targets, arp.Target{Addr: a.Addr, Dev: a.Dev})
	}
	announcer := arp.Announcer{MAC: s.links.MAC, Send: arp.Send}
	s.announcing.Go(func() {
		announcer.Announce(ctx, targets, arp.Options{
			Refresh: arp.DefaultRefresh, Router: true, Done: s.done,
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

// runCommand runs active_cmd or inactive_cmd, words split at blanks as in the original, for at most commandTime.
func runCommand(ctx context.Context, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %.200q", words[0], err, out)
	}
	return nil
}
