package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/bed"
	"github.com/piranha-lvs/piranha/lab/guest"
)

// The test binary plays the lab binary: process 1 of the namespaces.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == InitCommand {
		os.Exit(guest.HostInit())
	}
	os.Exit(m.Run())
}

// run runs a shell command in namespaces of this machine's kernel.
func run(t *testing.T, o bed.Options, script string) (status int, stdout string, err error) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces on the machine's own kernel need root")
	}
	if kinds, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(kinds), "overlay") {
		t.Skip("this machine's kernel has no overlay file system")
	}
	var out bytes.Buffer
	o.Stderr = &out
	if o.Stdout == nil {
		o.Stdout = &out
	}
	o.Argv, o.Env, o.Dir, o.Timeout = []string{"sh", "-c", script}, os.Environ(), "/", max(o.Timeout, 30*time.Second)
	status, err = Run(context.Background(), o)
	if errors.Is(err, syscall.EPERM) {
		t.Skip(err)
	}
	return status, out.String(), err
}

func TestAvailable(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip("this machine's own kernel will not do:", err)
	}
	status, out, err := run(t, bed.Options{}, "test -e /proc/net/ip_vs && ls /proc/sys/net/ipv4/vs")
	if err != nil || status != 0 {
		t.Errorf("ip_vs in the namespaces: status %d, %v: %s", status, err, out)
	}
}

func TestRunIsolates(t *testing.T) {
	out := t.TempDir()
	status, text, err := run(t, bed.Options{Out: out}, `
		echo file > "$LAB_OUT/kept"
		touch /run/lab-was-here /tmp/lab-was-here || exit 20
		touch /lab-was-here 2>/dev/null && exit 21
		test "$(cat /proc/1/comm)" != "$(cat /proc/$$/comm)" || exit 22
		grep -q '^ *lo:' /proc/net/dev || exit 23
		test "$(grep -c : /proc/net/dev)" -le 8 || exit 24
		sleep 100 &
		exit 7`)
	if err != nil || status != 7 {
		t.Fatalf("Run = %d, %v, want 7: %s", status, err, text)
	}
	if kept, err := os.ReadFile(out + "/kept"); err != nil || string(kept) != "file\n" {
		t.Errorf("file left behind = %q, %v", kept, err)
	}
	for _, path := range []string{"/run/lab-was-here", "/tmp/lab-was-here"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s of the machine was written", path)
		}
	}
}

// heard is told of every write.
type heard chan struct{}

func (h heard) Write(b []byte) (int, error) {
	h <- struct{}{}
	return len(b), nil
}

func TestRunStatuses(t *testing.T) {
	if status, out, err := run(t, bed.Options{}, "kill -9 $$"); err != nil || status != 137 {
		t.Errorf("killed command: %d, %v, want 137: %s", status, err, out)
	}
	if status, _, err := run(t, bed.Options{Stdin: strings.NewReader("in")}, "test \"$(cat)\" = in"); err != nil || status != 0 {
		t.Errorf("input: %d, %v, want 0", status, err)
	}
	signals, running := make(chan os.Signal, 1), make(heard, 1)
	go func() { <-running; signals <- syscall.SIGTERM }()
	if status, out, err := run(t, bed.Options{Signals: signals, Stdout: running}, "echo running; exec sleep 60"); err != nil || status != 143 {
		t.Errorf("signalled command: %d, %v, want 143: %s", status, err, out)
	}
}

// TestJoinLine: the line is there when the command has made its end, and is not waited for after the command's.
func TestJoinLine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "line")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	joined := make(chan struct{})
	go joinLine(ctx, socket, func(line io.ReadWriteCloser) {
		_, _ = io.WriteString(line, "hello")
		line.Close()
		close(joined)
	})
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if text, err := io.ReadAll(conn); string(text) != "hello" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	<-joined
	cancel()
	joinLine(ctx, socket+"none", func(io.ReadWriteCloser) { t.Error("there is no such line") })
}
