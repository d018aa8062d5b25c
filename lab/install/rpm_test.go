package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rpm runs rpm on the machine's root directory, on a database of its own there, and returns what it prints. Debian's packages are not in
// that, so nothing is said about dependencies.
func (m *machine) rpm(arguments ...string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := m.node.Command(ctx, append([]string{"rpm", "--root=" + m.root, "--nodeps", "--force-debian"}, arguments...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("rpm %q: %v: %s", arguments, err, out)
	}
	return strings.TrimSpace(string(out))
}

// rpmFile is the package of the machine's architecture.
func rpmFile(t *testing.T) string {
	t.Helper()
	arch, err := exec.Command("uname", "-m").Output()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("DIST"), "piranha-lvs-*."+strings.TrimSpace(string(arch))+".rpm"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages in %s: %q, %v, want one", os.Getenv("DIST"), found, err)
	}
	return found[0]
}

// TestRpm: rpm installs the package with the same owners, its scripts do what dpkg has them do, and removal leaves the configuration.
func TestRpm(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	m := newMachine(t, n, 1)
	m.rpm("--install", rpmFile(t))
	for path, want := range map[string]string{
		"/etc/sysconfig/ha":            "775 root piranha",
		"/etc/sysconfig/ha/lvs.cf":     "664 root piranha",
		"/etc/sysconfig/ha/conf":       "770 root piranha",
		"/etc/sysconfig/pulse":         "644 root root",
		"/etc/rc.d/init.d/pulse":       "755 root root",
		"/usr/sbin/pulse":              "755 root root",
		"/var/lib/piranha-gui":         "700 piranha piranha",
		"/var/log/piranha":             "755 piranha piranha",
		"/usr/share/man/man8/nanny.8*": "644 root root",
	} {
		if got := m.run("stat -c '%a %U %G' " + path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	m.run("getent group piranha-operator")
	if pids := m.processes(""); len(pids) > 0 {
		t.Errorf("started by the installation: %v", pids)
	}

	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.write("/etc/sysconfig/pulse", "OPTIONS=-v\n")
	m.wantStatus("/etc/rc.d/init.d/pulse status", 3)
	m.wantStatus("/etc/rc.d/init.d/pulse start", 0)
	m.wantActive()
	pid, lvsd := m.pid(), m.processes("lvsd")
	m.rpm("--upgrade", "--replacepkgs", rpmFile(t))
	if now := m.pid(); now != pid {
		t.Errorf("after the upgrade pulse has pid %d, want %d still", now, pid)
	}
	if now := m.processes("lvsd"); len(now) != 1 || now[0] == lvsd[0] {
		t.Errorf("after the upgrade lvsd runs as %v, before %v; want another one", now, lvsd)
	}
	if text, err := os.ReadFile(m.path("etc/sysconfig/ha/lvs.cf")); err != nil || string(text) != single {
		t.Errorf("after the upgrade lvs.cf is %q, %v", text, err)
	}
	served(t, n)

	m.rpm("--erase", "piranha-lvs")
	eventually(t, func() error {
		if left := m.processes(""); len(left) > 0 {
			return fmt.Errorf("still running after the removal: %v", left)
		}
		return nil
	})
	if text, err := os.ReadFile(m.path("etc/sysconfig/ha/lvs.cf.rpmsave")); err != nil || string(text) != single {
		t.Errorf("after the removal the lvs.cf that was in use is %q, %v", text, err)
	}
	if _, err := os.Stat(m.path("usr/sbin/pulse")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the removal: /usr/sbin/pulse: %v", err)
	}
}
