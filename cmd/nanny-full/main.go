// Binary nanny-full is nanny(8) with the checks that take more memory than every nanny should. nanny executes it when it is
// asked for one of them.
package main

import (
	"os"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/ere"
	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/pool"
)

func main() {
	os.Exit(cmdline.Exit("nanny", run(os.Args[1:])))
}

func run(args []string) error {
	o, err := nanny.Parse(args)
	if err != nil {
		return err
	}
	full := nanny.Full{Regex: regex, Check: check}
	switch {
	case o.Pool:
		return pool.Serve(o, full)
	case o.ProbeOnce:
		return nanny.ProbeOnce(o, full, os.Stdout)
	}
	return nanny.Serve(o, full)
}

func regex(pattern string) (func([]byte) bool, error) {
	re, err := ere.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return re.Match, nil
}
