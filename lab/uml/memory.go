package uml

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

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
