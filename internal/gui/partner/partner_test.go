package partner

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/sshdtest"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		host, command string
		want          Remote
		err           error
	}{
		{"192.0.2.12", "ssh", Remote{Host: "192.0.2.12"}, nil},
		{"lb2.example", "/usr/bin/ssh -l root -p 2222", Remote{"lb2.example", "root", "2222"}, nil},
		{"2001:db8::2", " ssh  -p 22 ", Remote{Host: "2001:db8::2", Port: "22"}, nil},
		{"::1", "ssh", Remote{Host: "::1"}, nil},
		{"192.0.2.12", "", Remote{}, ErrNotSSH},
		{"192.0.2.12", "rsh", Remote{}, ErrNotSSH},
		{"192.0.2.12", "ssh -o ProxyCommand=x", Remote{}, ErrNotSSH},
		{"192.0.2.12", "ssh -p", Remote{}, ErrNotSSH},
		{"192.0.2.12", "ssh -p 0", Remote{}, ErrNotSSH},
		{"192.0.2.12", "ssh -p 65536", Remote{}, ErrNotSSH},
		{"192.0.2.12", "ssh -l -x", Remote{}, ErrNotSSH},
		{"192.0.2.12", "ssh -l a@b", Remote{}, ErrNotSSH},
		{"192.0.2.12", "sh -c ssh", Remote{}, ErrNotSSH},
		{"-oProxyCommand=x", "ssh", Remote{}, ErrHost},
		{"", "ssh", Remote{}, ErrHost},
		{"a b", "ssh", Remote{}, ErrHost},
		{"a/b", "ssh", Remote{}, ErrHost},
	} {
		got, err := Parse(test.host, test.command)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("Parse(%q, %q) = %+v, %v", test.host, test.command, got, err)
		}
	}
}

// router is a real sshd, and the one file that matters.
type router struct {
	sshd    *sshdtest.Server
	remote  Remote
	dir     string
	hostKey HostKey
}

func (r *router) path() string { return filepath.Join(r.dir, "lvs.cf") }

func newRouter(t *testing.T) *router {
	t.Helper()
	s := sshdtest.Start(t, "127.0.0.1")
	return &router{sshd: s, dir: t.TempDir(), remote: Remote{Host: "127.0.0.1", Port: s.Port}, hostKey: HostKey(s.HostKey)}
}

func TestLink(t *testing.T) {
	r := newRouter(t)
	ctx := t.Context()
	l := New(filepath.Join(t.TempDir(), "50% of it", "ssh"))
	if _, err := l.Key(); !errors.Is(err, ErrNoKey) {
		t.Errorf("key before there is one: %v", err)
	}
	if err := l.MakeKey(ctx, "lb 1"); err != nil {
		t.Fatal(err)
	}
	key, err := l.Key()
	if err != nil || !strings.HasPrefix(key, "ssh-ed25519 ") || !strings.HasSuffix(key, " piranha-gui@lb_1") {
		t.Fatalf("key %q, %v", key, err)
	}
	if err := l.MakeKey(ctx, "other"); err != nil {
		t.Fatal(err)
	}
	if again, _ := l.Key(); again != key {
		t.Error("the key was made anew")
	}
	if info, err := os.Stat(l.keyPath()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private key: %v, %v", info.Mode(), err)
	}
	// Nobody has said that the host key is right.
	r.sshd.Authorize(key)
	if _, err := l.Fetch(ctx, r.remote, r.path()); err == nil || !strings.Contains(err.Error(), "Host key verification failed") {
		t.Errorf("unknown host: %v", err)
	}
	offered, err := l.Offered(ctx, r.remote)
	if err != nil || offered != r.hostKey || l.Known(r.remote) != "" {
		t.Fatalf("offered %q, %v; want %q", offered, err, r.hostKey)
	}
	out, _ := exec.Command("ssh-keygen", "-l", "-f", r.sshd.PublicKey()).Output()
	if fields := strings.Fields(string(out)); len(fields) < 2 || fields[1] != offered.Fingerprint() {
		t.Errorf("fingerprint %s, ssh-keygen says %s", offered.Fingerprint(), out)
	}
	if err := l.Accept(r.remote, offered); err != nil || l.Known(r.remote) != offered {
		t.Fatalf("accepted %q, %v", l.Known(r.remote), err)
	}
	transfer(t, l, r)
	if err := l.Accept(r.remote, HostKey(strings.Replace(string(r.hostKey), "AAAAC3", "AAAAC4", 1))); err != nil {
		t.Fatal(err)
	}
	if err := l.Push(ctx, r.remote, r.path(), []byte("evil"), 0o600); err == nil {
		t.Error("a host with another key got the file")
	}
	if text, _ := os.ReadFile(r.path()); string(text) == "evil" {
		t.Error("it was written")
	}
	for _, key := range []HostKey{"", "ssh-ed25519", "ssh-dss AAAA", "ssh-ed25519 " + HostKey(strings.Repeat("A", 50)) + "\nx"} {
		if err := l.Accept(r.remote, key); !errors.Is(err, ErrHostKey) {
			t.Errorf("accepted %q: %v", key, err)
		}
	}
}

