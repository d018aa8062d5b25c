package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the built program, without the race detector: it is the one people run.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nanny")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// server is a real server that can be stopped and started on the same port.
type server struct {
	t    *testing.T
	addr string
	text string

	mu sync.Mutex
	l  net.Listener
}

func newServer(t *testing.T, text string) *server {
	t.Helper()
	s := &server{t: t, addr: "127.0.0.1:0", text: text}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.t.Helper()
	l, err := net.Listen("tcp4", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.addr, s.l = l.Addr().String(), l
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, s.text)
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.l.Close()
}

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// child is a running nanny.
type child struct {
	t       *testing.T
	cmd     *exec.Cmd
	out     *bufio.Reader // standard output and error
	reports *bufio.Reader
	pipe    *os.File // read end of the reports
}

// start runs the binary with a report descriptor.
func start(t *testing.T, path string, args ...string) *child {
	t.Helper()
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reportR, reportW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"--lvs", "--report-fd=3", "-h", "127.0.0.1", "-V", "10.0.0.9", "-p", "81"}, args...)...)
	cmd.Stdout, cmd.Stderr = outW, outW
	cmd.ExtraFiles = []*os.File{reportW}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	outW.Close()
	reportW.Close()
	// Nothing may wait for ever, whatever goes wrong; everything here takes a few milliseconds.
	limit := time.Now().Add(30 * time.Second)
	for _, f := range []*os.File{outR, reportR} {
		if err := f.SetReadDeadline(limit); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		outR.Close()
		reportR.Close()
	})
	return &child{t: t, cmd: cmd, out: bufio.NewReader(outR), reports: bufio.NewReader(reportR), pipe: reportR}
}

func (c *child) report(want string) {
	c.t.Helper()
	for {
		got, err := c.reports.ReadString('\n')
		if strings.HasPrefix(got, "passed ") || strings.HasPrefix(got, "failed ") { // results come when they come
			continue
		}
		if err != nil || got != want+"\n" {
			c.t.Errorf("report %q, %v, want %q", got, err, want)
		}
		return
	}
}

