package pool

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// lacking is a check that this host cannot make the second and the third time; the fourth time the server fails.
type lacking struct{ made int }

func (l *lacking) Run(context.Context, func(string)) probe.Result {
	l.made++
	switch l.made {
	case 1:
		return probe.Result{Outcome: probe.Up}
	case 2, 3:
		return probe.Result{Outcome: probe.NoSocket, Errno: unix.EMFILE}
	}
	return probe.Failure(1, "status 503")
}

// TestHostTrouble: what this host lacks does not speak against a server, and the check is made again.
func TestHostTrouble(t *testing.T) {
	b := newBed(t)
	b.pool.full.Check = func(*nanny.Options) (nanny.Heavy, error) { return &lacking{}, nil }
	b.add("1", "--check=http", "-p", "80", "-t", "10ms")
	b.want("1 up", "1 down status 503")
}

func TestLackText(t *testing.T) {
	for errno, want := range map[unix.Errno]string{
		0:           "no descriptors left, see ulimit -n",
		unix.EMFILE: "no descriptors left, see ulimit -n",
		unix.EAGAIN: "no processes left, see ulimit -u and TasksMax of systemd",
		unix.ENOMEM: "cannot allocate memory",
	} {
		if got := lackText(errno); got != want {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
	}
}
