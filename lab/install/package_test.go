package install

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// network builds the topology of a test.
func network(t *testing.T) *topology.Net {
	t.Helper()
	n, err := topology.New(topology.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// TestInstall: the files arrive with their owners, and nothing is started or enabled.
func TestInstall(t *testing.T) {
	m := newMachine(t, network(t), 1)
	before := m.run("ls -R /etc/rc*.d /etc/systemd/system")
	m.install()
	for path, want := range map[string]string{
		"/etc/sysconfig/ha":            "775 root piranha",
		"/etc/sysconfig/ha/lvs.cf":     "664 root piranha",
		"/etc/sysconfig/ha/conf":       "770 root piranha",
		"/etc/default/pulse":           "644 root root",
		"/etc/init.d/pulse":            "755 root root",
		"/usr/sbin/pulse":              "755 root root",
		"/var/lib/piranha":             "755 root root",
		"/var/lib/piranha-gui":         "700 piranha piranha",
		"/var/log/piranha":             "755 piranha piranha",
		"/usr/share/man/man8/nanny.8*": "644 root root",
	} {
		if got := m.run("stat -c '%a %U %G' " + path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if got := m.run("getent passwd piranha | cut -d: -f6,7"); got != "/etc/sysconfig/ha:/usr/sbin/nologin" {
		t.Errorf("user piranha: %s", got)
	}
	if said := m.run("dpkg --verify piranha-lvs"); said != "" {
		t.Errorf("dpkg --verify: %s", said)
	}
	if after := m.run("ls -R /etc/rc*.d /etc/systemd/system"); after != before {
		t.Errorf("enabled by the installation:\n%s\nbefore:\n%s", after, before)
	}
	if pids := m.processes(""); len(pids) > 0 {
		t.Errorf("started by the installation: %v", pids)
	}
	m.run("update-rc.d pulse defaults && update-rc.d piranha-gui defaults")
	if said := m.run("ls /etc/rc3.d"); !strings.Contains(said, "pulse") {
		t.Errorf("enabled, but /etc/rc3.d has %s", said)
	}
	m.run("logrotate --debug /etc/logrotate.d/piranha-gui")
}

// TestRemoveAndPurge: removal ends what runs and leaves configuration and state, purge leaves the machine as it was. An installation
// in between finds the configuration again.
func TestRemoveAndPurge(t *testing.T) {
	m := newMachine(t, network(t), 1)
	before := m.files()
	m.install()
	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.run("printf 'secret\nsecret\n' | piranha-passwd --stdin")
	m.run("update-rc.d pulse defaults")
	m.run("service pulse start && service piranha-gui start")
	m.run("dpkg -r piranha-lvs")
	if pids := m.processes(""); len(pids) > 0 {
		t.Errorf("still running after the removal: %v", pids)
	}
	kept := []string{"etc/sysconfig/ha/lvs.cf", "etc/sysconfig/ha/conf/piranha.passwd", "etc/default/pulse", "etc/init.d/pulse", "var/lib/piranha/lvsd.json"}
	for _, name := range kept {
		if _, err := os.Stat(m.path(name)); err != nil {
			t.Errorf("after the removal: %v", err)
		}
	}
	if _, err := os.Stat(m.path("usr/sbin/pulse")); err == nil {
		t.Error("after the removal /usr/sbin/pulse is still there")
	}
	m.wantStatus("/etc/init.d/pulse start", 5)
	m.install()
	if text, err := os.ReadFile(m.path("etc/sysconfig/ha/lvs.cf")); err != nil || string(text) != single {
		t.Errorf("installed again, lvs.cf is %q, %v", text, err)
	}
	m.run("dpkg --purge piranha-lvs")
	after := m.files()
	for _, name := range after {
		if !slices.Contains(before, name) {
			t.Errorf("left over after the purge: %s", name)
		}
	}
	for _, name := range before {
		if !slices.Contains(after, name) {
			t.Errorf("gone after the purge: %s", name)
		}
	}
	m.run("getent passwd piranha") // stays, as users of Debian's packages do
	if left, _ := filepath.Glob(m.path("run/p*")); len(left) > 0 {
		t.Errorf("left over after the purge: %q", left)
	}
}
