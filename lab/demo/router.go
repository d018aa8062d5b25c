package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// router is one of the two. Its directory stands for its disk: lvs.cf, the log, and what its daemons keep.
type router struct {
	number int // 1 or 2
	node   *topology.Node
	dir    string
	bin    string
	log    *journal
	pulse  *process
	gui    *process // the panels; nil: it has none

	password string      // of the panels; "": it has none
	off      atomic.Bool // its power is off
}

func (r *router) name() string { return r.node.Name }

// floating returns the addresses that move, by device.
func floating() map[string]string {
	return map[string]string{"eth0": topology.VIP, "eth1": topology.NATRouter}
}

// install writes what a router has before anything runs on it.
func (r *router) install() error {
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "lvs.cf"), []byte(lvsCf()), 0o644)
}

// start starts pulse, which starts everything else.
func (r *router) start(ctx context.Context) error {
	file, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	out := &lineWriter{each: func(line string) {
		r.log.add(r.name() + "  " + line)
		fmt.Fprintln(file, time.Now().Format("15:04:05.000"), line)
	}}
	cmd := r.node.Command(ctx, filepath.Join(r.bin, "pulse"), "-n", "-c", filepath.Join(r.dir, "lvs.cf"), "--lvsd="+filepath.Join(r.bin, "lvs"),
		"--nanny="+filepath.Join(r.bin, "nanny"), "--run-dir="+r.dir, "--state-dir="+r.dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, out, out
	r.pulse, err = launch(cmd)
	if err != nil {
		file.Close()
		return err
	}
	go func() {
		<-r.pulse.done
		file.Close()
	}()
	return r.startPanels(ctx)
}

// powerOff is what a loss of power is to the others: the links are dead at once, and nothing runs any more.
func (r *router) powerOff() error {
	if r.off.Swap(true) {
		return errors.New("is off already")
	}
	if err := r.node.Cut(); err != nil {
		return err
	}
	if err := r.node.KillAll(); err != nil {
		return err
	}
	<-r.pulse.done
	if r.gui != nil {
		<-r.gui.done
	}
	return nil
}

// powerOn brings the router back as a boot does: nothing is left of what the kernel knew, and pulse is started.
func (r *router) powerOn(ctx context.Context) error {
	if !r.off.Load() {
		return errors.New("is on")
	}
	for dev := range floating() {
		have, err := r.has(dev)
		if err != nil {
			return err
		}
		if !have {
			continue
		}
		if err := r.node.DelAddr(floating()[dev]+"/24", dev); err != nil {
			return err
		}
	}
	if _, err := r.node.Exec(ctx, "ipvsadm", "-C"); err != nil {
		return err
	}
	for _, role := range []string{"master", "backup"} {
		_, _ = r.node.Exec(ctx, "ipvsadm", "--stop-daemon", role) // only one of them ran
	}
	if err := r.node.Heal(); err != nil {
		return err
	}
	r.off.Store(false)
	return r.start(ctx)
}

// has tells whether the floating address of a device is there.
func (r *router) has(dev string) (bool, error) {
	have, err := r.node.Addrs(dev)
	return slices.Contains(have, floating()[dev]+"/24"), err
}

// addresses returns the floating addresses the router has.
func (r *router) addresses() ([]string, error) {
	var list []string
	for _, dev := range []string{"eth0", "eth1"} {
		have, err := r.has(dev)
		if err != nil {
			return nil, err
		}
		if have {
			list = append(list, floating()[dev])
		}
	}
	return list, nil
}

// rows returns the number of rows in the kernel's table, services and real servers. It is asked often, so that no
// program is started for it.
func (r *router) rows() (int, error) {
	lines, err := r.proc("ip_vs")
	return countRows(lines), err
}

func countRows(lines []string) int {
	n := 0
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) < 2 || f[1] == "RemoteAddress:Port" {
			continue
		}
		switch f[0] {
		case "TCP", "UDP", "FWM", "->":
			n++
		}
	}
	return n
}

// knows tells whether the kernel's table of connections has one of the client's port.
func (r *router) knows(port int) (bool, error) {
	lines, err := r.proc("ip_vs_conn")
	for _, line := range lines {
		// Pro FromIP FPrt ToIP TPrt …, the ports in hexadecimal digits
		if f := strings.Fields(line); len(f) > 2 && f[2] == fmt.Sprintf("%04X", port) {
			return true, err
		}
	}
	return false, err
}

// proc returns the lines of a file of /proc/net as the router sees it.
func (r *router) proc(name string) ([]string, error) {
	var text []byte
	err := r.node.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/" + name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name(), err)
	}
	return strings.Split(string(text), "\n"), nil
}

// table is the kernel's table in ipvsadm's words.
func (r *router) table(ctx context.Context) ([]string, error) {
	out, err := r.node.Command(ctx, "ipvsadm", "-S", "-n").Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: ipvsadm: %w", r.name(), err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines, nil
}

// want returns nil if the router has all floating addresses and so many rows in its table, or none of either.
func (r *router) want(serving bool, rows int) error {
	addresses, rowsWanted := 0, 0
	if serving {
		addresses, rowsWanted = len(floating()), rows
	}
	have, err := r.addresses()
	if err != nil {
		return err
	}
	if len(have) != addresses {
		return fmt.Errorf("%s has %d of the floating addresses, want %d", r.name(), len(have), addresses)
	}
	n, err := r.rows()
	if err == nil && n != rowsWanted {
		err = errors.New(r.name() + " has " + strconv.Itoa(n) + " rows in its table, want " + strconv.Itoa(rowsWanted))
	}
	return err
}
