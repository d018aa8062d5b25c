// Command lvs, installed as lvsd, keeps the kernel's IPVS table equal to lvs.cf times the health of the real servers.
package main

import (
	"io"
	"os"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/lvs"
)

func main() { os.Exit(cmdline.Exit("lvs", run(os.Args[1:], os.Stdout))) }

// options are the command line's, as lvsd(8) has them.
type options struct {
	configFile, nanny, runDir, stateDir string
	verbose, foreground, noFork, dryRun bool
	check, printTable, standby          bool
	guardFD                             int
}

// set declares the options and their defaults.
func (o *options) set() *cmdline.Set {
	*o = options{
		configFile: "/etc/sysconfig/ha/lvs.cf",
		nanny:      lvs.DefaultNanny,
		runDir:     control.DefaultRunDir,
		stateDir:   "/var/lib/piranha",
	}
	s := cmdline.New("lvs", "")
	s.String(&o.configFile, 'c', "configfile", "FILE", "configuration file (default /etc/sysconfig/ha/lvs.cf)")
	s.Bool(&o.verbose, 'v', "verbose", "let every nanny log what it does")
	s.Bool(&o.foreground, 'n', "nodaemon", "stay in the foreground and log to standard output")
	s.Bool(&o.noFork, 0, "nofork", "be a daemon without forking")
	s.Bool(&o.dryRun, 't', "test-start", "start no monitor and log the changes instead of making them")
	s.Bool(&o.check, 0, "check", "check the configuration file and exit")
	s.Bool(&o.printTable, 0, "print-table", "print the table the configuration asks for, as ipvsadm -S -n does, and exit")
	s.Bool(&o.standby, 0, "standby", "keep the table empty until told to be active through the socket")
	s.Int(&o.guardFD, 0, "guard-fd", "N", "give up the service when the reader of pipe N, which is pulse, has died")
	s.String(&o.nanny, 0, "nanny", "PATH", "nanny program (default /usr/sbin/nanny)")
	s.String(&o.runDir, 0, "run-dir", "DIR", "directory of the socket and the lock (default /run/piranha)")
	s.String(&o.stateDir, 0, "state-dir", "DIR", "directory of what outlives a restart (default /var/lib/piranha)")
	return s
}

func (o *options) mode() daemonize.Mode {
	switch {
	case o.foreground:
		return daemonize.Foreground
	case o.noFork:
		return daemonize.NoFork
	}
	return daemonize.Fork
}

func run(args []string, out io.Writer) error {
	var o options
	rest, err := o.set().Parse(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errUnexpected
	}
	switch {
	case o.check:
		return check(o.configFile, out)
	case o.printTable:
		return printTable(o.configFile, out, os.Stderr)
	}
	process, err := daemonize.Start(o.mode())
	if err != nil {
		return err
	}
	return serve(o, process)
}
