package topology

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// newNamespace makes a network namespace that lives as long as the returned file, or a process inside, does.
func newNamespace() (*os.File, error) {
	var ns *os.File
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return fmt.Errorf("open network namespace: %w", err)
		}
		ns = f
		return nil
	})
	return ns, err
}

// inNamespace runs f on a thread that is in the namespace.
func inNamespace(ns *os.File, f func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// onOwnThread runs f in a goroutine with a thread of its own and puts the thread back into its network namespace. A
// thread for which that fails is never used again: the runtime ends a thread whose goroutine ends locked.
func onOwnThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			result <- fmt.Errorf("open own network namespace: %w", err)
			return
		}
		defer home.Close()
		// Also when f ends the goroutine, as t.Fatal does, somebody is waiting.
		err = fmt.Errorf("function ended its goroutine")
		defer func() {
			if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
			result <- err
		}()
		err = f()
	}()
	return <-result
}
