package control

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestCaller: the kernel tells of the process at the other end what that is.
func TestCaller(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c, err := callerOf(server.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	if int(c.uid) != os.Getuid() || !slices.Contains(c.groups, uint32(os.Getgid())) {
		t.Errorf("caller %+v", c)
	}
	mine, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, gid := range mine {
		if !slices.Contains(c.groups, uint32(gid)) {
			t.Errorf("group %d is not among %v", gid, c.groups)
		}
	}
}

func TestGuards(t *testing.T) {
	me := uint32(os.Geteuid())
	for _, test := range []struct {
		name              string
		caller            any
		master, operating bool
	}{
		{"nobody known", nil, false, false},
		{"root", caller{uid: 0}, true, true},
		{"the daemon's user", caller{uid: me}, true, true},
		{"another user", caller{uid: me + 7, groups: []uint32{5}}, false, false},
		{"an operator", caller{uid: me + 7, groups: []uint32{5, 4711}}, false, true},
	} {
		ctx := context.Background()
		if test.caller != nil {
			ctx = context.WithValue(ctx, callerKey{}, test.caller)
		}
		operated := func(h http.HandlerFunc) http.HandlerFunc {
			return guard(h, "no", func(c caller) bool { return c.master() || c.operator(4711) })
		}
		for name, guarded := range map[string]struct {
			by   func(http.HandlerFunc) http.HandlerFunc
			want bool
		}{"Privileged": {Privileged, test.master}, "Operated": {operated, test.operating}} {
			w := httptest.NewRecorder()
			guarded.by(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil))
			if got := w.Code == http.StatusOK; got != guarded.want {
				t.Errorf("%s by %s: %d", name, test.name, w.Code)
			}
		}
	}
	if (caller{groups: []uint32{0xffffffff, 0}}).operator(-1) {
		t.Error("a group that does not exist has a member")
	}
}

// TestOperatorsGroup: a process of another user and one more group is known by that.
func TestOperatorsGroup(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	const uid, gid = 65534, 4711
	dir := t.TempDir()
	path := filepath.Join(dir, "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name := dir; name != "/tmp" && name != "/"; name = filepath.Dir(name) {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	dialed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with what it has become
		groups := []uint32{gid}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
			dialed <- errno
			return
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
			dialed <- errno
			return
		}
		c, err := net.Dial("unix", path)
		if err == nil {
			defer c.Close()
		}
		dialed <- err
	}()
	if err := <-dialed; err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c, err := callerOf(server.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	if c.master() || !c.operator(gid) || c.operator(gid+1) {
		t.Errorf("caller %+v", c)
	}
}
