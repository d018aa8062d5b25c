// Package replace puts a text in the place of a file in one step: a reader sees the old file or the new one.
//
// Owner, mode and SELinux label stay. Writers take turns, by a lock on the directory, and none overwrites what another has
// written since it read the file.
package replace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Errors of Replace, Exact and Create; errors.Is finds them.
var (
	ErrChanged = errors.New("the file was changed by someone else since it was read")
	ErrBusy    = errors.New("the directory is locked by another program")
)

// Replace gives the file at path, whose text must still be old, the text now. A symbolic link stays and its target is
// replaced. On any failure the old file is still there and nothing is left beside it.
func Replace(path, old, now string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return Exact(target, old, now)
}

// Exact is Replace for a directory into which others than the writer can put things: a symbolic link is an error.
func Exact(path, old, now string) error {
	return locked(path, func() error {
		like, err := OpenExact(path)
		if err != nil {
			return err
		}
		defer like.Close()
		current, err := io.ReadAll(io.LimitReader(like, int64(len(old))+1))
		if err != nil {
			return err
		}
		if string(current) != old {
			return ErrChanged
		}
		temp, err := writeTemp(path, now, func(f *os.File) error { return copyAttributes(f, like) })
		if err != nil {
			return err
		}
		if err := os.Rename(temp, path); err != nil {
			os.Remove(temp)
			return err
		}
		return nil
	})
}

// Create makes a new file. A file that exists is left alone: the error is fs.ErrExist. prepare sets mode and owner of the
// file before it has a name and a text; until then nobody else can read it.
func Create(path, text string, prepare func(*os.File) error) error {
	return locked(path, func() error {
		temp, err := writeTemp(path, text, prepare)
		if err != nil {
			return err
		}
		// A new file must not take the place of one that appeared meanwhile.
		defer os.Remove(temp)
		return os.Link(temp, path)
	})
}

// Mode is what Create needs for a file that belongs to whoever makes it.
func Mode(mode fs.FileMode) func(*os.File) error {
	return func(f *os.File) error { return f.Chmod(mode) }
}

// locked does something to a file in a directory, and then sees to it that the directory is on disk. All steps that can
// fail come before the last one of do.
func locked(path string, do func() error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	// Two writers that compare and then rename could each overwrite the other's work.
	if err := lock(dir); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return dir.Sync()
}

// lockTime is how long a writer waits for another one, which takes milliseconds.
const lockTime = 2 * time.Second

// lock takes the directory's lock, which ends when it is closed. It does not wait for ever: anyone who can read the
// directory can hold the lock.
func lock(dir *os.File) error {
	for end := time.Now().Add(lockTime); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("lock %s: %w", dir.Name(), err)
		case time.Now().After(end):
			return ErrBusy
		}
	}
}

// OpenRegular opens a file for reading. Opening a pipe would wait for a writer.
func OpenRegular(path string) (*os.File, error) { return open(path, 0) }

// OpenExact is OpenRegular that follows no symbolic link at the end of the path.
func OpenExact(path string) (*os.File, error) { return open(path, unix.O_NOFOLLOW) }

func open(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// writeTemp writes text to a new file beside path, after prepare has given it its attributes. It returns the new file's
// name; on failure there is no file.
func writeTemp(path, text string, prepare func(*os.File) error) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err = prepare(f); err != nil {
		return "", err
	}
	if _, err = f.WriteString(text); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}
