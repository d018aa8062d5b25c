package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a nanny may take, per process, and by how much that may grow between the first and the second look.
const (
	mostPSS    = 700 // kB
	mostDirty  = 620 // kB
	mostGrowth = 5   // percent
)

// processFlags are the flags of nannybench processes.
type processFlags struct {
	nanny    string
	out      string
	count    int
	checks   int64
	interval time.Duration
	options  []string // more for each nanny
	env      []string // in place of lvsd's
}

func parseProcesses(args []string) (f processFlags, err error) {
	fs := flag.NewFlagSet("nannybench processes", flag.ContinueOnError)
	bin := fs.String("bin", os.Getenv("PIRANHA_BIN"), "directory of nanny")
	fs.StringVar(&f.out, "out", "", "directory for processes.md and processes.json")
	fs.IntVar(&f.count, "n", 200, "nannies; a quarter as many of nanny-full")
	fs.Int64Var(&f.checks, "checks", 2000, "checks that each makes; memory is looked at halfway and at the end")
	fs.DurationVar(&f.interval, "interval", 50*time.Millisecond, "time from one check to the next")
	env := fs.String("env", "GOMAXPROCS=1 GOGC=20 GODEBUG=asyncpreemptoff=1,disablethp=1", "environment of a nanny beside PATH, by default what lvsd adds")
	options := fs.String("options", "", "more options for each nanny")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	if fs.NArg() > 0 || f.count < 1 || f.checks < 2 {
		return f, errors.New("want flags only, -n of at least 1, -checks of at least 2")
	}
	if *bin == "" {
		*bin = "bin"
	}
	f.nanny = filepath.Join(*bin, "nanny")
	f.env, f.options = strings.Fields(*env), strings.Fields(*options)
	_, err = os.Stat(f.nanny)
	return f, err
}

// watcher is a nanny and the server it watches.
type watcher struct {
	server *server
	cmd    *exec.Cmd
	report io.ReadCloser
}

// start starts a server and a nanny for it, as lvsd does.
func (f *processFlags) start() (*watcher, error) {
	s, err := listen()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	argv := []string{"-c", "-h", "127.0.0.1", "-p", "80", "-r", s.port(), "-t", f.interval.String(), "--lvs", "--report-fd=3"}
	cmd := exec.Command(f.nanny, append(argv, f.options...)...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, f.env...) // as a service has it
	cmd.ExtraFiles = []*os.File{w}
	return &watcher{server: s, cmd: cmd, report: r}, cmd.Start()
}

// stop ends the nanny and its server. A nanny ends when nobody reads its reports.
func (w *watcher) stop() {
	w.report.Close()
	_ = w.cmd.Wait() // its status has been none of our business
	w.server.listener.Close()
}

// wait waits until every server has been checked so often, counting from its start.
func wait(all []*watcher, checks int64, log io.Writer) error {
	last := time.Now()
	for before := int64(-1); ; time.Sleep(100 * time.Millisecond) {
		slowest := int64(1 << 62)
		for _, w := range all {
			slowest = min(slowest, w.server.checks.Load())
		}
		if slowest >= checks {
			return nil
		}
		if slowest > before {
			before, last = slowest, time.Now()
		}
		if time.Since(last) > time.Minute {
			return fmt.Errorf("no check within a minute, after %d", before)
		}
		fmt.Fprintf(log, "\r%d of %d checks ", slowest, checks)
	}
}

// look is the memory of all nannies at one time, and how often they had checked.
type look struct {
	Checks int64
	Memory []memory
}

func lookAt(all []*watcher, checks int64) (look, error) {
	l := look{Checks: checks}
	for _, w := range all {
		m, err := readMemory(w.cmd.Process.Pid)
		if err != nil {
			return l, err
		}
		l.Memory = append(l.Memory, m)
	}
	return l, nil
}

