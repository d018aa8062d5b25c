package nanny

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

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
