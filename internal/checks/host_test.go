package checks

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/porttest"
)

// TestNoDescriptors: that this host has none left does not speak against a server.
func TestNoDescriptors(t *testing.T) {
	addr := listen(t, answers(ok))
	leave(t, 0)
	for _, s := range []Spec{
		{Kind: HTTP, Addr: addr}, {Kind: TLS, Addr: addr}, {Kind: SMTP, Addr: addr},
		{Kind: DNS, Addr: addr}, {Kind: DNS, UDP: true, Addr: addr}, {Kind: Ping, Addr: addr},
	} {
		r := attemptAt(t, s)
		if judge(t, r, "cannot check: too many open files"); !r.Lacks() {
			t.Errorf("%v: %+v speaks against the server", s.Kind, r)
		}
	}
}

// TestOneDescriptor: a ping needs two for a moment.
func TestOneDescriptor(t *testing.T) {
	c := mustNew(t, Spec{Kind: Ping, Addr: porttest.Closed(t), Timeout: patience})
	if r := c.Run(t.Context(), nil); !r.Up() {
		t.Skip(r.Reason())
	}
	leave(t, 1)
	r := c.Run(t.Context(), nil)
	if judge(t, r, "cannot check: too many open files"); !r.Lacks() {
		t.Errorf("%+v speaks against the server", r)
	}
}

// leave leaves this process so many descriptors until the test ends.
func leave(t *testing.T, count int) {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	lowest := uint64(f.Fd())
	f.Close()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: lowest + uint64(count), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	})
}
