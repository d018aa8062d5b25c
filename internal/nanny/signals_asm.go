//go:build linux && (amd64 || arm64)

package nanny

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Package os/signal brings three threads and three goroutines, 80 kB in every nanny. All that is needed of a signal is a byte
// in a pipe, and the kernel can have that written wherever the signal arrives.

// pipeOfSignals is where onSignal, which has no other way to know, writes to.
var pipeOfSignals int32 //nolint:unused // it is read in assembly

// handler and restorer are the addresses of onSignal and of what the kernel returns through.
var handler, restorer uintptr

// sigaction is the kernel's struct of that name.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// Flags of a sigaction, as in the kernel's signal.h. The handler runs on the stack that the runtime has for handlers.
const (
	saRestorer = 0x04000000
	saOnStack  = 0x08000000
	saRestart  = 0x10000000
)

// signalPipe returns a descriptor that brings the number of every signal as one byte, so that whoever waits for a real
// server can wait for signals too.
func signalPipe() (int, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, errors.New("pipe: " + err.Error())
	}
	pipeOfSignals = int32(pipe[1])
	action := &sigaction{handler: handler, flags: saOnStack | saRestart, mask: ^uint64(0)}
	if restorer != 0 {
		action.flags, action.restorer = action.flags|saRestorer, restorer
	}
	for _, s := range heeded() {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(action)), 0, unsafe.Sizeof(action.mask), 0, 0)
		if errno != 0 {
			return -1, errors.New("sigaction: " + errno.Error())
		}
	}
	return pipe[0], nil
}
