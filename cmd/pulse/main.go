// Command pulse heartbeats with the other router and decides, with it, which of the two serves.
package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

func main() { os.Exit(cmdline.Exit("pulse", run(os.Args[1:]))) }

// options are the command line's, as pulse(8) has them.
type options struct {
	pulse.Options
	noFork bool
	again  again
}

// set declares the options and their defaults.
func (o *options) set() *cmdline.Set {
	*o = options{Options: pulse.Options{
		ConfigFile: "/etc/sysconfig/ha/lvs.cf",
		Lvsd:       "/usr/sbin/lvsd",
		RunDir:     control.DefaultRunDir,
		StateDir:   "/var/lib/piranha",
	}}
	s := cmdline.New("pulse", "")
	s.String(&o.ConfigFile, 'c', "configfile", "FILE", "configuration file (default /etc/sysconfig/ha/lvs.cf)")
	s.Bool(&o.Foreground, 'n', "nodaemon", "stay in the foreground and log to standard output")
	s.Bool(&o.noFork, 0, "nofork", "be a daemon without forking")
	s.Bool(&o.Verbose, 'v', "verbose", "log more, and let lvsd do so")
	s.Bool(&o.TestStart, 't', "test-start", "take part in nothing and change nothing: only say what would be done")
	s.Bool(&o.TestStart, 0, "norun", "the same")
	s.Bool(&o.ForceActive, 0, "forceactive", "begin to serve at once")
	s.String(&o.Lvsd, 0, "lvsd", "PATH", "lvs daemon (default /usr/sbin/lvsd)")
	s.String(&o.Lvsd, 0, "lvs", "PATH", "the same")
	s.String(&o.Nanny, 0, "nanny", "PATH", "nanny program, for lvsd")
	s.String(&o.RunDir, 0, "run-dir", "DIR", "directory of the sockets and locks (default /run/piranha)")
	s.String(&o.StateDir, 0, "state-dir", "DIR", "directory of what outlives a restart (default /var/lib/piranha)")
	return s
}

func (o *options) mode() daemonize.Mode {
	switch {
	case o.Foreground:
		return daemonize.Foreground
	case o.noFork, o.again.before != "":
		return daemonize.NoFork
	}
	return daemonize.Fork
}

// exitStatus is an orderly end with a status of its own; what there was to say is in the log.
type exitStatus int

func (e exitStatus) Error() string { return "" }
func (e exitStatus) ExitCode() int { return int(e) }

// absolute makes every path good for lvsd too, which runs in /.
func (o *options) absolute() error {
	for _, path := range []*string{&o.ConfigFile, &o.Lvsd, &o.Nanny, &o.RunDir, &o.StateDir} {
		if *path == "" {
			continue
		}
		whole, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = whole
	}
	return nil
}

func run(args []string) error {
	var o options
	rest, err := o.set().Parse(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("unexpected arguments")
	}
	if err := o.absolute(); err != nil {
		return err
	}
	if o.again.before = takeVariable(); o.again.before != "" {
		o.ForceActive, o.Adopt = false, o.again.before == "active"
	}
	process, err := daemonize.Start(o.mode())
	if err != nil {
		return err
	}
	if err := o.again.prepare(); err != nil {
		return err
	}
	return serve(o, process)
}
