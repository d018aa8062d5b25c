package nanny

import (
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
)

// Serve goes into the background, if o wants that, and watches the server until a signal ends it.
func Serve(o *Options, full Full) error {
	daemon, err := daemonize.Start(o.Mode())
	if err != nil {
		return err
	}
	signals, err := signalPipe()
	if err != nil {
		return err
	}
	log := eventlog.New("nanny", o.LogDest(), o.Verbose)
	defer log.Flush()
	n, err := New(o, log, signals, full)
	if err != nil {
		return err
	}
	if err := daemon.Ready(); err != nil {
		return err
	}
	return n.Run()
}
