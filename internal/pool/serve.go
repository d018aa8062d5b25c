package pool

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/nanny"
)

const mostProcessors = 4

// Serve is nanny --pool: it makes the checks that come on standard input until that ends.
func Serve(o *nanny.Options, full nanny.Full) error {
	// One processor is enough for the checks that one goroutine makes, and a few for those with TLS; the runtime keeps memory for
	// each of them.
	runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), mostProcessors))
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
