// Binary guibench measures what CONTROL/MONITORING of a large cluster costs: the built piranha-gui, natively, by TLS on loopback, with
// daemons that answer from a record.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What the page may take.
const (
	mostPage   = 30 * time.Millisecond // p99
	mostBytes  = 150_000               // of a page, compressed
	mostUpdate = 20_000                // bytes of an update of a live page
	mostRSS    = 50_000                // kB of memory
)

// benchFlags are the flags of guibench.
type benchFlags struct {
	bin, out      string
	virtual, real int
	loads         int
	viewers       int
	time          time.Duration
}

func parse(args []string) (f benchFlags, err error) {
	fs := flag.NewFlagSet("guibench", flag.ContinueOnError)
	fs.StringVar(&f.bin, "bin", os.Getenv("PIRANHA_BIN"), "directory of piranha-gui and piranha-passwd")
	fs.StringVar(&f.out, "out", "", "directory for gui.md")
	fs.IntVar(&f.virtual, "virtual", 100, "virtual servers")
	fs.IntVar(&f.real, "real", 20, "real servers of each")
	fs.IntVar(&f.loads, "n", 500, "pages that are loaded, one after the other")
	fs.IntVar(&f.viewers, "viewers", 50, "pages that are live at a time")
	fs.DurationVar(&f.time, "time", 30*time.Second, "how long these are watched")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	if fs.NArg() > 0 || f.virtual < 1 || f.virtual > 250 || f.real < 1 || f.real > 250 || f.loads < 1 || f.viewers < 1 || f.time < 5*time.Second {
		return f, errors.New("want flags only: -virtual and -real of 1 to 250, -n and -viewers of at least 1, -time of at least 5s")
	}
	if f.bin == "" {
		f.bin = "bin"
	}
	f.bin, err = filepath.Abs(f.bin)
	return f, err
}

func main() {
	f, err := parse(os.Args[1:])
	if err == nil {
		err = f.run()
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "guibench:", err)
		os.Exit(1)
	}
}

func (f *benchFlags) run() error {
	dir, err := os.MkdirTemp("", "guibench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	daemons, err := serveDaemons(dir, newCluster(f.virtual, f.real))
	if err != nil {
		return err
	}
	defer daemons.stop()
	gui, err := startGUI(f.bin, dir)
	if err != nil {
		return err
	}
	r, err := f.measure(gui)
	if err := errors.Join(err, gui.stop()); err != nil {
		return err
	}
	section := f.section(r)
	fmt.Print(section)
	if f.out == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(f.out, "gui.md"), []byte(section), 0o644)
}