// transfer fetches, pushes and has it read.
func transfer(t *testing.T, l *Link, r *router) {
	t.Helper()
	ctx := t.Context()
	if f, err := l.Fetch(ctx, r.remote, r.path()); err != nil || f.Exists || len(f.Text) > 0 {
		t.Errorf("no file there: %+v, %v", f, err)
	}
	if err := os.WriteFile(r.path(), []byte("serial_no = 1\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	f, err := l.Fetch(ctx, r.remote, r.path())
	if err != nil || !f.Exists || string(f.Text) != "serial_no = 1\n" || f.Mode != 0o640 {
		t.Errorf("fetched %+v, %v", f, err)
	}
	before, _ := os.Stat(r.path())
	text := strings.Repeat("# a line\n", 100_000)
	if err := l.Push(ctx, r.remote, r.path(), []byte(text), f.Mode); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(r.path())
	after, err := os.Stat(r.path())
	if string(got) != text || err != nil || after.Mode().Perm() != 0o640 || os.SameFile(before, after) {
		t.Errorf("pushed %d bytes, %v, %v", len(got), after.Mode(), err)
	}
	if _, err := os.Stat(r.path() + ".piranha-gui"); err == nil {
		t.Error("something is left beside it")
	}
	for _, path := range []string{"lvs.cf", "/tmp/a b", "/tmp/a\nrm /tmp/b", `/tmp/"x`, "/tmp/*"} {
		if err := l.Push(ctx, r.remote, path, nil, 0o600); !errors.Is(err, errPath) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if err := l.Push(ctx, r.remote, r.dir+"/none/lvs.cf", nil, 0o600); err == nil {
		t.Error("written into a directory that is not there")
	}
	l.Reload = []string{"/bin/sh", "-c", "'exit 3'"}
	if err := l.Read(ctx, r.remote); err == nil {
		t.Error("a command that fails is well")
	}
	l.Reload = []string{"touch", r.dir + "/read"}
	if err := l.Read(ctx, r.remote); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.dir + "/read"); err != nil {
		t.Error(err)
	}
}

// TestRestricted: a key that is for files only still copies.
func TestRestricted(t *testing.T) {
	r := newRouter(t)
	l := New(t.TempDir())
	if err := l.MakeKey(t.Context(), "lb1"); err != nil {
		t.Fatal(err)
	}
	key, _ := l.Key()
	r.sshd.Authorize(`restrict,command="internal-sftp" ` + key)
	if err := l.Accept(r.remote, r.hostKey); err != nil {
		t.Fatal(err)
	}
	if err := l.Push(t.Context(), r.remote, r.path(), []byte("x\n"), 0o600); err != nil {
		t.Error(err)
	}
	if err := l.Read(t.Context(), r.remote); err == nil {
		t.Error("it ran a command")
	}
	r.sshd.Authorize("")
	if err := l.Push(t.Context(), r.remote, r.path(), []byte("y\n"), 0o600); err == nil || !strings.Contains(err.Error(), "Permission denied") {
		t.Errorf("without the key there: %v", err)
	}
}

// TestSilent: a host that takes connections and says nothing holds nobody up.
func TestSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, _ := net.SplitHostPort(silent.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	l := New(t.TempDir())
	if _, err := l.Fetch(ctx, Remote{Host: "127.0.0.1", Port: port}, "/etc/lvs.cf"); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("%v", err)
	}
}
