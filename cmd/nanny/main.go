// One thread works here, so the runtime need not read, and read again, how many processors the control group allows:
// that takes 10 kB and two open files in every nanny.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Binary nanny watches one real server of one virtual service. See nanny(8).
package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/nanny"
)

func main() {
	os.Exit(cmdline.Exit("nanny", run(os.Args[1:])))
}

func run(args []string) error {
	opts, err := nanny.Parse(args)
	if err != nil {
		return err
	}
	daemon, err := daemonize.Start(opts.Mode())
	if err != nil {
		return err
	}
	signals, err := signalPipe()
	if err != nil {
		return err
	}
	n, err := nanny.New(opts, eventlog.New("nanny", opts.LogDest(), opts.Verbose), signals)
	if err != nil {
		return err
	}
	if err := daemon.Ready(); err != nil {
		return err
	}
	return n.Run()
}

// signalPipe returns a descriptor that brings the number of every signal as one byte, so that whoever waits for a real
// server can wait for signals too. The goroutine behind it lives as long as the process.
func signalPipe() (int, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, errors.New("pipe: " + err.Error())
	}
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range ch {
			number, ok := s.(syscall.Signal)
			if !ok {
				continue
			}
			// Full only after thousands of signals nobody took; one more would change nothing.
			_, _ = unix.Write(pipe[1], []byte{byte(number)})
		}
	}()
	return pipe[0], nil
}
