package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// patience is how long the bench waits for what must happen.
const patience = 30 * time.Second

// cluster is a client, two routers with one product, and real servers.
type cluster struct {
	product product
	net     *topology.Net
	servers []*realserver.Server
	routers [2]*router
	dir     string
}

// newCluster builds a cluster and starts the product: first on the router that is to be active, then on the other.
// Close removes whatever there is of it, also after an error.
func newCluster(p product, first int) (c *cluster, err error) {
	c = &cluster{product: p}
	if c.dir, err = os.MkdirTemp("", "piranha-bench-"); err != nil {
		return c, fmt.Errorf("make directory: %w", err)
	}
	if c.net, err = topology.New(topology.Options{Reals: reals, Forward: topology.NAT}); err != nil {
		return c, err
	}
	for i := 1; i <= reals; i++ {
		if err := c.serve(i); err != nil {
			return c, err
		}
	}
	for i := range c.routers {
		if c.routers[i], err = c.newRouter(i + 1); err != nil {
			return c, err
		}
	}
	active, standby := c.routers[first-1], c.routers[2-first]
	if err := active.start(p.argv(active)); err != nil {
		return c, err
	}
	if err := await(func() error { return active.want(true) }); err != nil {
		return c, c.explain(err)
	}
	return c, standby.start(p.argv(standby))
}

func (c *cluster) serve(i int) error {
	node := c.net.Real(i)
	l, err := node.Listen("tcp", ":80")
	if err != nil {
		return fmt.Errorf("%s: %w", node.Name, err)
	}
	s := realserver.New(node.Name)
	c.servers = append(c.servers, s)
	return s.Start(l)
}

func (c *cluster) newRouter(number int) (*router, error) {
	node := c.net.Router(number)
	dir := filepath.Join(c.dir, node.Name)
	r := &router{number: number, node: node, dir: dir, run: filepath.Join(dir, "run"), log: &journal{}}
	if err := os.MkdirAll(r.run, 0o755); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	if err := c.product.configure(r); err != nil {
		return nil, fmt.Errorf("configure %s: %w", node.Name, err)
	}
	return r, nil
}

// settle waits until one router serves and the other is ready to take over, and returns the two.
func (c *cluster) settle() (active, standby *router, err error) {
	err = await(func() error {
		var failed []error
		for i := range c.routers {
			active, standby = c.routers[i], c.routers[1-i]
			err := c.settled(active, standby)
			if err == nil {
				return nil
			}
			failed = append(failed, err)
		}
		return errors.Join(failed...)
	})
	return active, standby, c.explain(err)
}

// settled returns nil if the pair is settled with these parts, in word and deed.
func (c *cluster) settled(active, standby *router) error {
	if err := active.want(true); err != nil {
		return err
	}
	if err := standby.want(false); err != nil {
		return err
	}
	if err := active.wantTable(reals); err != nil {
		return err
	}
	return c.product.settled(active, standby)
}

// takeovers counts how often a router began to serve.
func (c *cluster) takeovers() int {
	n := 0
	for _, r := range c.routers {
		n += r.log.count(c.product.took())
	}
	return n
}

// explain adds the last words of the programs to an error.
func (c *cluster) explain(err error) error {
	if err == nil {
		return nil
	}
	for _, r := range c.routers {
		err = fmt.Errorf("%w\n%s of %s:%s", err, c.product.name(), r.node.Name, r.log.tail())
	}
	return err
}

// close ends everything and leaves nothing.
func (c *cluster) close() {
	for _, r := range c.routers {
		if r == nil || r.process == nil {
			continue
		}
		if pids, err := r.pids(); err == nil {
			for _, pid := range pids {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
			}
		}
		<-r.process.ended
	}
	for _, s := range c.servers {
		_ = s.Stop() // its connections are of no interest any more
	}
	if c.net != nil {
		c.net.Close()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}
