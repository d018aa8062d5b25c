package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/demo"
)

// How long a demo may run: one that is a test has to end, one that somebody looks at ends with Ctrl-C.
const (
	scriptTime = 5 * time.Minute
	showTime   = 30 * 24 * time.Hour
)

// showDemo is lab demo. It runs twice: outside, to choose a kernel and look at the terminal, and inside.
func showDemo(args []string) int {
	fs := flag.NewFlagSet("lab demo", flag.ContinueOnError)
	script := fs.Bool("script", false, "end after the tour, with status 0 if everything went as it should")
	kernel := fs.String("kernel", "auto", "kernel to run on: host, uml or auto")
	bin := fs.String("bin", os.Getenv("PIRANHA_BIN"), "directory of pulse, lvs and nanny")
	inside := fs.Bool("inside", false, "for lab itself: show it on this kernel")
	live := fs.Bool("live", false, "for lab itself: the output is a terminal")
	rows := fs.Int("rows", 0, "for lab itself: its height")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	if *bin == "" {
		*bin = "bin"
	}
	if *inside {
		return report(runDemo(demo.Options{Bin: *bin, In: os.Stdin, Out: os.Stdout, Live: *live, Rows: *rows, Stay: !*script}))
	}
	return outsideDemo(*kernel, *bin, *script)
}

func outsideDemo(kernel, bin string, script bool) int {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return report(err)
	}
	for _, name := range []string{"pulse", "lvs", "nanny"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return report(fmt.Errorf("%w (make build)", err))
		}
	}
	self, err := os.Executable()
	if err != nil {
		return report(err)
	}
	argv := []string{self, "demo", "-inside", "-bin", bin}
	limit := showTime
	switch {
	case script:
		argv, limit = append(argv, "-script"), scriptTime
	case isTerminal(os.Stdout):
		argv = append(argv, "-live", "-rows", strconv.Itoa(height(os.Stdout)))
	}
	f := runFlags{kernel: kernel, memory: "512M", timeout: limit, bin: bin, argv: argv}
	return f.start()
}

func runDemo(o demo.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return demo.Run(ctx, o)
}

// height is the number of lines of a terminal, 0 if it does not tell.
func height(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Row)
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
