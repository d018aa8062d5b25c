package nanny

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// heeded are the signals that concern a nanny.
func heeded() [5]syscall.Signal {
	return [...]syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// PlainSignals gives the signals the effect that the kernel has for them, until Serve. The runtime ends a program by a handler
// in any of its threads, and that is lost if another executes nanny-full in this moment.
func PlainSignals() {
	var action [8]uint64 // the kernel's struct sigaction, or more than that: all zero is the default
	for _, s := range heeded() {
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
}