func (c *child) log(want string) {
	c.t.Helper()
	if got, err := c.out.ReadString('\n'); err != nil || got != "nanny: "+want+"\n" {
		c.t.Errorf("log %q, %v, want %q", got, err, want)
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// ends waits for the end, which must come at once, and checks the exit status.
func (c *child) ends(want int) {
	c.t.Helper()
	began := time.Now()
	_ = c.cmd.Wait()
	took := time.Since(began)
	if got := c.cmd.ProcessState.ExitCode(); got != want {
		c.t.Errorf("exit status %d, want %d", got, want)
	}
	// 2 ms as a rule. The checks of these tests would take 100 s, so the limit leaves room for a busy machine.
	if took > 20*time.Second {
		c.t.Errorf("took %v to end", took)
	}
	c.t.Logf("ended within %v", took)
}

func TestLife(t *testing.T) {
	path := binary(t)
	t.Run("up, down, re-entry", func(t *testing.T) {
		s := newServer(t, "HTTP/1.0 200 OK\r\n")
		rs := "127.0.0.1:" + s.port()
		// The kernel takes connections however late the server is; what that would say could be too late.
		c := start(t, path, "-n", "-t", "20ms", "-a", "60ms", "-r", s.port())
		c.log("starting LVS client monitor for 10.0.0.9:81 -> " + rs)
		c.report("up")
		c.log("[ active ] making " + rs + " available")
		s.stop()
		c.report("down connect refused")
		c.log("Failed to connect " + rs + ` ping socket: connection refused reason="connect refused"`)
		c.log("[inactive] shutting down " + rs + ` due to connection failure reason="connect refused"`)
		s.start()
		c.report("down passes again, 2 more good checks needed")
		c.log(rs + " passes again, 2 more good checks needed reentry=60ms")
		c.report("up")
		c.log("[ active ] making " + rs + " available")
		c.signal(syscall.SIGUSR1)
		c.report("down forced down by a signal")
		c.log("opaque glasses on rs=" + rs)
		c.signal(syscall.SIGUSR2)
		c.report("up")
		c.log("rose-colored glasses on rs=" + rs)
		c.signal(syscall.SIGHUP)
		c.log("DEBUG -- removing glasses rs=" + rs)
		c.signal(syscall.SIGTERM)
		c.log("Terminating due to signal 15")
		c.ends(0)
	})
	t.Run("wrong server", func(t *testing.T) {
		s := newServer(t, "SSH-2.0-x\r\nnanny: [ active ]\r\n")
		c := start(t, path, "-n", "-t", "100", "-s", `GET\r\n`, "-x", "HTTP", "-r", s.port())
		c.report(`down expected "HTTP", got "SSH-2.0-x"...`)
		c.signal(syscall.SIGINT)
		c.ends(0)
	})
	t.Run("known to be down", func(t *testing.T) {
		s := newServer(t, "")
		c := start(t, path, "-c", "-t", "20ms", "-a", "40ms", "--known-down", "-r", s.port())
		c.report("down passes again, 1 more good checks needed")
		c.report("up")
		c.signal(syscall.SIGTERM)
		c.ends(0)
	})
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run("ends during a check", func(t *testing.T) {
			silent := newServer(t, "H")
			c := start(t, path, "-n", "-t", "100", "-x", "HTTP", "-r", silent.port())
			c.log("starting LVS client monitor for 10.0.0.9:81 -> 127.0.0.1:" + silent.port())
			c.signal(s)
			c.ends(0)
		})
		t.Run("ends between checks", func(t *testing.T) {
			quick := newServer(t, "HTTP")
			c := start(t, path, "-c", "-t", "100", "-x", "HTTP", "-r", quick.port())
			c.report("up")
			c.signal(s)
			c.ends(0)
		})
	}
	t.Run("lvsd is gone during a check", func(t *testing.T) {
		silent := newServer(t, "")
		c := start(t, path, "-n", "-t", "100", "-x", "HTTP", "-r", silent.port())
		c.log("starting LVS client monitor for 10.0.0.9:81 -> 127.0.0.1:" + silent.port())
		c.pipe.Close()
		c.log("lvsd is gone")
		c.ends(0)
	})
	t.Run("lvsd is gone between checks", func(t *testing.T) {
		s := newServer(t, "")
		c := start(t, path, "-c", "-t", "100", "-r", s.port())
		c.report("up")
		c.pipe.Close()
		c.ends(0)
	})
	t.Run("background", func(t *testing.T) {
		s := newServer(t, "")
		c := start(t, path, "-t", "100", "-r", s.port())
		c.ends(0) // the parent
		c.report("up")
		// The daemon holds nothing of ours but the report, and ends with it.
		if rest, err := io.ReadAll(c.out); err != nil || len(rest) != 0 {
			t.Errorf("output %q, %v, want none", rest, err)
		}
		c.pipe.Close()
	})
}

func TestOnce(t *testing.T) {
	path := binary(t)
	tests := []struct {
		args   string
		code   int
		stdout string // how it begins
		stderr string
	}{
		{"--version", 0, "Program Version:\tnanny devel\nBuilt:\t\t\tunknown\nA component of:\t\tpiranha-devel-0\n", ""},
		{"--help", 0, "Usage: nanny [OPTION...]\n", ""},
		{"--usage", 0, "Usage: nanny [-?uTqncv]", ""},
		{"", 1, "", "nanny: No address supplied. Use '--help' for help.\n"},
		{"--lvs -h x", 1, "", "nanny: bad IP address -- x\n"},
		{"-t 0", 1, "", "nanny: bad argument -t: at least 10ms expected\n"},
		{"--foo", 1, "", "nanny: bad argument --foo: unknown option\n"},
		{"--lvs -h 127.0.0.1 --report-fd=3", 1, "", "nanny: bad argument --report-fd: not open for writing\n"},
		{"--fos -h 127.0.0.1", 1, "", "nanny: failover services are not supported\n"},
	}
	for _, tt := range tests {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(path, strings.Fields(tt.args)...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		code := cmd.ProcessState.ExitCode()
		if code != tt.code || !strings.HasPrefix(stdout.String(), tt.stdout) || stderr.String() != tt.stderr {
			t.Errorf("nanny %s: exit status %d, stdout %q, stderr %q, want %d, %q, %q",
				tt.args, code, stdout.String(), stderr.String(), tt.code, tt.stdout, tt.stderr)
		}
	}
}
