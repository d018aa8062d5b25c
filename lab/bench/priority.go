package bench

import (
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// The bench measures on the processor that the products run on. Without a priority of its own it would see replies
// late, as while the processes that it has just killed are cleared away, and take its own delay for an outage.
const (
	measuring = -20 // of the client and the real servers
	ordinary  = 0   // of the products
)

// preferSelf gives every thread of this process the priority of the bench. Later ones inherit it.
func preferSelf() error {
	tasks, err := filepath.Glob("/proc/self/task/[0-9]*")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(filepath.Base(task))
		if err == nil {
			err = unix.Setpriority(unix.PRIO_PROCESS, tid, measuring)
		}
		if err != nil {
			return fmt.Errorf("set own priority: %w", err)
		}
	}
	return nil
}

// ordinarily runs f in a node, on a thread of ordinary priority: a program that f starts has it as well.
func ordinarily(node *topology.Node, f func() error) error {
	return node.Do(func() error {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, ordinary); err != nil {
			return fmt.Errorf("set priority: %w", err)
		}
		err := f()
		if back := unix.Setpriority(unix.PRIO_PROCESS, 0, measuring); err == nil && back != nil {
			err = fmt.Errorf("set priority: %w", back)
		}
		return err
	})
}
