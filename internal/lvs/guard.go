package lvs

import (
	"context"
	"errors"
	"net/netip"
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

// releaseAddresses takes the floating addresses of lvs.cf off this machine.
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
	floating := map[netip.Addr]bool{c.NATRouter.Addr: true}
	for i := range c.Virtual {
		floating[c.Virtual[i].VIP.Addr] = c.Virtual[i].Enabled || floating[c.Virtual[i].VIP.Addr]
	}
	var failed []error
	for _, a := range present {
		if floating[a.Addr] {
			failed = append(failed, conn.Remove(a))
		}
	}
	return errors.Join(failed...)
}
