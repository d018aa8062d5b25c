package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/ipvs/syncd"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/pulse"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

// kernelTime bounds every single call to the kernel's IPVS.
const kernelTime = 2 * time.Second

// load reads a configuration without errors; the error is the original's line with the findings below it.
func load(path string) (*lvscf.Document, *lvscf.Config, error) {
	doc, err := lvscf.ReadFile(path)
	var refused lvscf.Findings
	var cannot *fs.PathError
	switch {
	case errors.As(err, &refused):
		return nil, nil, parseError(path, refused)
	case errors.As(err, &cannot):
		return nil, nil, fmt.Errorf("failed to open %s: %w", path, cannot.Err)
	case err != nil:
		return nil, nil, fmt.Errorf("failed to open %s: %w", path, err)
	}
	cfg, findings := doc.Config(lvscf.SystemLookup(lookupTime))
	if errs := findings.Errors(); len(errs) > 0 {
		return nil, nil, parseError(path, errs)
	}
	return doc, cfg, nil
}

func parseError(path string, errs lvscf.Findings) error {
	return fmt.Errorf("error parsing %s at line %d: %s\n%w", path, errs[0].Line, errs[0].Text, errs)
}

// serve is the daemon: everything that can go wrong with the start does so before process.Ready.
func serve(o options, process *daemonize.Process) error {
	doc, cfg, err := load(o.ConfigFile)
	if err != nil {
		return err
	}
	local, err := localAddresses()
	if err != nil {
		return err
	}
	links, err := vip.Open()
	if err != nil {
		return err
	}
	defer links.Close()
	destination := eventlog.Syslog
	if o.Foreground {
		destination, o.Output = eventlog.Stdout, os.Stdout
	}
	log := eventlog.New("pulse", destination, o.Verbose)
	outside := pulse.Outside{Local: local, Links: links}
	if cfg.SyncDaemon {
		w, err := syncd.Open(kernelTime)
		if err != nil {
			return err
		}
		defer w.Close()
		outside.Sync = w
	}
	daemon, err := pulse.New(o.Options, doc, cfg, outside, log)
	var bind *heartbeat.BindError
	if errors.As(err, &bind) {
		log.Error(bind.Error())
		return errors.New("cannot create heartbeat socket. running as root?")
	}
	if err != nil {
		return err
	}
	place, err := control.Claim(o.RunDir, o.StateDir, "pulse")
	if err != nil {
		return err
	}
	defer place.Release()
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	serving.Go(func() { control.Serve(ctx, place.Listener, daemon.Handler()) })
	status, err := daemon.Run(signals(), func() error {
		if !o.Foreground {
			if err := place.WritePid(); err != nil {
				log.Warn(err.Error())
			}
		}
		return process.Ready()
	})
	if err == nil && status != 0 {
		err = exitStatus(status)
	}
	return err
}

func signals() <-chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	return c
}

// localAddresses are all addresses of this machine.
func localAddresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list own addresses: %w", err)
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs, nil
}
