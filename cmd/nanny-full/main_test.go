package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build builds nanny and nanny-full into one directory and returns the path of nanny.
func build(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		cmd := exec.Command("go", "build", "-o", dir, "../"+p)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	return filepath.Join(dir, "nanny")
}

// serve answers every connection with the pieces, each in a segment of its own.
func serve(t *testing.T, pieces ...string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for _, p := range pieces {
				_, _ = c.Write([]byte(p))
				time.Sleep(time.Millisecond)
			}
			c.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// watch runs nanny until it says one of the words, and returns that line.
func watch(t *testing.T, nanny string, words []string, args ...string) string {
	t.Helper()
	cmd := exec.Command(nanny, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	for s := bufio.NewScanner(out); s.Scan(); {
		for _, w := range words {
			if strings.Contains(s.Text(), w) {
				return s.Text()
			}
		}
	}
	return ""
}

func TestRegex(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	for _, tt := range []struct {
		pattern string
		pieces  []string
		want    string
	}{
		{`^HTTP/1\.[01] (200|302)`, []string{"HTT", "P/1.1 30", "2 Found\r\n"}, "[ active ]"},
		{`^220.*ready$`, []string{"220 ", strings.Repeat("x", 5000), " ready"}, "[ active ]"},
		{`^HTTP`, []string{"SSH-2.0-OpenSSH\r\n"}, `reason="expected \"^HTTP\", got \"SSH-2.0-OpenSSH\""`},
		{`*`, nil, "nothing to repeat"},
	} {
		port := serve(t, tt.pieces...)
		line := watch(t, nanny, []string{"[ active ]", "reason=", "regular"}, "-n", "--lvs", "--norun", "-h", "127.0.0.1", "-r", port, "-t", "15", "--regex", "-x", tt.pattern)
		if !strings.Contains(line, tt.want) {
			t.Errorf("%s: %q, want %s", tt.pattern, line, tt.want)
		}
	}
}

// TestWithoutFull: a nanny that cannot make the check says what it needs.
func TestWithoutFull(t *testing.T) {
	nanny := build(t, "nanny")
	line := watch(t, nanny, []string{"nanny"}, "-n", "--lvs", "--norun", "-h", "127.0.0.1", "--regex", "-x", "a")
	if want := "nanny: this check needs " + nanny + "-full: no such file or directory"; line != want {
		t.Errorf("%q, want %q", line, want)
	}
}

// page is a web server's answer to everything.
func page(status, body string) string {
	return "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// TestKinds: the options reach the check, whose reason reaches the log.
func TestKinds(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	good := serve(t, page("200 OK", "database: ok\n"))
	for _, tt := range []struct {
		port, options, want string
	}{
		{good, "--check=http", "[ active ]"},
		{good, "--check=http --check-body=ok", "[ active ]"},
		{good, "--check=http --check-body=ok$ --regex", "does not match"},
		{good, "--check=http --check-body=^[a-z]+: --regex", "[ active ]"},
		{good, "--check=http --check-status=201-204", "status 200 OK, expected 201-204"},
		{good, "--check=http --check-body=( --regex", "regular expression"},
		{good, "--check=http --check-status=x", "statuses are numbers"},
		{good, "--check=https", "https check of 127.0.0.1:PORT failed reason=\"expected TLS"},
		{good, "--check=tcp --check-source=127.0.0.3", "[ active ]"},
		{good, "--check=script -e /bin/true", "[ active ]"},
		{serve(t, page("503 Service Unavailable", "")), "--check=http", "http check of 127.0.0.1:PORT failed reason=\"status 503"},
		{serve(t, "220 mail\r\n"), "--check=dns --check-host=a.example", "dns check of 127.0.0.1:PORT failed"},
		{"1", "--check=http --check-address=127.0.0.1 --check-port=" + good, "[ active ]"},
	} {
		args := append([]string{"-n", "--lvs", "--norun", "-h", "127.0.0.1", "-r", tt.port, "-t", "15"}, strings.Fields(tt.options)...)
		line := watch(t, nanny, []string{"[ active ]", "reason=", "regular", "statuses"}, args...)
		line = strings.ReplaceAll(line, ":"+tt.port, ":PORT")
		if want := tt.want; !strings.Contains(line, want) {
			t.Errorf("%s: %q, want %s", tt.options, line, want)
		}
	}
}

// TestProbeOnce prints the steps of a check that the small nanny has not.
func TestProbeOnce(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	port := serve(t, page("200 OK", "fine"))
	out, err := exec.Command(nanny, "--lvs", "-h", "127.0.0.1", "-p", port, "--check=http", "--probe-once").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) < 3 || !strings.HasPrefix(lines[len(lines)-1], "up after ") {
		t.Errorf("%v:\n%s", err, out)
	}
	out, err = exec.Command(nanny, "--lvs", "-h", "127.0.0.1", "-p", port, "--check=http", "--check-status=404", "--probe-once").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "expected 404") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// TestTerm ends a nanny without waiting for the server that says nothing while that is checked.
func TestTerm(t *testing.T) {
	nanny := build(t, "nanny", "nanny-full")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, kind := range []string{"http", "https", "tls", "smtp", "dns"} {
		cmd := exec.Command(nanny, "-n", "--lvs", "--norun", "-h", "127.0.0.1", "-p", port, "-t", "100", "--check="+kind, "--check-host=a.example")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept() // the check is under way
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		if took := time.Since(start); err != nil || took > 20*time.Second {
			t.Errorf("%s: ended after %v: %v", kind, took, err)
		}
		c.Close()
	}
}
