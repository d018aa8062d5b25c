package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// cluster is the running thing: a client, two routers with pulse, and real servers, each in a namespace.
type cluster struct {
	net     *topology.Net
	dir     string
	bin     string
	panels  bool // router1 has them
	routers [2]*router
	real    [reals]*process
	log     journal
}

// build makes the network and starts the real servers. Whatever was started is ended by stop, also after an error.
func (c *cluster) build(ctx context.Context) (err error) {
	if c.dir, err = os.MkdirTemp("", "piranha-demo-"); err != nil {
		return err
	}
	// Programs that give up root must be able to pass.
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return err
	}
	if c.net, err = topology.New(topology.Options{Reals: reals, Forward: topology.NAT}); err != nil {
		return err
	}
	for i := range c.routers {
		node := c.net.Router(i + 1)
		c.routers[i] = &router{number: i + 1, node: node, dir: filepath.Join(c.dir, node.Name), bin: c.bin, log: &c.log}
		if err := c.routers[i].install(); err != nil {
			return err
		}
		if c.panels && i == 0 {
			if err := c.routers[i].setPassword(ctx); err != nil {
				return err
			}
		}
	}
	for i := range c.real {
		if err := c.startReal(ctx, i+1); err != nil {
			return err
		}
	}
	for i := range c.real {
		if err := c.answers(ctx, i+1); err != nil {
			return err
		}
	}
	return nil
}

// router returns router i, counted from 1.
func (c *cluster) router(i int) *router { return c.routers[i-1] }

// startReal starts real server i, counted from 1.
func (c *cluster) startReal(ctx context.Context, i int) error {
	if c.real[i-1].running() {
		return errors.New("runs")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.real[i-1], err = launch(c.net.Real(i).Command(ctx, self, "realserver", "-name", realName(i)))
	return err
}

// answers waits until real server i accepts connections.
func (c *cluster) answers(ctx context.Context, i int) error {
	for deadline := time.Now().Add(patience); ; {
		conn, err := c.net.Router(1).Dial("tcp", net.JoinHostPort(topology.RealAddr(i), "80"), time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %w", realName(i), err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// stop ends everything and leaves nothing.
func (c *cluster) stop() {
	all := append([]*process(nil), c.real[:]...)
	for _, r := range c.routers {
		if r != nil {
			all = append(all, r.pulse, r.gui)
		}
	}
	endAll(all...)
	if c.net != nil {
		c.net.Close()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

// alive is an error when a pulse has ended although its router has power.
func (c *cluster) alive() error {
	for _, r := range c.routers {
		if !r.off.Load() && !r.pulse.running() {
			return fmt.Errorf("pulse of %s has ended: %s", r.name(), strings.Join(c.log.all(), "\n  "))
		}
	}
	return nil
}

// settled returns nil if router i serves, and the other one stands by or is off, in word and deed. states are how the
// real servers are to be seen by both.
func (c *cluster) settled(ctx context.Context, i int, states map[string]string) error {
	up := 0
	for _, state := range states {
		if state == "up" {
			up++
		}
	}
	for _, r := range c.routers {
		if r.off.Load() {
			continue
		}
		if err := r.is(ctx, r.number == i, !c.router(3-r.number).off.Load()); err != nil {
			return err
		}
		if err := r.sees(ctx, states); err != nil {
			return err
		}
		if err := r.want(r.number == i, 1+up); err != nil {
			return err
		}
	}
	return nil
}

// is returns nil if pulse says that it is active, or inactive, and that its partner is the opposite of that, or dead.
func (r *router) is(ctx context.Context, active, partnerAlive bool) error {
	have, err := r.pulseStatus(ctx)
	if err != nil {
		return err
	}
	word := map[bool]string{true: "active", false: "inactive"}
	if have.State != word[active] {
		return fmt.Errorf("%s is %s, want %s", r.name(), have.State, word[active])
	}
	if !partnerAlive {
		return nil
	}
	if have.Partner.Health != "alive" || have.Partner.State != word[!active] {
		return fmt.Errorf("to %s its partner is %s and %s", r.name(), have.Partner.Health, have.Partner.State)
	}
	return nil
}

// sees returns nil if lvsd says that the real servers are as named.
func (r *router) sees(ctx context.Context, states map[string]string) error {
	s, err := r.lvsdStatus(ctx)
	if err != nil {
		return err
	}
	have := s.states()
	for name, want := range states {
		if have[name] != want {
			return fmt.Errorf("to %s %s is %q, want %s", r.name(), name, have[name], want)
		}
	}
	return nil
}

// both is an error while both routers have a floating address: clients would be served by either, by chance.
func (c *cluster) both() error {
	for dev, addr := range floating() {
		// The first is asked again: an address may move between two looks.
		every := true
		for _, r := range []*router{c.router(1), c.router(2), c.router(1)} {
			have, err := r.has(dev)
			if err != nil {
				return err
			}
			if every = have && !r.off.Load(); !every {
				break
			}
		}
		if every {
			return fmt.Errorf("both routers have %s", addr)
		}
	}
	return nil
}

// clientSendsTo names the router to which the client sends what is for the virtual server, "" while it has no entry.
func (c *cluster) clientSendsTo() (name, mac string, err error) {
	if mac, err = c.net.Client().Neighbour(topology.VIP); mac == "" || err != nil {
		return "", "", err
	}
	for _, r := range c.routers {
		own, err := r.node.MAC("eth0")
		if err != nil {
			return "", "", err
		}
		if own == mac {
			return r.name(), mac, nil
		}
	}
	return "", mac, fmt.Errorf("the client sends to %s, which is no router", mac)
}
