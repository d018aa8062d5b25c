package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
		line := watch(t, nanny, []string{"[ active ]", "reason=", "regular"}, "-n", "--lvs", "--norun", "-h", "127.0.0.1", "-r", port, "-t", "1", "--regex", "-x", tt.pattern)
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
