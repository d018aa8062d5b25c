// Binary lab runs commands on a kernel with IPVS: the machine's own, or one it boots for the purpose.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/piranha-lvs/piranha/lab/guest"
	"github.com/piranha-lvs/piranha/lab/host"
	"github.com/piranha-lvs/piranha/lab/uml"
	"github.com/piranha-lvs/piranha/lab/wire"
)

const usage = `usage: lab run [flags] -- COMMAND [ARG...]     run a command on a kernel with IPVS
       lab demo [flags]                        a running cluster in the terminal
       lab bench [flags]                       how long a failover takes, here and with keepalived
       lab realserver [flags]                  serve pages that name the server
       lab version
'lab run -h', 'lab demo -h' and 'lab bench -h' list the flags.
`

// exitLab is the status for "the lab itself failed"; the command's own statuses are passed on.
const (
	exitLab     = 125
	exitTimeout = 124
	exitUsage   = 2
)

func main() {
	// Started by a kernel as its first process. The kernel chooses the arguments: whatever it did not know itself.
	if os.Getpid() == 1 && os.Getenv(wire.JobEnv) != "" {
		guest.Init()
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitUsage)
	}
	os.Exit(dispatch(os.Args[1], os.Args[2:]))
}

// dispatch runs one command and returns the exit status.
func dispatch(name string, args []string) int {
	switch name {
	case "run":
		return run(args)
	case host.InitCommand:
		return guest.HostInit()
	case "demo":
		return showDemo(args)
	case "bench":
		return runBench(args)
	case "realserver":
		return serveReal(args)
	case "version":
		return report(version(os.Stdout))
	case uml.KeeperCommand:
		return report(uml.Keep(args, os.Stdin))
	case "help", "-h", "--help":
		fmt.Print(usage)
		return 0
	}
	fmt.Fprintf(os.Stderr, "lab: unknown command %q\n%s", name, usage)
	return exitUsage
}

// report prints err, if any, and returns the status for it.
func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "lab:", err)
	return exitLab
}

func version(w io.Writer) error {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	_, err := fmt.Fprintln(w, "lab", v)
	return err
}
