package pool

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/nanny"
)

// Serve is nanny --pool: it makes the checks that come on standard input until that ends.
func Serve(o *nanny.Options, full nanny.Full) error {
	log := eventlog.New("nanny", o.LogDest(), o.Verbose)
	defer log.Flush()
	report := o.ReportFD
	if report < 0 {
		report = 1
	}
	p, err := New(log, full, report)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			if number, ok := s.(syscall.Signal); ok {
				p.Signal(number)
			}
		}
	}()
	go p.Read(os.Stdin)
	p.Run()
	return nil
}
