package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/ipvs/kernel"
	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/privilege"
)

// kernelTime bounds every single call to the kernel.
const kernelTime = 5 * time.Second

// serve is the daemon: everything that can go wrong with the start does so before process.Ready.
func serve(o options, process *daemonize.Process) error {
	cfg, warnings, err := load(o.configFile)
	if err != nil {
		return err
	}
	log := eventlog.New("lvsd", destination(o), o.verbose)
	defer log.Flush()
	for _, f := range warnings {
		log.Warn(f.String())
	}
	nanny, err := filepath.Abs(o.nanny) // monitors run in /
	if err != nil {
		return err
	}
	opt := lvs.Options{
		ConfigFile: o.configFile, StateDir: o.stateDir, Nanny: nanny,
		Verbose: o.verbose, Foreground: o.foreground, DryRun: o.dryRun, Standby: o.standby, GuardFD: o.guardFD,
	}
	if o.dryRun { // needs no privilege, claims nothing and leaves nothing
		opt.StateDir = ""
		return lvs.New(opt, cfg, lvs.NewDryTable(log), log).Run(signals(), process.Ready)
	}
	if err := lvs.Executable(o.nanny); err != nil {
		return fmt.Errorf("nanny: %w", err)
	}
	table, err := kernel.Open(kernelTime)
	if err != nil {
		return err
	}
	defer table.Close()
	place, err := control.Claim(o.runDir, o.stateDir, "lvs")
	if err != nil {
		return err
	}
	defer place.Release()
	if opt.Credential, err = privilege.User(); err != nil {
		log.Warn("monitors run as lvsd does", "err", err.Error())
	}
	daemon := lvs.New(opt, cfg, table, log)
	meter := lvs.NewMeter(func() (lvs.Counter, error) { return kernel.Open(kernelTime) })
	defer meter.Close()
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	serving.Go(func() { control.Serve(ctx, place.Listener, daemon.Handler(meter)) })
	return daemon.Run(signals(), func() error {
		if !o.foreground {
			if err := place.WritePid(); err != nil {
				log.Warn(err.Error())
			}
		}
		return process.Ready()
	})
}

// signals delivers what lvsd reacts to. Of SIGHUPs that come while one is being followed, one more is enough. USR1 and
// USR2 killed the original; here they are logged.
func signals() lvs.Signals {
	stop, reload := make(chan os.Signal, 8), make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt, syscall.SIGUSR1, syscall.SIGUSR2)
	signal.Notify(reload, syscall.SIGHUP)
	return lvs.Signals{Stop: stop, Reload: reload}
}

func destination(o options) eventlog.Dest {
	if o.foreground {
		return eventlog.Stdout
	}
	return eventlog.Syslog
}
