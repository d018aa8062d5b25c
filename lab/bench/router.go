package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// router is one of the two.
type router struct {
	number  int // 1 or 2
	node    *topology.Node
	dir     string // what survives a crash
	run     string // below dir; what does not
	log     *journal
	process *process
	started time.Time
}

// floating returns the addresses that move, by device.
func floating() map[string]string {
	return map[string]string{
		"eth0": topology.VIP + "/" + strconv.Itoa(topology.PublicPrefix),
		"eth1": topology.NATRouter + "/" + strconv.Itoa(topology.PrivatePrefix),
	}
}

// addr is the address its heartbeats come from.
func (r *router) addr() netip.Addr {
	public, _ := topology.RouterAddr(r.number)
	return netip.MustParseAddr(public)
}

// start starts a program in an empty run directory.
func (r *router) start(argv []string) (err error) {
	if err := os.RemoveAll(r.run); err != nil {
		return fmt.Errorf("empty run directory: %w", err)
	}
	if err := os.MkdirAll(r.run, 0o755); err != nil {
		return fmt.Errorf("make run directory: %w", err)
	}
	r.started = time.Now()
	r.process, err = launch(r.node, argv, r.log)
	return err
}

// holds returns how many of the floating addresses the router has.
func (r *router) holds() (int, error) {
	count := 0
	for dev, addr := range floating() {
		have, err := r.node.Addrs(dev)
		if err != nil {
			return 0, err
		}
		if slices.Contains(have, addr) {
			count++
		}
	}
	return count, nil
}

// want returns nil if the router has all floating addresses, or none of them.
func (r *router) want(all bool) error {
	want := 0
	if all {
		want = len(floating())
	}
	have, err := r.holds()
	if err == nil && have != want {
		err = fmt.Errorf("%s has %d floating addresses, want %d", r.node.Name, have, want)
	}
	return err
}

// wantTable returns nil if the kernel balances to so many real servers.
func (r *router) wantTable(n int) error {
	var text []byte
	err := r.node.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/ip_vs") // no program to start, which is dear here
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: read table: %w", r.node.Name, err)
	}
	if have := destinations(string(text)); have != n {
		return fmt.Errorf("%s has %d real servers in its table, want %d", r.node.Name, have, n)
	}
	return nil
}

// destinations counts the real servers in the text of /proc/net/ip_vs.
func destinations(table string) int {
	n := 0
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "  -> ") && !strings.Contains(line, "RemoteAddress") {
			n++
		}
	}
	return n
}

// crash is what the others see of a power failure: the links are dead, and none of the processes runs any more. They
// are looked for beforehand, so that it is one blow.
func (r *router) crash(pids []int) error {
	if err := r.node.Cut(); err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("%s: kill %d: %w", r.node.Name, pid, err)
		}
	}
	return nil
}

// reboot brings a router that crashed back, with nothing running: the kernel's state of before is gone.
func (r *router) reboot() error {
	err := await(func() error {
		pids, err := r.pids()
		if err == nil && len(pids) > 0 {
			err = fmt.Errorf("%s: %d processes are left", r.node.Name, len(pids))
		}
		return err
	})
	if err != nil {
		return err
	}
	for dev, addr := range floating() {
		have, err := r.node.Addrs(dev)
		if err != nil {
			return err
		}
		if !slices.Contains(have, addr) {
			continue
		}
		if err := r.node.DelAddr(addr, dev); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := r.node.Exec(ctx, "ipvsadm", "-C"); err != nil {
		return err
	}
	return r.node.Heal()
}

// pids returns the processes that run in the router's namespace.
func (r *router) pids() ([]int, error) {
	var own string
	err := r.node.Do(func() (err error) {
		own, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: find own namespace: %w", r.node.Name, err)
	}
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range paths {
		ns, err := os.Readlink(filepath.Join(path, "ns", "net"))
		pid, _ := strconv.Atoi(filepath.Base(path))
		if err == nil && ns == own && pid != os.Getpid() { // a process that has just ended has no namespace
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
