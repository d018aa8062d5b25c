package lvs

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// watchPulse calls gone when the reader of the pipe behind fd, the pulse that started us, is no more. It ends with ctx.
func watchPulse(ctx context.Context, fd int, gone func()) {
	const look = 200 // milliseconds from one look at ctx to the next
	for ctx.Err() == nil {
		p := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(p, look)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if n > 0 && p[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
			gone()
			return
		}
	}
}

// orphanTime is how long to go on serving when pulse has died: until shortly before the partner takes over. On a single
// router nobody does, so the rows and addresses stay where they are, for the next start to adopt: then it is 0.
func orphanTime(c *lvscf.Config) time.Duration {
	if !c.BackupActive {
		return 0
	}
	return max(c.Deadtime-2*c.Keepalive, 0)
}

// releaseAddresses takes the floating addresses that the dead pulse had set off this machine.
func releaseAddresses(c *lvscf.Config) error {
	conn, err := vip.Open()
	if err != nil {
		return err
	}
	defer conn.Close()
	present, err := conn.List()
	if err != nil {
		return err
	}
	var failed []error
	for _, a := range floating(c, present) {
		failed = append(failed, conn.Remove(a))
	}
	return errors.Join(failed...)
}

// floating are those of the present addresses that pulse has set for c: on the device and with the label that it gives
// them. A router that is also a real server has the same addresses on lo, and those stay.
func floating(c *lvscf.Config, present []vip.Address) []vip.Address {
	set := map[vip.Address]bool{}
	mark := func(v lvscf.VIP) {
		own := slices.Contains([]netip.Addr{c.Primary.Addr, c.Primary.Private, c.Backup.Addr, c.Backup.Private}, v.Addr)
		if a := vip.New(v.Addr, v.Label, 0); v.Addr.IsValid() && !own && a.Dev != "lo" {
			set[place(a)] = true
		}
	}
	if c.Network == lvscf.Masq {
		mark(c.NATRouter)
	}
	for i := range c.Virtual {
		if c.Virtual[i].Enabled {
			mark(c.Virtual[i].VIP)
		}
	}
	return slices.DeleteFunc(slices.Clone(present), func(a vip.Address) bool { return !set[place(a)] })
}

// place is where an address is, whatever its network: a mask may have changed in lvs.cf since it was set.
func place(a vip.Address) vip.Address { return vip.Address{Addr: a.Addr, Dev: a.Dev, Label: a.Label} }
