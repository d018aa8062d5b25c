// One thread works here, so the runtime need not read, and read again, how many processors the control group allows:
// that takes 10 kB and two open files in every nanny.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Binary nanny watches one real server of one virtual service. See nanny(8).
package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/nanny"
)

func main() {
	os.Exit(cmdline.Exit("nanny", run(os.Args[1:])))
}

func run(args []string) error {
	nanny.PlainSignals()
	o, err := nanny.Parse(args)
	if err != nil {
		return err
	}
	if o.Full() {
		return becomeFull()
	}
	if o.ProbeOnce {
		return nanny.ProbeOnce(o, nanny.Full{}, os.Stdout)
	}
	return nanny.Serve(o, nanny.Full{})
}

// becomeFull goes on as nanny-full, which lies beside this program and has the checks that take memory.
func becomeFull() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	full := filepath.Join(filepath.Dir(self), "nanny-full")
	return errors.New("this check needs " + full + ": " + syscall.Exec(full, os.Args, os.Environ()).Error())
}
