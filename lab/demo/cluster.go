package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// reals is the number of real servers.
const reals = 3

// config is the cluster's lvs.cf.
const config = `# the demo's lvs.cf
primary = 192.0.2.1
network = nat
nat_router = %[2]s eth1:1
nat_nmask = 255.255.255.0
virtual web {
	active = 1
	address = %[1]s eth0:1
	vip_nmask = 255.255.255.0
	port = 80
	scheduler = rr
	send = "GET / HTTP/1.0\r\n\r\n"
	expect = "HTTP"
	timeout = 1
	reentry = 3
	server real1 {
		address = %[3]s
		active = 1
	}
	server real2 {
		address = %[4]s
		active = 1
	}
	server real3 {
		address = %[5]s
		active = 1
	}
}
`

// cluster is the running thing: a client, a router with lvsd, and real servers, each in a namespace.
type cluster struct {
	net  *topology.Net
	dir  string
	bin  string
	lvsd *process
	real [reals]*process
	log  *tail
}

// process is a program of the cluster.
type process struct {
	cmd  *topology.Cmd
	done chan struct{}
}

// start builds the network, starts the real servers and, on router 1, lvsd. Whatever was started is ended by stop, also
// after an error.
func (c *cluster) start(ctx context.Context) (err error) {
	if c.dir, err = os.MkdirTemp("", "piranha-demo-"); err != nil {
		return err
	}
	if c.net, err = topology.New(topology.Options{Reals: reals, Forward: topology.NAT}); err != nil {
		return err
	}
	router := c.net.Router(1)
	for _, a := range []struct{ addr, dev string }{{topology.VIP, "eth0"}, {topology.NATRouter, "eth1"}} {
		if err := router.AddAddr(a.addr+"/24", a.dev, a.dev+":1"); err != nil {
			return err
		}
		if err := router.Announce(a.addr, a.dev); err != nil {
			return err
		}
	}
	for i := range c.real {
		if err := c.revive(ctx, i+1); err != nil {
			return err
		}
	}
	return c.startLvsd(ctx)
}

func (c *cluster) startLvsd(ctx context.Context) error {
	file := filepath.Join(c.dir, "lvs.cf")
	text := fmt.Sprintf(config, topology.VIP, topology.NATRouter, topology.RealAddr(1), topology.RealAddr(2), topology.RealAddr(3))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	cmd := c.net.Router(1).Command(ctx, filepath.Join(c.bin, "lvs"), "-n", "-c", file,
		"--nanny="+filepath.Join(c.bin, "nanny"), "--run-dir="+c.dir, "--state-dir="+c.dir)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	p, err := launch(cmd)
	c.lvsd = p
	return err
}

// revive starts real server i, counted from 1.
func (c *cluster) revive(ctx context.Context, i int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := launch(c.net.Real(i).Command(ctx, self, "realserver", "-name", fmt.Sprintf("real%d", i)))
	c.real[i-1] = p
	if err != nil {
		return err
	}
	return c.answers(ctx, i)
}

// answers waits until real server i accepts connections.
func (c *cluster) answers(ctx context.Context, i int) error {
	for deadline := time.Now().Add(patience); ; {
		conn, err := c.net.Router(1).Dial("tcp", net.JoinHostPort(topology.RealAddr(i), "80"), time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("real%d does not answer: %w", i, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// kill ends real server i as a crash would.
func (c *cluster) kill(i int) error {
	p := c.real[i-1]
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.done
	return nil
}

func launch(cmd *topology.Cmd) (*process, error) {
	// An interrupt at the terminal goes to the demo alone, which ends its programs in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its end is seen by those who wait for done
		close(p.done)
	}()
	return p, nil
}

// end asks a program to end and sees that it does.
func (p *process) end() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// stop ends everything and leaves nothing.
func (c *cluster) stop() {
	c.lvsd.end()
	for _, p := range c.real {
		p.end()
	}
	if c.net != nil {
		c.net.Close()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

// alive is an error once lvsd has ended.
func (c *cluster) alive() error {
	select {
	case <-c.lvsd.done:
		return fmt.Errorf("lvsd has ended: %s", c.log.last())
	default:
		return nil
	}
}

// table is the kernel's table in ipvsadm's words.
func (c *cluster) table(ctx context.Context) ([]string, error) {
	cmd := c.net.Router(1).Command(ctx, "ipvsadm", "-S", "-n")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("ipvsadm: %w", err)
	}
	return splitLines(string(out)), nil
}

// tail keeps the last lines written to it.
type tail struct {
	mu    sync.Mutex
	pipe  *io.PipeWriter
	lines []string
}

const tailLines = 5

func newTail() *tail {
	r, w := io.Pipe()
	t := &tail{pipe: w}
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			t.mu.Lock()
			t.lines = append(t.lines, s.Text())
			t.lines = t.lines[max(0, len(t.lines)-tailLines):]
			t.mu.Unlock()
		}
		_ = r.Close()
	}()
	return t
}

func (t *tail) Write(b []byte) (int, error) { return t.pipe.Write(b) }

func (t *tail) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines...)
}

func (t *tail) last() string {
	if all := t.all(); len(all) > 0 {
		return all[len(all)-1]
	}
	return "without a word"
}
