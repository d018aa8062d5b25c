package install

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// patience is how long a command may take, and whatever is waited for: the lab's machine may be slow.
const patience = 60 * time.Second

// machine is a node of the topology with a Debian of its own: a root directory over the fresh one, in memory.
type machine struct {
	t     *testing.T
	net   *topology.Net
	node  *topology.Node
	root  string
	enter []string // the command that runs another one in the machine
}

func newMachine(t *testing.T, n *topology.Net, router int) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "machine-*")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, net: n, node: n.Router(router), root: filepath.Join(dir, "root")}
	m.enter = []string{"/usr/sbin/chroot", m.root}
	mount := func(source, target, kind string, flags uintptr, data string) {
		t.Helper()
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			t.Fatalf("mount %s on %s: %v", kind, target, err)
		}
		t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
	}
	for _, name := range []string{"root", "up", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	mount("overlay", m.root, "overlay", 0, "lowerdir="+os.Getenv("DEBIAN_ROOT")+",upperdir="+dir+"/up,workdir="+dir+"/work")
	mount("proc", m.root+"/proc", "proc", 0, "")
	mount("/dev", m.root+"/dev", "", unix.MS_BIND, "")
	mount("tmpfs", m.root+"/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
	if err := os.Mkdir(m.root+"/run/lock", 0o1777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.killAll)
	return m
}

// killAll ends whatever still runs in the root directory.
func (m *machine) killAll() {
	for _, pid := range m.processes("") {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
}

// processes are the pids of the programs with this name, or all, that run in the root directory.
func (m *machine) processes(name string) (pids []int) {
	links, err := filepath.Glob("/proc/[0-9]*/root")
	if err != nil {
		m.t.Fatal(err)
	}
	for _, link := range links {
		root, err := os.Readlink(link)
		if err != nil || root != m.root {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "comm"))
		if name == "" || strings.TrimSpace(string(comm)) == name {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// try runs a line of shell in the machine and returns what it prints and its exit status.
func (m *machine) try(line string) (said string, status int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := m.node.Command(ctx, append(slices.Clip(m.enter), "/bin/sh", "-c", "cd /root && "+line)...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "HOME=/root"}
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatalf("%s: %s: %v: %s", m.node.Name, line, err, out)
	}
	return strings.TrimSpace(string(out)), c.ProcessState.ExitCode()
}

// run is try for what has to succeed.
func (m *machine) run(line string) string {
	m.t.Helper()
	said, status := m.try(line)
	if status != 0 {
		m.t.Fatalf("%s: %s: exit status %d: %s", m.node.Name, line, status, said)
	}
	return said
}

// wantStatus expects an exit status.
func (m *machine) wantStatus(line string, want int) {
	m.t.Helper()
	if said, status := m.try(line); status != want {
		m.t.Errorf("%s: %s: exit status %d, want %d: %s", m.node.Name, line, status, want, said)
	}
}

// path is where a file of the machine is.
func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

func (m *machine) write(name, text string) {
	m.t.Helper()
	f, err := os.OpenFile(m.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// deb is the package for this machine, which put lays into its /root.
func deb(t *testing.T) string {
	t.Helper()
	said, err := exec.Command("dpkg", "--print-architecture").Output()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("DIST"), "piranha-lvs_*_"+strings.TrimSpace(string(said))+".deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages in %s: %q, %v, want one", os.Getenv("DIST"), found, err)
	}
	return found[0]
}

func (m *machine) put() {
	m.t.Helper()
	file := deb(m.t)
	text, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(filepath.Join("root", filepath.Base(file)), string(text))
}

// install installs the package.
func (m *machine) install() {
	m.t.Helper()
	m.put()
	m.run("dpkg -i piranha-lvs_*.deb")
}

// files lists the machine's files, but for what belongs to dpkg and to everybody: accounts, caches, logs of dpkg.
func (m *machine) files() (list []string) {
	skip := []string{"proc", "dev", "run", "root", "var/lib/dpkg", "var/log/dpkg.log", "var/cache", "etc/passwd", "etc/passwd-", "etc/shadow", "etc/shadow-",
		"etc/group", "etc/group-", "etc/gshadow", "etc/gshadow-", "etc/subuid", "etc/subgid", "etc/.pwd.lock", "tmp"}
	err := filepath.WalkDir(m.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(m.root, path)
		if slices.Contains(skip, name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return list
}

// eventually repeats check until it returns nil, and fails the test with its last answer after the time limit.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %v", patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
