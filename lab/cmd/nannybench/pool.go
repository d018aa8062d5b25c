package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// What a pool may take.
const (
	mostPerCheck = 12   // kB of memory, all of the process divided by its checks
	mostPoolCPU  = 8    // percent of a core, for plain connections at poolRate
	poolRate     = 2000 // checks a second
)

// poolFlags are the flags of nannybench pool.
type poolFlags struct {
	nanny string
	out   string
	count int
	rate  int
	time  time.Duration
	env   []string
}

func parsePool(args []string) (f poolFlags, err error) {
	fs := flag.NewFlagSet("nannybench pool", flag.ContinueOnError)
	bin := fs.String("bin", os.Getenv("PIRANHA_BIN"), "directory of nanny")
	fs.StringVar(&f.out, "out", "", "directory for pool.md and pool.json")
	fs.IntVar(&f.count, "n", 10000, "checks")
	fs.IntVar(&f.rate, "rate", poolRate, "checks a second, all together")
	fs.DurationVar(&f.time, "time", 30*time.Second, "how long processor time is counted, for each kind of check")
	env := fs.String("env", "", "environment of the pool, by default what lvsd adds to its own")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	if fs.NArg() > 0 || f.count < 1 || f.rate < 1 || f.count/f.rate > 3600 || f.time <= 0 {
		return f, errors.New("want flags only, -n and -rate of at least 1")
	}
	if *bin == "" {
		*bin = "bin"
	}
	f.nanny, f.env = filepath.Join(*bin, "nanny"), strings.Fields(*env)
	_, err = os.Stat(f.nanny)
	return f, err
}

// poolKinds are the checks that are measured, by the options they have.
var poolKinds = []struct {
	name    string
	options []string
}{
	{"connect", nil},
	{"send and expect", []string{"-s", "GET / HTTP/1.0\r\n\r\n", "-x", "HTTP"}},
}

// poolRun is what one kind of check has taken.
type poolRun struct {
	Kind   string
	Rate   float64 // checks a second, as the server has counted them
	Memory memory
	CPU    float64 // percent of a core, user and system
}

func runPool(args []string) error {
	f, err := parsePool(args)
	if err != nil {
		return err
	}
	var runs []poolRun
	for _, kind := range poolKinds {
		r, err := f.measure(kind.options)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		r.Kind = kind.name
		runs = append(runs, r)
	}
	section := f.section(runs)
	fmt.Print(section)
	if f.out == "" {
		return nil
	}
	text, err := json.Marshal(runs)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(f.out, "pool.md"), []byte(section), 0o644),
		os.WriteFile(filepath.Join(f.out, "pool.json"), text, 0o644))
}

// crowd answers connections to any address of this machine, many at the same time.
type crowd struct {
	listener net.Listener
	checks   atomic.Int64
}

func (c *crowd) serve() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.checks.Add(1)
		go func() {
			defer conn.Close()
			var request [longRequest]byte
			if n, err := conn.Read(request[:]); err == nil && n > 0 {
				_, _ = io.WriteString(conn, webReply)
			}
		}()
	}
}

// measure runs a pool until every check has been made twice, and then looks what it takes.
func (f *poolFlags) measure(options []string) (r poolRun, err error) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return r, err
	}
	defer l.Close()
	servers := &crowd{listener: l}
	go servers.serve()
	p, err := f.start(l.Addr().(*net.TCPAddr).Port, options)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := p.awaitUp(f.count); err != nil {
		return r, err
	}
	time.Sleep(2 * f.interval())
	started, checks := time.Now(), servers.checks.Load()
	before, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	time.Sleep(f.time)
	after, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	wall := time.Since(started).Seconds()
	r.CPU, r.Rate = 100*(after-before).Seconds()/wall, float64(servers.checks.Load()-checks)/wall
	r.Memory, err = readMemory(p.cmd.Process.Pid)
	return r, err
}

// interval is that of each check.
func (f *poolFlags) interval() time.Duration {
	return time.Duration(f.count) * time.Second / time.Duration(f.rate)
}

// pool is a running nanny --pool.
type pool struct {
	cmd     *exec.Cmd
	jobs    io.WriteCloser
	reports *os.File
	ended   chan struct{} // the reports

	up  atomic.Int64           // servers found up
	bad atomic.Pointer[string] // a line that says otherwise
}

// read reads the reports until they end.
func (p *pool) read() {
	defer close(p.ended)
	for s := bufio.NewScanner(p.reports); s.Scan(); {
		_, line, _ := strings.Cut(s.Text(), " ")
		switch word, _, _ := strings.Cut(line, " "); word {
		case "up":
			p.up.Add(1)
		case "passed":
		default:
			text := s.Text()
			p.bad.Store(&text)
		}
	}
}

// start starts a pool as lvsd does, with a job for each of many addresses of this machine: so many connections to a single
// one would use up the ports from which they come.
func (f *poolFlags) start(port int, options []string) (*pool, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd := exec.Command(f.nanny, "--pool", "--report-fd=3")
	cmd.Env = append(os.Environ(), f.env...)
	cmd.ExtraFiles = []*os.File{w}
	jobs, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &pool{cmd: cmd, jobs: jobs, reports: r, ended: make(chan struct{})}
	go p.read()
	addr := netip.MustParseAddr("127.1.0.1")
	for i := range f.count {
		argv := []string{"-c", "-h", addr.String(), "-p", "8080", "-r", strconv.Itoa(port), "-a", "180", "-I", "/sbin/ipvsadm",
			"-t", f.interval().String(), "-w", "1", "-V", "192.0.2.1", "-M", "m", "--lvs"}
		line, err := json.Marshal(append(argv, options...))
		if err != nil {
			return p, err
		}
		if _, err := fmt.Fprintf(jobs, "add %d %s\n", i+1, line); err != nil {
			return p, errors.Join(err, p.stop())
		}
		addr = addr.Next()
	}
	return p, nil
}

// awaitUp waits until every server has been found up.
func (p *pool) awaitUp(count int) error {
	for late := time.Now().Add(time.Minute); p.up.Load() < int64(count); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			return fmt.Errorf("%d of %d servers up after a minute", p.up.Load(), count)
		}
		if err := p.fault(); err != nil {
			return err
		}
	}
	return nil
}

// fault is what the pool has said against a server.
func (p *pool) fault() error {
	if line := p.bad.Load(); line != nil {
		return fmt.Errorf("the pool says %q", *line)
	}
	return nil
}

// stop ends the pool by the end of its jobs.
func (p *pool) stop() error {
	p.jobs.Close()
	<-p.ended
	return errors.Join(p.fault(), p.cmd.Wait(), p.reports.Close())
}
