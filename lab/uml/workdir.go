package uml

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const workPrefix = "piranha-lab-"

// settle is the age below which a directory without a lock may be one that is just being made.
const settle = 10 * time.Second

// workDir is a private directory that exists as long as one boot. Its owner holds a lock in it, so that a later lab
// can tell a directory in use from one left by a lab that was killed.
type workDir struct {
	path string
	lock *os.File
}

func newWorkDir(parent string) (*workDir, error) {
	path, err := os.MkdirTemp(parent, workPrefix)
	if err != nil {
		return nil, fmt.Errorf("make work directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	w := &workDir{path, lock}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		w.remove()
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	return w, nil
}

func (w *workDir) remove() {
	// What cannot be removed now is swept by the next lab.
	_ = os.RemoveAll(w.path)
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

// memoryDir chooses where the kernel's memory lives: shared memory when it is large enough and may hold code, which it
// is not in many containers, else the directory for temporary files. The file has no name, so nothing stays behind.
func memoryDir(size int64) string {
	const shm = "/dev/shm"
	var st unix.Statfs_t
	if unix.Statfs(shm, &st) == nil && st.Flags&unix.ST_NOEXEC == 0 && int64(st.Bavail)*st.Bsize >= size && unix.Access(shm, unix.W_OK) == nil {
		return shm
	}
	return os.TempDir()
}

// parseSize reads a size as the kernel takes it: a number and one of k, m, g.
func parseSize(s string) (int64, error) {
	units := map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
	if s == "" {
		return 0, fmt.Errorf("memory size: empty")
	}
	unit, ok := units[strings.ToLower(s[len(s)-1:])]
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
	if !ok || err != nil || n <= 0 {
		return 0, fmt.Errorf("memory size %q: want a number and k, M or G", s)
	}
	const least = 64 << 20
	if n*unit < least {
		return 0, fmt.Errorf("memory size %q: the kernel needs at least 64M", s)
	}
	return n * unit, nil
}
