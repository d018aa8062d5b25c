package matrix

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kindOfCheck is a check that goes on and on.
type kindOfCheck struct {
	name    string
	start   func(t testing.TB) *server
	options []string
	script  string // of a program that checks, in place of a server
}

// counts tells whether it is known how many checks there have been.
func (k kindOfCheck) counts() bool {
	return k.script != "" || k.name != "refused" && k.name != "full" && k.name != "datagram, nobody" && k.name != "ping"
}

// kindsOfChecks are those that could leave something behind.
func kindsOfChecks() []kindOfCheck {
	on := func(act func(c conn)) func(testing.TB) *server {
		return func(t testing.TB) *server { return serve(t, act) }
	}
	answers := func(text string) func(testing.TB) *server {
		return on(func(c conn) { c.hear("\r\n"); c.say(text); c.stay() })
	}
	pong := []string{"-s", `PING\r\n`, "-x", "+PONG"}
	anywhere := []string{"-s", `PING\r\n`, "-x", "PONG", "--regex"}
	return []kindOfCheck{
		{"connect", answers(""), nil, ""},
		{"refused", nobody, nil, ""},
		{"full", full, nil, ""},
		{"right", answers("+PONG\r\n"), pong, ""},
		{"wrong", answers("NO\r\n"), pong, ""},
		{"silent", answers(""), pong, ""},
		{"deaf", on(func(c conn) { <-c.done }), pong, ""},
		{"closing", on(func(conn) {}), pong, ""},
		{"resetting", on(func(c conn) { c.reset() }), pong, ""},
		{"dripping", on(func(c conn) { c.drip("+PONG\r\n"); c.stay() }), pong, ""},
		{"100 MB", on(func(c conn) { c.flood("x") }), pong, ""},
		{"regex", answers("+PONG\r\n"), anywhere, ""},
		{"regex, 100 MB", on(func(c conn) { c.flood("x") }), anywhere, ""},
		{"datagram", func(t testing.TB) *server {
			return serveUDP(t, func(_ string, send func(string)) { send("PONG") })
		}, []string{"-u", "-x", "PONG"}, ""},
		{"datagram, nobody", nobody, []string{"-u", "-x", "PONG"}, ""},
		{"datagram, silent", func(t testing.TB) *server { return serveUDP(t, func(string, func(string)) {}) }, []string{"-u"}, ""},
		{"http", on(func(c conn) { c.hear("\r\n\r\n"); c.say(page) }), []string{"--check=http", "--check-body=well"}, ""},
		{"http, silent", on(func(c conn) { c.stay() }), []string{"--check=http"}, ""},
		{"http, 100 MB", on(func(c conn) { c.hear("\r\n\r\n"); c.flood(page) }), []string{"--check=http"}, ""},
		{"https", func(t testing.TB) *server {
			config := &tls.Config{Certificates: []tls.Certificate{roots.sign(t, site, thisYear())}}
			return serve(t, overTLS(config, func(c conn) { c.hear("\r\n\r\n"); c.say(page) }))
		}, []string{"--check=https", "--check-host=" + site}, ""},
		{"tls, silent", on(func(c conn) { c.stay() }), []string{"--check=tls"}, ""},
		{"smtp", on(func(c conn) { c.say(greeting); mail("250 well\r\n")(c) }), []string{"--check=smtp"}, ""},
		{"dns", func(t testing.TB) *server {
			return serveUDP(t, func(q string, send func(string)) { send(answered(q, noError)) })
		}, []string{"-u", "--check=dns", "--check-host=" + site}, ""},
		{"dns, silent", func(t testing.TB) *server { return serveUDP(t, func(string, func(string)) {}) },
			[]string{"-u", "--check=dns", "--check-host=" + site}, ""},
		{"ping", nobody, []string{"--check=ping"}, ""},
		{"program", nobody, []string{"-x", "OK"}, "echo OK"},
		{"program, hanging", nobody, nil, "sleep 1000"},
		{"program, forking", nobody, nil, "sleep 1000 & (sleep 1000 &) ; exit 1"},
		{"program, writing", nobody, nil, "yes"},
	}
}

// argv is what a nanny needs for the check. The program, if there is one, is written to dir.
func (k kindOfCheck) argv(t testing.TB, s *server, dir string, interval time.Duration) []string {
	t.Helper()
	argv := append([]string{"-h", "127.0.0.1", "-p", "81", "-r", s.port, "-t", strconv.FormatInt(interval.Milliseconds(), 10) + "ms"}, k.options...)
	if k.script == "" {
		return argv
	}
	path := filepath.Join(dir, "program")
	if err := writeProgram(path, []byte("#!/bin/sh\necho >>$0.count\n"+k.script+"\n")); err != nil {
		t.Fatal(err)
	}
	return append(argv, "-e", path)
}

// wait waits until there have been so many checks.
func (k kindOfCheck) wait(t testing.TB, s *server, dir string, checks int64) {
	t.Helper()
	if !k.counts() {
		time.Sleep(time.Duration(checks) * fast)
		return
	}
	for end := time.Now().Add(2 * patience); ; time.Sleep(5 * time.Millisecond) {
		made := s.checks.Load()
		if k.script != "" {
			made = 0
			if lines, err := os.Stat(filepath.Join(dir, "program.count")); err == nil {
				made = lines.Size()
			}
		}
		if made >= checks {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d checks within %v, want %d", made, 2*patience, checks)
		}
	}
}

