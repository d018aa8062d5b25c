package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/lab/bench"
)

// reportFile is how the figures come out of a booted kernel.
const reportFile = "failover.json"

// benchFlags are the flags of lab bench.
type benchFlags struct {
	kernel   string
	bin      string
	out      string
	settings []bench.Setting
	kinds    []bench.Kind
	runs     int
	period   time.Duration
	verbose  bool
	inside   bool
}

func parseBench(args []string) (benchFlags, error) {
	var f benchFlags
	fs := flag.NewFlagSet("lab bench", flag.ContinueOnError)
	fs.StringVar(&f.kernel, "kernel", "auto", "kernel to run on: host, uml or auto")
	fs.StringVar(&f.bin, "bin", os.Getenv("PIRANHA_BIN"), "directory of pulse, lvs and nanny")
	fs.StringVar(&f.out, "out", "", "directory for failover.md and failover.json")
	settings := fs.String("settings", "", "keepalives of the settings to measure, as in 1s,100ms (default all)")
	kind := fs.String("kind", "", "crash or switchover (default both)")
	fs.IntVar(&f.runs, "runs", 15, "runs of each kind with each product")
	fs.DurationVar(&f.period, "period", 5*time.Millisecond, "time between two requests of the client")
	fs.BoolVar(&f.verbose, "v", false, "show what the programs print in each run")
	fs.BoolVar(&f.inside, "inside", false, "for lab itself: measure on this kernel")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	if fs.NArg() > 0 {
		return f, fmt.Errorf("argument %q: want flags only", fs.Arg(0))
	}
	if f.bin == "" {
		f.bin = "bin"
	}
	var err error
	if f.settings, err = bench.Choose(*settings); err != nil {
		return f, err
	}
	switch f.kinds = bench.Kinds(); {
	case *kind == "":
	case *kind == string(bench.Crash), *kind == string(bench.Switchover):
		f.kinds = []bench.Kind{bench.Kind(*kind)}
	default:
		return f, fmt.Errorf("-kind=%s: want %s or %s", *kind, bench.Crash, bench.Switchover)
	}
	if f.runs < 1 || f.period <= 0 {
		return f, fmt.Errorf("-runs=%d -period=%v: want more than 0", f.runs, f.period)
	}
	return f, nil
}

// runBench is lab bench. It runs twice for each setting, as lab demo does.
func runBench(args []string) int {
	f, err := parseBench(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return exitUsage
	}
	if f.inside {
		return report(f.measure())
	}
	return f.outside()
}

// measure measures one setting on this kernel.
func (f benchFlags) measure() error {
	rep, err := bench.Run(bench.Options{
		Bin: f.bin, Setting: f.settings[0], Kinds: f.kinds, Runs: f.runs, Period: f.period, Log: os.Stdout, Verbose: f.verbose,
	})
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(os.Getenv("LAB_OUT"), reportFile), rep)
}

// outside boots a kernel for each setting and puts the reports together.
func (f benchFlags) outside() int {
	bin, err := filepath.Abs(f.bin)
	if err != nil {
		return report(err)
	}
	f.bin = bin
	if err := f.ready(); err != nil {
		return report(err)
	}
	var all bench.Report
	status := 0
	for _, s := range f.settings {
		var rep *bench.Report
		if rep, status, err = f.boot(s); err != nil {
			status = report(err)
		}
		if status != 0 {
			break // but what has been measured is shown
		}
		all.Merge(rep)
	}
	fmt.Println()
	if err := all.WriteTable(os.Stdout); err != nil {
		return report(err)
	}
	if status != 0 || f.out == "" {
		return status
	}
	return report(f.save(&all))
}

// ready looks for the programs before anything takes time.
func (f benchFlags) ready() error {
	for _, name := range []string{"pulse", "lvs", "nanny"} {
		if _, err := os.Stat(filepath.Join(f.bin, name)); err != nil {
			return fmt.Errorf("%w (make build)", err)
		}
	}
	_, err := bench.FindKeepalived()
	return err
}

// boot measures one setting on a kernel of its own.
func (f benchFlags) boot(s bench.Setting) (*bench.Report, int, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, 0, err
	}
	out, err := os.MkdirTemp("", "lab-bench-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(out)
	argv := []string{
		self, "bench", "-inside", "-bin", f.bin, "-settings", s.Name(), "-runs", fmt.Sprint(f.runs), "-period", f.period.String(),
	}
	if len(f.kinds) == 1 {
		argv = append(argv, "-kind", string(f.kinds[0]))
	}
	if f.verbose {
		argv = append(argv, "-v")
	}
	// A run takes a few seconds; one that hangs ends by itself within a minute.
	limit := time.Minute + time.Duration(f.runs*len(f.kinds))*30*time.Second
	r := runFlags{kernel: f.kernel, memory: "512M", timeout: limit, bin: f.bin, out: out, argv: argv}
	if status := r.start(); status != 0 {
		return nil, status, nil
	}
	text, err := os.ReadFile(filepath.Join(out, reportFile))
	if err != nil {
		return nil, 0, err
	}
	var rep bench.Report
	if err := json.Unmarshal(text, &rep); err != nil {
		return nil, 0, fmt.Errorf("read figures: %w", err)
	}
	return &rep, 0, nil
}

// save writes the figures for people and for programs.
func (f benchFlags) save(rep *bench.Report) error {
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return err
	}
	var section strings.Builder
	if err := rep.WriteSection(&section); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(f.out, "failover.md"), []byte(section.String()), 0o644); err != nil {
		return err
	}
	return writeJSON(filepath.Join(f.out, reportFile), rep)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
