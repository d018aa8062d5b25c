package install

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// boot runs systemd as process 1 of the machine. It gets a root of its own by pivot_root(2): in a chroot the kernel makes no user
// namespaces, which the panels' unit asks for.
func (m *machine) boot() {
	m.t.Helper()
	m.run("ln -s /dev/null /etc/systemd/system/systemd-udevd.service") // /dev is the lab's
	log := m.path("root/systemd.log")
	f, err := os.Create(log)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	const script = `set -e
cd "$1"
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t proc proc proc
pivot_root . mnt
umount -l mnt
exec /usr/bin/env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target --log-target=console --show-status=0`
	c := m.node.Command(m.t.Context(), "unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation=private", "/bin/sh", "-c", script, "sh", m.root)
	c.Stdout, c.Stderr = f, f
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = c.Process.Kill() // and with it process 1, and whatever that has started
		_ = c.Wait()
		if m.t.Failed() {
			text, _ := os.ReadFile(log)
			m.t.Logf("systemd of %s:\n%s", m.node.Name, text)
		}
	})
	unshare := strconv.Itoa(c.Process.Pid)
	eventually(m.t, func() error {
		children, err := os.ReadFile("/proc/" + unshare + "/task/" + unshare + "/children")
		if err != nil || len(children) == 0 {
			return fmt.Errorf("process 1 of %s: %q, %w", m.node.Name, children, err)
		}
		m.enter = []string{"nsenter", "--target=" + strings.TrimSpace(string(children)), "--mount", "--pid", "--root"}
		return nil
	})
	eventually(m.t, func() error { return m.says("systemctl is-active basic.target", "active") })
}

// property is what systemd knows of a service.
func (m *machine) property(unit, name string) string {
	m.t.Helper()
	return m.run("systemctl show -P " + name + " " + unit)
}

// TestSystemd starts the units for real, with all their limits, on both routers. pulse serves, is not killed by systemd's watchdog, and
// goes on in the same process after an upgrade; the panels answer.
func TestSystemd(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	routers := []*machine{newMachine(t, n, 1), newMachine(t, n, 2)}
	for _, m := range routers {
		m.boot()
		m.install()
		m.write("/etc/sysconfig/ha/lvs.cf", pairConf)
		for _, unit := range []string{"pulse", "piranha-gui"} {
			if got := m.property(unit, "ActiveState"); got != "inactive" {
				t.Errorf("%s is %s after the installation", unit, got)
			}
			if said, _ := m.try("systemctl is-enabled " + unit); said != "disabled" {
				t.Errorf("%s is %s after the installation", unit, said)
			}
		}
		m.run("systemctl start pulse")
	}
	active := routers[0]
	active.wantActive()
	served(t, n)
	active.run("echo 'correct horse' | piranha-passwd --stdin; systemctl start piranha-gui")
	browse(t, n, "https://192.0.2.1:3636/")

	pid := active.property("pulse", "MainPID")
	active.write("/etc/sysconfig/ha/lvs.cf", strings.Replace(pairConf, "serial_no = 1", "serial_no = 7", 1))
	active.run("systemctl reload pulse")
	eventually(t, func() error { return active.says("piranhactl --json status", `"serial_no": 7`) })
	gui := active.property("piranha-gui", "MainPID")
	active.run("dpkg -i piranha-lvs_*.deb")
	if now := active.property("piranha-gui", "MainPID"); now == gui || now == "0" {
		t.Errorf("after the upgrade piranha-gui has pid %s, before %s; want another one", now, gui)
	}
	watched, err := strconv.Atoi(strings.TrimSuffix(active.property("pulse", "WatchdogUSec"), "s"))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(watched+2) * time.Second)
	for name, want := range map[string]string{"MainPID": pid, "NRestarts": "0", "ActiveState": "active", "StatusText": "active"} {
		if got := active.property("pulse", name); got != want {
			t.Errorf("pulse: %s = %s, want %s", name, got, want)
		}
	}
	served(t, n)

	active.run("systemctl stop pulse")
	if got := active.property("pulse", "Result"); got != "success" {
		t.Errorf("after stop the result is %s", got)
	}
	routers[1].wantActive()
	served(t, n)
	active.run("systemctl enable pulse")
	active.run("dpkg -r piranha-lvs")
	if said, _ := active.try("systemctl is-active piranha-gui"); said != "inactive" {
		t.Errorf("after the removal piranha-gui is %s", said)
	}
	if _, err := os.Lstat(active.path("etc/systemd/system/multi-user.target.wants/pulse.service")); err == nil {
		t.Error("after the removal pulse is still enabled")
	}
}

// TestSystemdCrash: a pulse that dies and cannot be started again leaves no address behind, on which its partner has to take over.
func TestSystemdCrash(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	routers := []*machine{newMachine(t, n, 1), newMachine(t, n, 2)}
	for _, m := range routers {
		m.boot()
		m.install()
		m.write("/etc/sysconfig/ha/lvs.cf", pairConf)
		m.run("systemctl start pulse")
	}
	routers[0].wantActive()
	routers[0].write("/etc/sysconfig/ha/lvs.cf", "nonsense\n")
	routers[0].run("systemctl kill --signal=KILL --kill-who=main pulse")
	eventually(t, func() error {
		if state := routers[0].property("pulse", "ActiveState"); state != "failed" {
			return fmt.Errorf("pulse is %s", state)
		}
		return nil
	})
	routers[1].wantActive()
	if said := routers[0].run("ip -brief address show eth0"); strings.Contains(said, topology.VIP) {
		t.Errorf("both routers have %s: %s", topology.VIP, said)
	}
	served(t, n)
	routers[0].write("/etc/sysconfig/ha/lvs.cf", pairConf)
	routers[0].run("systemctl reset-failed pulse; systemctl start pulse")
	eventually(t, func() error { return routers[0].says("piranhactl --json status", `"state": "inactive"`) })
}

// TestSystemdBackupNotWanted: a backup that lvs.cf does not want ends, and is not started again and again.
func TestSystemdBackupNotWanted(t *testing.T) {
	m := newMachine(t, network(t), 2)
	m.boot()
	m.install()
	m.write("/etc/sysconfig/ha/lvs.cf", single)
	m.try("systemctl start pulse")
	eventually(t, func() error {
		if state, restarts := m.property("pulse", "ActiveState"), m.property("pulse", "NRestarts"); state != "failed" || restarts != "0" {
			return fmt.Errorf("pulse is %s after %s restarts", state, restarts)
		}
		return nil
	})
}