// usage is what a process has.
type usage struct{ files, children, threads, dirty int }

func (u usage) within(most usage) bool {
	return u.files <= most.files && u.children <= most.children && u.threads <= most.threads && u.dirty <= most.dirty
}

// use reads it, several times: a check may be under way, which has a descriptor or two and a program of its own.
func use(t testing.TB, pid, times int) (least, most usage) {
	t.Helper()
	least = look(t, pid)
	most = least
	for range times - 1 {
		time.Sleep(3 * time.Millisecond)
		u := look(t, pid)
		least = usage{min(u.files, least.files), min(u.children, least.children), min(u.threads, least.threads), min(u.dirty, least.dirty)}
		most = usage{max(u.files, most.files), max(u.children, most.children), max(u.threads, most.threads), max(u.dirty, most.dirty)}
	}
	return least, most
}

func look(t testing.TB, pid int) (u usage) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	names, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir(proc + "/task")
	if err != nil {
		t.Fatal(err)
	}
	u.files, u.threads = len(names), len(tasks)
	for _, task := range tasks {
		children, err := os.ReadFile(proc + "/task/" + task.Name() + "/children")
		if err == nil { // or the thread has ended
			u.children += len(bytes.Fields(children))
		}
	}
	rollup, err := os.ReadFile(proc + "/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rollup)) {
		if rest, ok := strings.CutPrefix(line, "Private_Dirty:"); ok {
			if _, err := fmt.Sscan(rest, &u.dirty); err != nil {
				t.Fatal(err)
			}
		}
	}
	return u
}

const (
	leakChecks = 500                   // of each kind: more than 10,000 in all
	firstLook  = leakChecks / 5        // by then everything has happened once
	fast       = 10 * time.Millisecond // the shortest interval there is
	// moreDirty is by how much memory may grow, in kB: the runtime starts another thread at times.
	moreDirty = 128
	// moreOfPool is by how much more that of a pool may: the runtime collects garbage at 800 kB, there is more around a check, and
	// the outcome varies with so much going on, of which each change is told.
	moreOfPool = 1024
	// garbage is what running a program leaves to the next garbage collection, in bytes: its arguments and environment are
	// copied. A nanny that does not run programs leaves nothing.
	garbage = 1024
	// moreHeap is what the checks of nanny-full leave at most to the next one, in kB.
	moreHeap = 4096
)

// TestLeaks: after hundreds of checks a nanny has no more descriptors, children, threads and memory than before, its server
// no more connections, and when it ends nothing of it is left.
func TestLeaks(t *testing.T) {
	for _, k := range kindsOfChecks() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			dir, s := t.TempDir(), k.start(t)
			began := time.Now()
			n := watch(t, k.argv(t, s, dir, fast)...)
			k.wait(t, s, dir, firstLook)
			_, before := use(t, n.pid(), 20)
			k.wait(t, s, dir, leakChecks)
			most := usage{files: before.files, threads: before.threads + 1, dirty: before.dirty + moreDirty}
			switch {
			case k.script != "":
				made := int(time.Since(began) / fast) // at most: programs that were killed before they had counted are checks, too
				most.children, most.dirty = 1, most.dirty+made*garbage/1024
			case slices.ContainsFunc(k.options, func(o string) bool { return strings.HasPrefix(o, "--check=") }):
				most.dirty += moreHeap
			}
			if pooled() {
				most.dirty += moreOfPool
			}
			if after := n.shrinks(t, most); !after.within(most) {
				t.Errorf("%+v after %d checks, %+v after %d or more", before, firstLook, after, leakChecks)
			}
			n.terminate(t)
			if k.name != "full" { // where others are connected too
				wantNoConnection(t, s.port)
			}
			wantLeft(t, 0)
		})
	}
}

// wantLeft waits until so many are left of the nanny of this test and all that it has started.
func wantLeft(t testing.TB, processes int) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		left := leftBehind(t)
		if len(left) == processes {
			return
		}
		if time.Now().After(end) {
			t.Errorf("still there: %q", left)
			return
		}
	}
}

// leftBehind returns the command lines of the processes that have this test's mark in their environment.
func leftBehind(t testing.TB) (commands []string) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range environs {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(mark(t)+"\x00")) {
			continue // gone, or somebody else's
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err == nil {
			commands = append(commands, string(command))
		}
	}
	return commands
}

// wantNoConnection waits until the kernel knows of no connection of a server, but for those that have ended in good order
// or have not come about.
func wantNoConnection(t testing.TB, port string) {
	t.Helper()
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	local := fmt.Sprintf("0100007F:%04X", number)
	const established = "01"
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		open := 0
		for line := range strings.Lines(string(table)) {
			if f := strings.Fields(line); f[1] == local && f[3] == established {
				open++
			}
		}
		if open == 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("the server has %d connections", open)
			return
		}
	}
}
