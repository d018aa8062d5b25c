package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/porttest"
)

// poolRun is a running nanny --pool.
type poolRun struct {
	t       *testing.T
	cmd     *exec.Cmd
	jobs    io.WriteCloser
	log     *bufio.Reader
	reports *bufio.Reader
}

// startPool starts one; what it logs can be read.
func startPool(t *testing.T, nanny string) *poolRun {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nanny, "--pool", "-n", "--report-fd=3")
	cmd.ExtraFiles = []*os.File{w}
	jobs, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		r.Close()
	})
	return &poolRun{t: t, cmd: cmd, jobs: jobs, log: bufio.NewReader(out), reports: bufio.NewReader(r)}
}

func (p *poolRun) add(id int, args ...string) {
	p.t.Helper()
	line, err := json.Marshal(append([]string{"--lvs", "-V", "192.0.2.1", "-h", "127.0.0.1"}, args...))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.jobs, "add %d %s\n", id, line); err != nil {
		p.t.Fatal(err)
	}
}

// standing waits for a report on a server's state.
func (p *poolRun) standing() string {
	p.t.Helper()
	for {
		line, err := p.reports.ReadString('\n')
		if err != nil {
			p.t.Fatal(err)
		}
		if f := strings.Fields(line); len(f) > 1 && (f[1] == "up" || f[1] == "down") {
			return strings.TrimSpace(line)
		}
	}
}

// usage is what a process has.
type usage struct{ files, threads, children, kilobytes int }

func use(t *testing.T, pid int) (u usage) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir(proc + "/task")
	if err != nil {
		t.Fatal(err)
	}
	u.files, u.threads = len(files), len(tasks)
	for _, task := range tasks {
		children, err := os.ReadFile(filepath.Join(proc, "task", task.Name(), "children"))
		if err == nil { // or the thread has ended
			u.children += len(bytes.Fields(children))
		}
	}
	rollup, err := os.ReadFile(proc + "/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(rollup), "Private_Dirty:")
	if _, err := fmt.Sscan(rest, &u.kilobytes); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestPoolLog: a pool says what a nanny says, word for word, of a server that fails and comes back.
func TestPoolLog(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	var say atomic.Value
	say.Store("220 ready\r\n")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, say.Load().(string))
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := startPool(t, nanny)
	until := p.besideNanny(1, nanny, "-p", port, "-x", "220", "-t", "1", "-a", "2", "--rise", "2", "-U", "/bin/echo load average: 0.5,")
	until("[ active ] making")
	for _, wrong := range []string{"SSH-2.0-OpenSSH\r\n", "22", ""} {
		say.Store(wrong)
		until("[inactive] shutting down")
		say.Store("220 ready\r\n")
		until("[ active ] making")
	}
	p.besideNanny(2, nanny, "-p", strconv.Itoa(int(porttest.Closed(t).Port())), "-t", "1")("Failed to connect")
}

// besideNanny has the pool and a nanny of its own check a server. What is returned waits until both have logged a text, and
// compares what they have logged until then.
func (p *poolRun) besideNanny(id int, nanny string, args ...string) (until func(text string)) {
	t := p.t
	t.Helper()
	single := exec.Command(nanny, append([]string{"-n", "--norun", "--lvs", "-V", "192.0.2.1", "-h", "127.0.0.1"}, args...)...)
	out, err := single.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := single.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = single.Process.Kill()
		_ = single.Wait()
	})
	p.add(id, args...)
	logs := []*bufio.Reader{bufio.NewReader(out), p.log}
	return func(text string) {
		t.Helper()
		var lines [2][]string
		for i, log := range logs {
			for line := ""; !strings.Contains(line, text); {
				var err error
				if line, err = log.ReadString('\n'); err != nil {
					t.Fatalf("%v after %q", err, lines[i])
				}
				lines[i] = append(lines[i], line)
			}
		}
		if !slices.Equal(lines[0], lines[1]) {
			t.Errorf("a nanny says\n%q\nthe pool says\n%q", lines[0], lines[1])
		}
	}
}

// TestPoolTerm: TERM ends a pool without waiting for any of its checks, and whatever it has started.
func TestPoolTerm(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, _ := net.SplitHostPort(silent.Addr().String())
	trace := filepath.Join(t.TempDir(), "pids")
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho $$ >>"+trace+"\nsleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := startPool(t, nanny)
	const each = 100
	for i := range each {
		p.add(3*i, "-p", port, "-x", "220", "-t", "100")
		p.add(3*i+1, "-p", port, "--check=http", "-t", "100")
		p.add(3*i+2, "-p", port, "-e", program, "-t", "100")
	}
	var pids []string
	for len(pids) < each || use(t, p.cmd.Process.Pid).files < 2*each {
		time.Sleep(10 * time.Millisecond)
		text, _ := os.ReadFile(trace)
		pids = strings.Fields(string(text))
	}
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = p.cmd.Wait()
	if took := time.Since(start); err != nil || took > 20*time.Second {
		t.Errorf("ended after %v: %v", took, err)
	}
	for _, pid := range pids {
		for late := time.Now().Add(5 * time.Second); alive(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("program %s goes on", pid)
			}
		}
	}
}

