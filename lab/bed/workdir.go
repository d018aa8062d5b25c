package bed

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const workPrefix = "piranha-lab-"

// settle is the age below which a directory without a lock may be one that is just being made.
const settle = 10 * time.Second

// WorkDir is a private directory that exists as long as one run. Its owner holds a lock in it, so that a later lab
// can tell a directory in use from one left by a lab that was killed.
type WorkDir struct {
	Path string
	lock *os.File
}

// NewWorkDir makes a work directory, and removes those of labs of this user that were killed.
func NewWorkDir() (*WorkDir, error) {
	sweep(os.TempDir())
	return newWorkDir(os.TempDir())
}

func newWorkDir(parent string) (*WorkDir, error) {
	path, err := os.MkdirTemp(parent, workPrefix)
	if err != nil {
		return nil, fmt.Errorf("make work directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	w := &WorkDir{path, lock}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		w.Remove()
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	return w, nil
}

// Remove removes the directory and what is in it.
func (w *WorkDir) Remove() {
	// What cannot be removed now is swept by the next lab.
	_ = os.RemoveAll(w.Path)
	w.lock.Close()
}

// sweep removes the work directories of labs of this user that were killed.
func sweep(parent string) {
	paths, err := filepath.Glob(filepath.Join(parent, workPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range paths {
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil || int(st.Uid) != os.Geteuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		if time.Since(time.Unix(st.Mtim.Unix())) < settle {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(path) // another try comes with the next lab
		}
		lock.Close()
	}
}
