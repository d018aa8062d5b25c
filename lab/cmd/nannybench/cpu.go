package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc: USER_HZ is 100 on every machine Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is what a process and its threads have used, user and system.
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	return parseStat(text)
}

func parseStat(stat []byte) (time.Duration, error) {
	// The name, in parentheses, may have anything in it. Behind it come state, ppid and so on: utime and stime are the
	// 14th and 15th field of all (proc_pid_stat(5)).
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat: %q", stat)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, fmt.Errorf("stat: %w", err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		return 0, fmt.Errorf("stat: %w", err)
	}
	return time.Duration(user+system) * clockTick, nil
}

// section is the part of doc/benchmarks.md.
func (f *poolFlags) section(runs []poolRun) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## A pool of checks\n\n")
	fmt.Fprintf(&b, "One `nanny --pool`, started as lvsd starts it, with %d real servers on loopback, each checked every %v. Memory\n", f.count, f.interval())
	fmt.Fprintf(&b, "is that of the whole process as the kernel counts it (`/proc/PID/smaps_rollup`), processor time is user and system of all\n")
	fmt.Fprintf(&b, "its threads over %v. On loopback it pays for the servers' side of every connection, too.\n\n", f.time)
	b.WriteString("| Check | Checks a second | PSS | PSS per check | Processor | per check |\n|---|---:|---:|---:|---:|---:|\n")
	for _, r := range runs {
		fmt.Fprintf(&b, "| %s | %.0f | %.1f MB | %.2f kB | %.1f %% | %.0f µs |\n",
			r.Kind, r.Rate, float64(r.Memory.PSS)/1024, float64(r.Memory.PSS)/float64(f.count), r.CPU, 1e4*r.CPU/r.Rate)
	}
	fmt.Fprintf(&b, "\nThe bounds are %d kB per check, and %d %% of a core for connections at %d checks a second.\n", mostPerCheck, mostPoolCPU, poolRate)
	return b.String()
}
