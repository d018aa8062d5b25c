// Binary nannybench measures what watching many servers costs: built nannies, natively, with servers of its own.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

const usage = `usage: nannybench processes [flags]    memory of many nannies, one for each server
       nannybench pool [flags]         memory and processor time of a pool of checks
'nannybench COMMAND -h' lists the flags.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := dispatch(os.Args[1], os.Args[2:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "nannybench:", err)
		os.Exit(1)
	}
}

func dispatch(name string, args []string) error {
	switch name {
	case "processes":
		return runProcesses(args)
	case "pool":
		return runPool(args)
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage)
}
