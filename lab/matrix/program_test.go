package matrix

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProgram: checks that run a program.
func TestProgram(t *testing.T) {
	const expired = "down program timed out after 400ms"
	mismatch := func(got string) string { return `down expected "OK", got "` + got + `"` }
	for _, tt := range []struct {
		name   string
		script string
		expect string // report of a check that expects OK
		plain  string // of one that expects nothing
	}{
		{"right", "echo OK", up, up},
		{"without a line end", "printf OK", up, up},
		{"two line ends", `printf 'OK\n\n'`, mismatch(`OK\n`), up},
		{"wrong", "echo NO", mismatch("NO"), up},
		{"more than wanted", "echo OKAY", mismatch("OKAY"), up},
		{"nothing", ":", mismatch(""), up},
		{"status 3", "echo OK; exit 3", "down program exited with status 3", "down program exited with status 3"},
		{"killed", "echo OK; kill -9 $$", "down program terminated with signal 9", "down program terminated with signal 9"},
		{"slow", "sleep 0.1; echo OK", up, up},
		{"hanging", "echo OK; sleep 1000", expired, expired},
		{"hanging, closed", "echo OK; exec >&-; sleep 1000", expired, expired},
		{"deaf to signals", "trap '' TERM INT HUP ALRM; echo OK; while :; do sleep 1000; done", expired, expired},
		{"busy", "while :; do :; done", expired, expired},
		{"stopped", "echo OK; kill -STOP $$", expired, expired},
		{"child left behind", "sleep 1000 & echo OK", up, up},
		{"child left behind, own session", "setsid sleep 3 & echo OK", up, up},
		{"dripping", "for c in O K; do printf $c; sleep 1; done", expired, expired},
		{"dripping, with time", "for c in O K; do printf $c; sleep 1; done", up, up},
		{"100 MB", "head -c 104857600 /dev/zero | tr '\\0' x", mismatch(strings.Repeat("x", sample)) + "...", up},
		{"without end", "exec yes OK", expired, expired},
		{"NUL", `printf '\0\0'`, mismatch(`\x00\x00`), up},
		{"OK and NUL", `printf 'OK\0'`, mismatch(`OK\x00`), up},
		{"errors are no output", "echo OK; echo trouble >&2", up, up},
		{"reads", "cat; echo OK", up, up},
		{"its arguments", `test "$*" = "127.0.0.1 at 127.0.0.1:4711 two words" && echo OK`, up, up},
		{"its directory", "test $PWD = / && echo OK", up, up},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "program")
			if err := writeProgram(path, []byte("#!/bin/sh\n"+tt.script+"\n")); err != nil {
				t.Fatal(err)
			}
			command := path + ` %h at %h:%p "two words"`
			for _, k := range []struct {
				name    string
				options []string
				want    string
			}{
				{"expect", []string{"-x", "OK"}, tt.expect},
				{"plain", nil, tt.plain},
			} {
				t.Run(k.name, func(t *testing.T) {
					t.Parallel()
					programCell(t, command, k.options, k.want)
				})
			}
		})
	}
}

func programCell(t *testing.T, command string, options []string, want string) {
	t.Helper()
	n := watch(t, append([]string{"-h", "127.0.0.1", "-p", "4711", "-t", limit(want), "-e", command}, options...)...)
	if got := n.standing(t); got != want {
		t.Errorf("nanny reports %q, want %q", got, want)
	}
	n.terminate(t)
}

// TestProgramMissing: programs that cannot be run.
func TestProgramMissing(t *testing.T) {
	dir := t.TempDir()
	plain, garbage := filepath.Join(dir, "plain"), filepath.Join(dir, "garbage")
	for path, mode := range map[string]os.FileMode{plain: 0o644, garbage: 0o755} {
		if err := os.WriteFile(path, []byte("\x01\x02"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string]string{
		filepath.Join(dir, "missing"): "no such file or directory",
		"no-such-program-anywhere":    "no such file or directory",
		plain:                         "permission denied",
		garbage:                       "exec format error",
		dir:                           "permission denied",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			programCell(t, command, nil, "down program cannot be run: "+want)
		})
	}
}

// TestProgramFiles: a program gets no descriptors but the standard ones, and what the test itself has inherited.
func TestProgramFiles(t *testing.T) {
	t.Parallel()
	want, err := exec.Command("ls", "/proc/self/fd").Output()
	if err != nil {
		t.Fatal(err)
	}
	programCell(t, "ls /proc/self/fd", []string{"-T", "-x", strings.TrimSuffix(string(want), "\n")}, up)
}

// TestProgramChildren: whatever a program started is gone when its check is over, whether it ended or had to be ended.
func TestProgramChildren(t *testing.T) {
	for name, script := range map[string]string{
		"ends":  "sleep 1000 & (sleep 1000; sleep 1000) & exit 1",
		"hangs": "sleep 1000 & (sleep 1000; sleep 1000) & wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "program")
			if err := writeProgram(path, []byte("#!/bin/sh\n"+script+"\n")); err != nil {
				t.Fatal(err)
			}
			n := watch(t, "-h", "127.0.0.1", "-p", "4711", "-t", long.String(), "-e", path)
			if name == "hangs" {
				for len(leftBehind(t)) < 5 { // the nanny, the shells, the three that sleep
					time.Sleep(time.Millisecond)
				}
				n.terminate(t)
			} else {
				n.standing(t)
				wantLeft(t, 1) // the nanny
				n.terminate(t)
			}
			wantLeft(t, 0)
		})
	}
}

// writeProgram writes a program that is about to be run. A process that another test starts meanwhile would have the file open for
// writing until it executes its own program, and the kernel would refuse to run it: text file busy.
func writeProgram(path string, text []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, text, 0o755)
}
