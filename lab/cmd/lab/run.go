package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/lab/bed"
	"github.com/piranha-lvs/piranha/lab/host"
	"github.com/piranha-lvs/piranha/lab/uml"
)

// runFlags are the flags of lab run.
type runFlags struct {
	kernel  string
	memory  string
	timeout time.Duration
	out     string
	bin     string
	verbose bool
	argv    []string
	line    func(io.ReadWriteCloser) // see bed.Options
}

func parseRun(args []string) (runFlags, error) {
	var f runFlags
	fs := flag.NewFlagSet("lab run", flag.ContinueOnError)
	fs.StringVar(&f.kernel, "kernel", "auto", "kernel to run on: host, uml, or auto: host where it has IPVS")
	fs.StringVar(&f.memory, "mem", "1G", "memory of a booted kernel")
	fs.DurationVar(&f.timeout, "timeout", 0, "end the command after this time (default 10m, or 30s more than its -test.timeout)")
	fs.StringVar(&f.out, "out", os.Getenv("LAB_OUT"), "directory for files the command leaves behind: $LAB_OUT inside (default: discarded)")
	fs.StringVar(&f.bin, "bin", os.Getenv("PIRANHA_BIN"), "directory of the programs under test: $PIRANHA_BIN inside")
	fs.BoolVar(&f.verbose, "v", false, "say on standard error which kernel is used and how long it took")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	f.argv = fs.Args()
	switch {
	case len(f.argv) == 0:
		return f, errors.New("no command: usage: lab run [flags] -- COMMAND [ARG...]")
	case f.kernel != "auto" && f.kernel != "host" && f.kernel != "uml":
		return f, fmt.Errorf("-kernel=%s: want auto, host or uml", f.kernel)
	}
	if f.timeout <= 0 {
		f.timeout = defaultTimeout(f.argv)
	}
	return f, nil
}

// defaultTimeout leaves a test binary the time to report its own timeout, with the stacks of its goroutines.
func defaultTimeout(argv []string) time.Duration {
	const usual, extra = 10 * time.Minute, 30 * time.Second
	for _, arg := range argv[1:] {
		if value, ok := strings.CutPrefix(arg, "-test.timeout="); ok {
			if d, err := time.ParseDuration(value); err == nil && d > 0 {
				return d + extra
			}
		}
	}
	return usual
}

// run is lab run.
func run(args []string) int {
	f, err := parseRun(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return exitUsage
	}
	return f.start()
}

// start runs the command on a kernel and returns its status, or the lab's own.
func (f *runFlags) start() int {
	if err := f.absolute(); err != nil {
		return report(err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	status, err := f.execute(ctx, guard(cancel, signals))
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		if errors.Is(err, bed.ErrTimeout) {
			return exitTimeout
		}
		return exitLab
	}
	return status
}

// absolute makes the directories independent of the working directory.
func (f *runFlags) absolute() error {
	for _, dir := range []*string{&f.out, &f.bin} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return fmt.Errorf("find %s: %w", *dir, err)
		}
		*dir = abs
	}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return fmt.Errorf("make out directory: %w", err)
		}
	}
	return nil
}

// grace is how long a command may take to end after it was asked to.
const grace = 10 * time.Second

// guard passes signals on, and ends everything when the command does not follow within the grace time.
func guard(cancel context.CancelFunc, in <-chan os.Signal) <-chan os.Signal {
	out := make(chan os.Signal, cap(in))
	go func() {
		var end <-chan time.Time
		for {
			select {
			case sig := <-in:
				out <- sig
				if end == nil {
					end = time.After(grace)
				}
			case <-end:
				cancel()
				return
			}
		}
	}()
	return out
}

// execute runs the command on the kernel chosen.
func (f *runFlags) execute(ctx context.Context, signals <-chan os.Signal) (int, error) {
	dir, err := os.Getwd()
	if err != nil {
		return 0, fmt.Errorf("find working directory: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find own program: %w", err)
	}
	env := setenv(os.Environ(), "LAB_EXE", self)
	if f.bin != "" {
		env = setenv(env, "PIRANHA_BIN", f.bin)
	}
	o := bed.Options{
		Argv: f.argv, Env: env, Dir: dir, Out: f.out, Memory: f.memory, Timeout: f.timeout,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals, Line: f.line,
	}
	if f.verbose {
		o.Trace = func(format string, args ...any) { fmt.Fprintf(os.Stderr, "lab: "+format+"\n", args...) }
	}
	run, err := choose(f.kernel, o)
	if err != nil {
		return 0, err
	}
	return run(ctx, o)
}

// errNoKernel says what to do on a machine with neither kind of kernel.
var errNoKernel = errors.New("no kernel with ip_vs: install user-mode-linux (apt-get install user-mode-linux) or run as root on a kernel with ip_vs")

type runFunc func(context.Context, bed.Options) (int, error)

// choose picks the machine's own kernel where that will do, because it is faster, else one to boot.
func choose(kernel string, o bed.Options) (runFunc, error) {
	hostErr := errors.New("not asked for")
	if kernel != "uml" {
		if hostErr = host.Available(); hostErr == nil {
			o.Tracef("kernel: this machine's own")
			return host.Run, nil
		}
	}
	umlErr := errors.New("not asked for")
	if kernel != "host" {
		if umlErr = uml.Available(); umlErr == nil {
			o.Tracef("kernel: User-Mode Linux (this machine's own: %v)", hostErr)
			return uml.Run, nil
		}
	}
	o.Tracef("this machine's own kernel: %v; User-Mode Linux: %v", hostErr, umlErr)
	if kernel == "host" {
		return nil, fmt.Errorf("kernel of this machine: %w", hostErr)
	}
	return nil, errNoKernel
}

// setenv returns env with one variable set. A second entry of the same name would be ignored by some programs and
// obeyed by others.
func setenv(env []string, name, value string) []string {
	var out []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, name+"=") {
			out = append(out, kv)
		}
	}
	return append(out, name+"="+value)
}
