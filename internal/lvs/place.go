package lvs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Executable tells whether path can be run, and why not.
func Executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return &os.PathError{Op: "run", Path: path, Err: unix.EISDIR}
	case info.Mode()&0o111 == 0:
		return &os.PathError{Op: "run", Path: path, Err: unix.EACCES}
	}
	return nil
}
