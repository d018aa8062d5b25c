//go:build !linux || (!amd64 && !arm64)

package nanny

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalPipe returns a descriptor that brings the number of every signal as one byte, so that whoever waits for a real
// server can wait for signals too. The goroutine behind it lives as long as the process.
func signalPipe() (int, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, errors.New("pipe: " + err.Error())
	}
	ch := make(chan os.Signal, 8)
	for _, s := range heeded() {
		signal.Notify(ch, s)
	}
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
