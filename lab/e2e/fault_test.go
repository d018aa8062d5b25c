package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// faults are what strace does to lvsd's conversation with the kernel. Changes go by sendto, and what became of them comes by
// recvfrom; lists come by recvmsg. when=N+M is the Nth call and every Mth after it.
var faults = []struct{ name, inject string }{
	{"no room for a list", "recvmsg:error=ENOBUFS:when=7+11"},
	{"no list there", "recvmsg:error=EAGAIN:when=9+23"},
	{"no room for a result", "recvfrom:error=ENOBUFS:when=2+2"},
	{"no result there", "recvfrom:error=EAGAIN:when=2+2"},
	{"no room for a change", "sendto:error=ENOBUFS:when=2+2"},
	{"interrupted", "sendto:error=EINTR:when=2+2"},
	{"never asked", "sendto:retval=64:when=3+4"}, // so that there is no answer
}

// TestNetlinkFaults: whatever becomes of single calls, lvsd goes on, answers, brings the table to what lvs.cf says, and leaves
// no row behind.
func TestNetlinkFaults(t *testing.T) {
	need(t, "strace")
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			c := newCluster(t, conf("check = none\nscheduler = rr", all))
			call, _, _ := strings.Cut(fault.inject, ":")
			trace := filepath.Join(c.dir, "trace")
			p := c.lvsd() // which ends if its kernel does not answer at the start
			pid := p.Pid()
			startPath(t, c.router, "/usr/bin/strace", "-f", "-qq", "-o", trace, "-e", "trace="+call, "-e", "signal=none", "-e", "inject="+fault.inject,
				"-p", strconv.Itoa(pid))
			wantTraced(t, pid)
			wantTable(t, c.router, rows("rr", all)...)
			// strace counts the calls of each thread, and which of them makes one is up to chance.
			for weight := 2; weight <= 3 || weight <= 20 && injected(t, trace) == 0; weight++ {
				weights := map[int]int{1: weight, 2: 1, 3: 1}
				c.configure(conf("check = none\nscheduler = rr", weights))
				if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
				converge(t, c, rows("rr", weights))
				run(t, c.router, "ipvsadm", "-C")
				converge(t, c, rows("rr", weights))
			}
			c.status()
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if status := p.Wait(3 * patience); status != 0 {
				t.Errorf("exit status %d, want 0", status)
			}
			wantTable(t, c.router)
			wantInjected(t, trace)
		})
	}
}

// converge waits longer than an unanswered call takes: 5 s each.
func converge(t *testing.T, c *cluster, want []string) {
	t.Helper()
	slices.Sort(want)
	eventually(t, 3*patience, func() error {
		if got := table(t, c.router); !slices.Equal(got, want) {
			return fmt.Errorf("table %q, want %q", got, want)
		}
		return nil
	})
}

// wantTraced waits until strace has all threads of a process.
func wantTraced(t *testing.T, pid int) {
	t.Helper()
	eventually(t, patience, func() error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil || len(threads) == 0 {
			return fmt.Errorf("threads %q, %v", threads, err)
		}
		for _, status := range threads {
			if text, err := os.ReadFile(status); err == nil && strings.Contains(string(text), "TracerPid:\t0\n") {
				return fmt.Errorf("%s: not traced", status)
			}
		}
		return nil
	})
}

// wantInjected: a test that injects nothing shows nothing.
func wantInjected(t *testing.T, trace string) {
	t.Helper()
	if n := injected(t, trace); n == 0 {
		t.Error("nothing was injected")
	} else {
		t.Logf("%d calls failed", n)
	}
}

// injected is how many calls strace has had fail.
func injected(t *testing.T, trace string) int {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "(INJECTED)")
}
