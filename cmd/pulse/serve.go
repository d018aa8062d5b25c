package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/piranha-lvs/piranha/internal/arp"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/ipvs/syncd"
	"github.com/piranha-lvs/piranha/internal/pulse"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// kernelTime bounds every single call to the kernel's IPVS.
const kernelTime = 2 * time.Second

// logger is where pulse, and in the foreground lvsd too, says what happens.
func (o *options) logger() *eventlog.Logger {
	if !o.Foreground {
		return eventlog.New("pulse", eventlog.Syslog, o.Verbose)
	}
	o.Output = os.Stdout
	return eventlog.New("pulse", eventlog.Stdout, o.Verbose)
}

// serve is the daemon: everything that can go wrong with the start does so before process.Ready.
func serve(o options, process *daemonize.Process) error {
	cfg, err := pulse.Load(o.ConfigFile)
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
	frames, err := arp.Open()
	if err != nil {
		return err
	}
	defer frames.Close()
	log := o.logger()
	defer log.Flush()
	outside := pulse.Outside{Local: local, Links: links, Frame: frames.Send, Notify: notifier(), Exec: o.again.exec}
	if o.Watchdog, err = daemon.SdWatchdogEnabled(true); err != nil {
		return fmt.Errorf("watchdog of systemd: %w", err)
	}
	syncs, err := syncd.Open(kernelTime)
	if err == nil {
		defer syncs.Close()
		outside.Sync = syncs
	} else if cfg.SyncDaemon {
		return err
	}
	router, err := pulse.New(o.Options, cfg, outside, log)
	if err != nil {
		return bindError(err, log)
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
	serving.Go(func() { control.Serve(ctx, place.Listener, router.Handler()) })
	status, err := router.Run(signals(), func() error {
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

// bindError logs what happened to a socket and returns the original's words for it.
func bindError(err error, log *eventlog.Logger) error {
	var bind *heartbeat.BindError
	if errors.As(err, &bind) {
		log.Error(bind.Error())
		return errors.New("cannot create heartbeat socket. running as root?")
	}
	return err
}

// notifier tells systemd, if that started us as a service of Type=notify. It does so from a goroutine of its own, because a
// systemd that is stuck would hold up the caller; what comes too fast for it is dropped.
func notifier() func(state string) {
	states := make(chan string, 16)
	go func() {
		for s := range states {
			_, _ = daemon.SdNotify(false, s)
		}
	}()
	return func(state string) {
		select {
		case states <- state:
		default:
		}
	}
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
