package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// keepalived is the product of that name, as Debian has it.
type keepalived struct {
	path    string
	setting Setting
}

// keepalivedConf is the configuration a careful operator would write for the same service:
//   - VRRP 3, which alone knows intervals below a second.
//   - Both routers begin as BACKUP with nopreempt, so that a router that returns does not disturb, as with pulse.
//   - One instance has both addresses: they move together with the least work.
//   - The virtual server is there on both routers all the time, as keepalived always has it, and its real servers are in
//     the kernel's table before they are needed.
//   - Real servers are asked for a page every second, as pulse's are.
//   - Everything else, such as the number of gratuitous ARPs, is keepalived's default. No option slows it down.
const keepalivedConf = `global_defs {
	router_id %s
	vrrp_version 3
}
vrrp_instance web {
	state BACKUP
	nopreempt
	interface eth0
	virtual_router_id 51
	priority %d
	advert_int %s
	virtual_ipaddress {
		%s/24 dev eth0
		%s/24 dev eth1
	}
}
virtual_server %s 80 {
	delay_loop 1
	lb_algo rr
	lb_kind NAT
	protocol TCP
%s}
`

const keepalivedReal = `	real_server %[2]s 80 { # real%[1]d
		weight 1
		HTTP_GET {
			url {
				path /
				status_code 200
			}
			connect_timeout 1
		}
	}
`

// priorities of the routers are those of keepalived's own samples. A router with priority p takes over after three
// intervals and (256-p)/256 of one more.
func priority(router int) int { return []int{150, 100}[router-1] }

func (k keepalived) conf(router int) string {
	advert := strconv.FormatFloat(k.setting.Advert.Seconds(), 'f', -1, 64)
	return fmt.Sprintf(keepalivedConf, "router"+strconv.Itoa(router), priority(router), advert,
		topology.VIP, topology.NATRouter, topology.VIP, realServers(keepalivedReal))
}

func (k keepalived) name() string { return Keepalived }

func (k keepalived) took() string { return "Entering MASTER STATE" }

func (k keepalived) file(r *router) string { return filepath.Join(r.dir, "keepalived.conf") }

func (k keepalived) configure(r *router) error {
	return os.WriteFile(k.file(r), []byte(k.conf(r.number)), 0o644)
}

func (k keepalived) argv(r *router) []string {
	pid := func(name string) string { return filepath.Join(r.run, name+".pid") }
	return []string{
		k.path, "--dont-fork", "--log-console", "--use-file=" + k.file(r), "--pid=" + pid("keepalived"),
		"--vrrp_pid=" + pid("vrrp"), "--checkers_pid=" + pid("checkers"), "--bfd_pid=" + pid("bfd"),
	}
}

// settled goes by keepalived's log: it has no other way of telling its state.
func (k keepalived) settled(active, standby *router) error {
	for r, want := range map[*router]string{active: "MASTER", standby: "BACKUP"} {
		if have := k.state(r); have != want {
			return fmt.Errorf("%s: state %q, want %s", r.node.Name, have, want)
		}
	}
	return standby.wantTable(reals)
}

// state is the last one logged since the start.
func (k keepalived) state(r *router) string {
	state := ""
	for _, l := range r.log.since(r.started) {
		if _, after, found := strings.Cut(l.text, "Entering "); found {
			state, _, _ = strings.Cut(after, " STATE")
		}
	}
	return state
}

// handOver stops keepalived, the operator's way: it tells the others at once that it goes.
func (k keepalived) handOver(active *router) error {
	return active.process.cmd.Process.Signal(syscall.SIGTERM)
}

// comeBack starts keepalived again.
func (k keepalived) comeBack(r *router) error {
	err := await(func() error {
		if !r.process.hasEnded() {
			return fmt.Errorf("%s still runs", r.process.name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.start(k.argv(r))
}

// keepalivedVersion asks the program.
func keepalivedVersion(path string) (string, error) {
	out, err := exec.CommandContext(context.Background(), path, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ask keepalived for its version: %w", err)
	}
	first, _, _ := bytes.Cut(out, []byte("\n"))
	if fields := strings.Fields(string(first)); len(fields) > 1 {
		return fields[1], nil
	}
	return string(first), nil
}