func runProcesses(args []string) error {
	f, err := parseProcesses(args)
	if err != nil {
		return err
	}
	looks, err := f.measure(os.Stderr)
	if err != nil {
		return err
	}
	full := f.full()
	fullLooks, err := full.measure(os.Stderr)
	if err != nil {
		return err
	}
	section := f.section(looks) + "\n" + full.fullSection(fullLooks)
	fmt.Print(section)
	if f.out == "" {
		return nil
	}
	text, err := json.Marshal(map[string][]look{"nanny": looks, "nanny-full": fullLooks})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(f.out, "processes.md"), []byte(section), 0o644),
		os.WriteFile(filepath.Join(f.out, "processes.json"), text, 0o644))
}

// measure runs the nannies and looks at them twice.
func (f *processFlags) measure(log io.Writer) ([]look, error) {
	var all []*watcher
	defer func() {
		var ends sync.WaitGroup
		for _, w := range all {
			ends.Go(w.stop)
		}
		ends.Wait()
		fmt.Fprint(log, "\r")
	}()
	for range f.count {
		w, err := f.start()
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	var looks []look
	for _, checks := range []int64{f.checks / 2, f.checks} {
		if err := wait(all, checks, log); err != nil {
			return nil, err
		}
		l, err := lookAt(all, checks)
		if err != nil {
			return nil, err
		}
		looks = append(looks, l)
	}
	return looks, nil
}

// full is the same for a check that nanny-full makes, of which it takes fewer to know.
func (f *processFlags) full() *processFlags {
	full := *f
	full.count, full.checks = max(f.count/4, 1), max(f.checks/2, 2)
	full.options = append(slices.Clone(f.options), "--check=http")
	return &full
}

// fullSection is the part of doc/benchmarks.md about nanny-full.
func (f *processFlags) fullSection(looks []look) string {
	last := looks[len(looks)-1]
	pss, _ := last.of(func(m memory) int { return m.PSS })
	dirty, most := last.of(func(m memory) int { return m.Dirty })
	return fmt.Sprintf("A check that needs nanny-full takes more: with check = http, %d nannies after %d checks have a PSS of %d kB and %d kB\n"+
		"private dirty, %d at most. A pool takes a fraction of that for each.\n", f.count, last.Checks, pss, dirty, most)
}

// median and largest of one figure.
func (l look) of(figure func(memory) int) (median, largest int) {
	var v []int
	for _, m := range l.Memory {
		v = append(v, figure(m))
	}
	slices.Sort(v)
	return v[len(v)/2], v[len(v)-1]
}

// section is the part of doc/benchmarks.md.
func (f *processFlags) section(looks []look) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Memory of a nanny\n\n")
	fmt.Fprintf(&b, "%d nannies, started as lvsd starts them, each with a web server of its own that it checks every %v with its\n", f.count, f.interval)
	fmt.Fprintf(&b, "default test. Per process, median and largest, as the kernel counts (`/proc/PID/smaps_rollup`); private dirty is what one\nnanny more takes.\n\n")
	fmt.Fprintf(&b, "| Figure | After %d checks | After %d checks | Growth | Bar |\n|---|---:|---:|---:|---:|\n", looks[0].Checks, looks[1].Checks)
	for _, row := range []struct {
		name   string
		figure func(memory) int
		most   int
	}{
		{"PSS", func(m memory) int { return m.PSS }, mostPSS},
		{"private dirty", func(m memory) int { return m.Dirty }, mostDirty},
	} {
		m1, l1 := looks[0].of(row.figure)
		m2, l2 := looks[1].of(row.figure)
		growth := 100 * float64(m2-m1) / float64(m1)
		verdict := "held"
		if l1 > row.most || l2 > row.most || growth > mostGrowth {
			verdict = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %d, %d kB | %d, %d kB | %.1f %% | %d kB, %d %%: %s |\n", row.name, m1, l1, m2, l2, growth, row.most, mostGrowth, verdict)
	}
	return b.String()
}
