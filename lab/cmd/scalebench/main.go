// Binary scalebench measures lvsd with ten thousand real servers against ipvsadm with the same rows, in one kernel. It runs
// inside the lab: lab run -- scalebench.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "scalebench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o options
	fs := flag.NewFlagSet("scalebench", flag.ContinueOnError)
	fs.StringVar(&o.bin, "bin", os.Getenv("PIRANHA_BIN"), "directory of lvs")
	fs.IntVar(&o.services, "services", 100, "virtual servers")
	fs.IntVar(&o.servers, "servers", 100, "real servers of each, at most 250")
	fs.IntVar(&o.runs, "runs", 5, "runs of each program, in turn")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.services < 1 || o.services > 250 || o.servers < 1 || o.servers > 250 || o.runs < 1 || fs.NArg() > 0 {
		return errors.New("want 1 to 250 services and servers, and a run at least")
	}
	dir, err := os.MkdirTemp("", "scalebench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{options: o, dir: dir, steps: map[string][]float64{}}
	for i := range o.runs {
		if err := b.round(); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	section := b.section()
	fmt.Print(section)
	if out := os.Getenv("LAB_OUT"); out != "" {
		return os.WriteFile(filepath.Join(out, "scale.md"), []byte(section), 0o644)
	}
	return nil
}
