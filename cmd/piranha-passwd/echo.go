package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// interrupted is the exit status of a program that was interrupted while it asked.
const interrupted = 128 + int(syscall.SIGINT)

// hideEcho keeps a terminal from showing what is typed, until show is called or the program is interrupted. What is not a
// terminal shows nothing anyway.
func hideEcho(f *os.File) (show func()) {
	fd := int(f.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	restore := func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if _, ok := <-signals; ok {
			restore()
			os.Exit(interrupted)
		}
	}()
	hidden := *was
	hidden.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &hidden) // of a terminal whose settings could be read
	return func() {
		signal.Stop(signals)
		close(signals)
		restore()
	}
}
