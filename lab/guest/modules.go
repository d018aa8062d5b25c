package guest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// moduleRoot is where Debian's user-mode-linux package puts its modules, with a modules.dep made by the package.
const moduleRoot = "/usr/lib/uml/modules"

// schedulers lists every IPVS scheduler of a current kernel.
func schedulers() []string {
	return []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}
}

// Modules lists what the bed loads. What iptables and nft need beyond it the kernel asks for by itself.
func Modules() []string {
	names := []string{"ip_vs"}
	for _, s := range schedulers() {
		names = append(names, "ip_vs_"+s)
	}
	return append(names, "veth", "bridge", "dummy", "ipip", "ip6_tunnel", "sit", "ip_gre", "fou", "nf_conntrack")
}

// moduleTree knows the files and dependencies of one kernel's modules.
type moduleTree struct {
	dir  string
	path map[string]string   // module name -> file
	deps map[string][]string // file -> files, to be loaded last to first
}

// readTree reads modules.dep of the running kernel. Loading by hand saves a fork and exec per module.
func readTree(dir string) (*moduleTree, error) {
	f, err := os.Open(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("read module list: %w", err)
	}
	defer f.Close()
	return parseTree(dir, f)
}

func parseTree(dir string, r io.Reader) (*moduleTree, error) {
	tree := &moduleTree{dir: dir, path: map[string]string{}, deps: map[string][]string{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		file, deps, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			continue
		}
		tree.path[moduleName(file)] = file
		tree.deps[file] = strings.Fields(deps)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read module list of %s: %w", dir, err)
	}
	return tree, nil
}

// moduleName turns kernel/net/x/nf-conntrack.ko.xz into nf_conntrack: the kernel treats - and _ alike.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// order returns the files to load for the named modules, each once, dependencies first.
func (t *moduleTree) order(names []string) ([]string, error) {
	var files []string
	seen := map[string]bool{}
	add := func(file string) {
		if !seen[file] {
			seen[file] = true
			files = append(files, file)
		}
	}
	for _, name := range names {
		file, ok := t.path[name]
		if !ok {
			return nil, fmt.Errorf("load module %s: not in %s", name, t.dir)
		}
		for _, dep := range slices.Backward(t.deps[file]) {
			add(dep)
		}
		add(file)
	}
	return files, nil
}

// load inserts the named modules and what they depend on.
func (t *moduleTree) load(names ...string) error {
	files, err := t.order(names)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := insert(filepath.Join(t.dir, file)); err != nil {
			return err
		}
	}
	return nil
}

func insert(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("load module: %w", err)
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load module %s: %w", moduleName(path), err)
	}
	return nil
}

// release returns the running kernel's version as uname -r prints it.
func release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("read kernel version: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// offerModules lets modprobe, and the kernel itself, find modules outside /lib/modules, which is read-only here.
func offerModules(version string) error {
	const base = "/run/lab/lib/modules"
	if err := os.MkdirAll(base, 0o755); err != nil {
		return fmt.Errorf("offer modules: %w", err)
	}
	if err := os.Symlink(filepath.Join(moduleRoot, version), filepath.Join(base, version)); err != nil {
		return fmt.Errorf("offer modules: %w", err)
	}
	script := "#!/bin/sh\nPATH=/usr/sbin:/sbin:/usr/bin:/bin exec modprobe -d /run/lab \"$@\"\n"
	if err := os.WriteFile("/run/lab/modprobe", []byte(script), 0o755); err != nil {
		return fmt.Errorf("offer modules: %w", err)
	}
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("/run/lab/modprobe"), 0); err != nil {
		return fmt.Errorf("offer modules: %w", err)
	}
	return nil
}
