package probe

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestLacks(t *testing.T) {
	for r, want := range map[Result]bool{
		{Outcome: NoSocket, Errno: unix.EMFILE}:            true,
		{Outcome: NoSocket, Errno: unix.ENFILE}:            true,
		{Outcome: NoSocket, Errno: unix.ENOSPC}:            true, // epoll watches
		{Outcome: NoSocket, Errno: unix.EADDRNOTAVAIL}:     false,
		{Outcome: NotStarted, Errno: unix.EAGAIN}:          true,
		{Outcome: NotStarted, Errno: unix.ENOENT}:          false,
		{Outcome: ConnectFailed, Errno: unix.ENOBUFS}:      true, // neighbours, or what is to be sent
		{Outcome: ConnectFailed, Errno: unix.ECONNREFUSED}: false,
		{Outcome: ReadFailed, Errno: unix.ENOMEM}:          true,
		{Outcome: ReadFailed, Errno: unix.EAGAIN}:          false,
		{Outcome: Up}:            false,
		Failure(1, "status 503"): false,
	} {
		if got := r.Lacks(); got != want {
			t.Errorf("outcome %v, %v: %v, want %v", r.Outcome, r.Errno, got, want)
		}
	}
}
