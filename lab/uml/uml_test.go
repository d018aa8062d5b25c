package uml

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/bed"
	"github.com/piranha-lvs/piranha/lab/guest"
	"github.com/piranha-lvs/piranha/lab/wire"
)

// initEnv names the program that plays process 1 for the test that starts another lab.
const initEnv = "LAB_TEST_INIT"

// The test binary plays the lab binary: process 1 of the kernel and its keeper.
func TestMain(m *testing.M) {
	switch {
	case os.Getpid() == 1 && os.Getenv(wire.JobEnv) != "":
		guest.Init()
	case len(os.Args) > 1 && os.Args[1] == KeeperCommand:
		if err := Keep(os.Args[2:], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case len(os.Args) > 1 && os.Args[1] == "run-forever":
		// A lab for TestKilledLabLeavesNothing.
		_, err := Run(context.Background(), bed.Options{Argv: []string{"sh", "-c", "echo up; while :; do :; done"}, Env: os.Environ(), Dir: "/", Self: os.Getenv(initEnv),
			Memory: "256M", Timeout: time.Minute, Stdout: os.Stdout, Stderr: os.Stderr})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// process1 returns the program that plays process 1: the test binary, unless it was built with the race detector, which
// needs more address space than a process of the booted kernel has.
func process1(t *testing.T) string {
	t.Helper()
	if !raceEnabled {
		return ""
	}
	plain := filepath.Join(t.TempDir(), "plain.test")
	if out, err := exec.Command("go", "test", "-c", "-o", plain, ".").CombinedOutput(); err != nil {
		t.Fatalf("build without race detector: %v\n%s", err, out)
	}
	return plain
}

// boot runs a shell command on a booted kernel.
func boot(t *testing.T, o bed.Options, script string) (status int, stdout, stderr string, err error) {
	t.Helper()
	if err := Available(); err != nil {
		t.Skip(err)
	}
	if guest.Kernel() != "" {
		t.Skip("a kernel is not booted inside another")
	}
	var out, errOut bytes.Buffer
	o.Stdout, o.Stderr = &out, &errOut
	o.Argv, o.Env, o.Dir, o.Memory, o.Self = []string{"sh", "-c", script}, os.Environ(), "/", "256M", process1(t)
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	status, err = Run(context.Background(), o)
	return status, out.String(), errOut.String(), err
}

func TestRunPassesStatusAndOutput(t *testing.T) {
	for _, tt := range []struct {
		script, stdin  string
		status         int
		stdout, stderr string
	}{
		{script: "echo out; echo err >&2; exit 7", status: 7, stdout: "out\n", stderr: "err\n"},
		{script: "printf 'a\\r\\nb\\003\\004\\177\\n\\n'; kill -9 $$", status: 137, stdout: "a\r\nb\x03\x04\x7f\n\n"},
		{script: "cat; test -e /proc/net/ip_vs", stdin: "one\ntwo\r\n\x00\x04three", stdout: "one\ntwo\r\n\x00\x04three"},
		{script: "exec nosuchcommand 2>/dev/null", status: 127},
		{script: "touch /usr/x 2>/dev/null || echo safe", stdout: "safe\n"},
		{script: "(sleep 100 & ) ; echo left", stdout: "left\n"},
	} {
		status, stdout, stderr, err := boot(t, bed.Options{Stdin: strings.NewReader(tt.stdin)}, tt.script)
		if err != nil || status != tt.status || stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("%q: status %d, stdout %q, stderr %q, %v; want %d, %q, %q",
				tt.script, status, stdout, stderr, err, tt.status, tt.stdout, tt.stderr)
		}
	}
}

func TestRunPassesMuchOutput(t *testing.T) {
	const line = "0123456789abcde\n"
	_, stdout, _, err := boot(t, bed.Options{}, "yes 0123456789abcde | head -n 131072")
	if want := strings.Repeat(line, 131072); err != nil || stdout != want {
		t.Errorf("2 MiB came back as %d bytes, equal %v, %v", len(stdout), stdout == want, err)
	}
}

func TestRunKeepsOutFiles(t *testing.T) {
	out := t.TempDir()
	_, _, _, err := boot(t, bed.Options{Out: out}, `head -c 300000 /dev/zero > "$LAB_OUT/zeros"`)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(out, "zeros"))
	if err != nil || info.Size() != 300000 {
		t.Errorf("file left behind: %v, %v, want 300000 bytes", info, err)
	}
}

func TestRunTimesOut(t *testing.T) {
	_, stdout, _, err := boot(t, bed.Options{Timeout: 3 * time.Second}, "echo before; sleep 60")
	if !errors.Is(err, bed.ErrTimeout) || stdout != "before\n" {
		t.Errorf("Run = %v with %q, want a timeout after the first line", err, stdout)
	}
}

func TestRunDeliversSignals(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM // arrives while the kernel boots: kept until there is somebody to receive it
	status, _, _, err := boot(t, bed.Options{Signals: signals}, "sleep 60")
	if err != nil || status != 143 {
		t.Errorf("Run = %d, %v, want 143", status, err)
	}
}

func TestRunReportsPanic(t *testing.T) {
	status, _, _, err := boot(t, bed.Options{}, "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 5")
	if err == nil || !strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Run = %d, %v, want one line about the panic", status, err)
	}
}

func TestKilledLabLeavesNothing(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	tmp := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "run-forever")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, initEnv+"="+process1(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := make([]byte, 3)
	if _, err := out.Read(up); err != nil || string(up) != "up\n" {
		t.Errorf("first line = %q, %v", up, err)
	}
	if n := processes(t, tmp); n < 3 {
		t.Errorf("%d processes of the kernel found, want some: the test does not see them", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	end := time.Now().Add(20 * time.Second)
	for processes(t, tmp) > 0 {
		if time.Now().After(end) {
			t.Fatalf("%d processes survived the lab", processes(t, tmp))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// processes counts the processes that have a word in their command line.
func processes(t *testing.T, word string) int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), word) {
			n++
		}
	}
	return n
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"1G": 1 << 30, "256m": 256 << 20, "65536k": 64 << 20} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "1", "G", "-1G", "1T", "63M", "1.5G"} {
		if _, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) succeeded", in)
		}
	}
}

func TestPanicLine(t *testing.T) {
	var c console
	fmt.Fprint(&c, strings.Repeat("noise\n", 20000), "Kernel panic - not syncing: why\nCall Trace:\n")
	if got := c.panicLine(); got != "Kernel panic - not syncing: why" {
		t.Errorf("panicLine = %q", got)
	}
	if len(c.text) > consoleLimit {
		t.Errorf("console keeps %d bytes, want at most %d", len(c.text), consoleLimit)
	}
}
