package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// patience is how long the tests wait for what should take a moment: a process start is dear on a booted kernel.
const patience = 10 * time.Second

// network builds a topology for the test.
func network(t *testing.T, o topology.Options) *topology.Net {
	t.Helper()
	n, err := topology.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// binary returns the path of a program under test.
func binary(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PIRANHA_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "bin")
	}
	path, err := filepath.Abs(filepath.Join(dir, filepath.Base(name)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("program under test: %v (make build)", err)
	}
	return path
}

// run runs a command in a node to its end and returns what it printed.
func run(t *testing.T, node *topology.Node, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := node.Exec(ctx, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// table returns the kernel's IPVS table of a node as sorted lines of ipvsadm -S -n.
func table(t *testing.T, node *topology.Node) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(run(t, node, "ipvsadm", "-S", "-n")) {
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}

// wantTable waits until a node's IPVS table has exactly these lines.
func wantTable(t *testing.T, node *topology.Node, want ...string) {
	t.Helper()
	slices.Sort(want)
	eventually(t, patience, func() error {
		if got := table(t, node); !slices.Equal(got, want) {
			return fmt.Errorf("table of %s:\n  %s\nwant:\n  %s", node.Name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
		return nil
	})
}

// eventually repeats check until it returns nil, and fails the test with its last answer after the time limit.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	end := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %v", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// serveReals starts a web server on port 80 of every real server, IPv4 and IPv6.
func serveReals(t *testing.T, n *topology.Net) []*realserver.Server {
	t.Helper()
	var servers []*realserver.Server
	for i := 1; i <= n.Options.Reals; i++ {
		s := realserver.New(n.Real(i).Name)
		startReal(t, n.Real(i), s)
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
		servers = append(servers, s)
	}
	return servers
}

// startReal starts a stopped web server on port 80 of a node.
func startReal(t *testing.T, node *topology.Node, s *realserver.Server) {
	t.Helper()
	l, err := node.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(l); err != nil {
		t.Fatal(err)
	}
}

// realProcess starts a web server in a process of its own, which can be killed or stopped by a signal.
func realProcess(t *testing.T, node *topology.Node) *process {
	t.Helper()
	exe := os.Getenv("LAB_EXE")
	if exe == "" {
		t.Skip("LAB_EXE is not set")
	}
	p := startPath(t, node, exe, "realserver", "-name", node.Name, "-listen", ":80")
	p.WaitLog("listening on", patience)
	return p
}

// ask makes n requests to a virtual server, one after the other.
func ask(t *testing.T, from *topology.Node, addr string, n int) client.Report {
	t.Helper()
	report, err := client.Loop{Dial: from.DialContext, URL: "http://" + addr + "/", Count: n, Timeout: 5 * time.Second}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// hostPort is net.JoinHostPort for tables.
func hostPort(addr string) string { return net.JoinHostPort(addr, "80") }

// writeFile writes a file in a directory of the test and returns its path.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// public copies a file to where every account can read and run it, wherever the original is.
func public(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "public")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(copied, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}

// need skips the test when a program of the machine is missing.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}