// alive tells whether a process is there, and not only waits to be waited for.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}

// TestPoolLeaks: a thousand servers are down, each in one of many ways, and after 10,000 checks the pool has no more
// descriptors, threads, children and memory than after 2,000.
func TestPoolLeaks(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	var checks atomic.Int64
	ports := map[string]string{"closed": "1"}
	for name, act := range map[string]func(c *net.TCPConn){
		"silent":    func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) },
		"resetting": func(c *net.TCPConn) { _ = c.SetLinger(0) },
		"closing":   func(*net.TCPConn) {},
		"wrong":     func(c *net.TCPConn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH\r\n\x00") },
		"dripping": func(c *net.TCPConn) {
			for _, err := io.WriteString(c, "2"); err == nil; _, err = io.WriteString(c, "2") {
				time.Sleep(20 * time.Millisecond)
			}
		},
		"100 MB": func(c *net.TCPConn) {
			full := bytes.Repeat([]byte("220 "), 16<<10)
			for left := 100 << 20; left > 0; left -= len(full) {
				if _, err := c.Write(full); err != nil {
					return
				}
			}
		},
	} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				checks.Add(1)
				go func() {
					defer c.Close()
					act(c.(*net.TCPConn))
				}()
			}
		}()
		_, ports[name], _ = net.SplitHostPort(l.Addr().String())
	}
	kinds := [][]string{
		{"-p", ports["silent"], "-x", "220"}, {"-p", ports["resetting"], "-x", "220"}, {"-p", ports["closing"], "-x", "220"},
		{"-p", ports["wrong"], "-x", "220"}, {"-p", ports["dripping"], "-x", "222222222222222222222222222222222220"},
		{"-p", ports["100 MB"], "-x", "220 221"}, {"-p", ports["100 MB"], "-x", "none$", "--regex"}, {"-p", ports["silent"], "--check=http"},
		{"-p", ports["closed"]}, {"-p", ports["closed"], "-u", "-s", "x"},
	}
	p := startPool(t, nanny)
	go func() { _, _ = io.Copy(io.Discard, p.log) }()
	const servers = 1000
	for i := range servers {
		args := append([]string{"-t", "300ms"}, kinds[i%len(kinds)]...)
		if i%100 == 99 { // a few programs: they take most of the time
			args = []string{"-p", "1", "-t", "300ms", "-e", "/bin/sleep 1000"}
		}
		p.add(i, args...)
	}
	down := map[string]bool{}
	for len(down) < servers {
		line := p.standing()
		if f := strings.Fields(line); f[1] != "down" {
			t.Fatal(line)
		}
		down[strings.Fields(line)[0]] = true
	}
	go func() { _, _ = io.Copy(io.Discard, p.reports) }()
	counted := int64(servers) * 8 / 10 // those that connect, in a round
	wait := func(rounds int64) {
		for late := time.Now().Add(2 * time.Minute); checks.Load() < rounds*counted; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("%d checks", checks.Load())
			}
		}
	}
	most := func() (m usage) {
		for range 30 {
			u := use(t, p.cmd.Process.Pid)
			m = usage{max(m.files, u.files), max(m.threads, u.threads), max(m.children, u.children), max(m.kilobytes, u.kilobytes)}
			time.Sleep(10 * time.Millisecond)
		}
		return m
	}
	wait(4)
	before := most()
	wait(12)
	after := most()
	t.Logf("%+v, then %+v", before, after)
	// How many checks are under way at once, and how many programs that were killed have not ended yet, is a matter of luck; what
	// is left in the end, below, is not. No check has more than a descriptor, but for the ten programs.
	if after.files > servers+100 || after.threads > before.threads+30 || after.kilobytes > before.kilobytes*12/10 {
		t.Errorf("%+v after 4 checks of each, %+v after 12", before, after)
	}
	for i := range servers {
		if _, err := fmt.Fprintf(p.jobs, "remove %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	left := usage{}
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		if left = use(t, p.cmd.Process.Pid); left.files < 20 && left.children == 0 {
			break
		}
	}
	if left.files >= 20 || left.children != 0 {
		t.Errorf("without servers it has %+v", left)
	}
	if err := p.jobs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the end of its input: %v", err)
	}
}
