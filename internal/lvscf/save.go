package lvscf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Errors of Save and SaveAs; errors.Is finds them.
var (
	ErrChanged = errors.New("the file was changed by someone else since it was read")
	ErrBusy    = errors.New("the directory is locked by another program")
	ErrNoFile  = errors.New("the document was not read from a file")
)

// maxSerial is the largest serial_no every version of the suite can read.
const maxSerial = 1<<31 - 1

// Save puts the document in place of the file it was read from, in one step: a reader sees the old file or the new one.
// Owner, mode and SELinux label stay; a symbolic link stays and its target is replaced. A document without changes is
// not written. If statements have changed, serial_no is raised by one, unless it was among the changes.
//
// Save fails with ErrChanged if the file no longer has the bytes the document was read from. On any failure the old
// file is still there and nothing is left beside it.
func (d *Document) Save() error {
	if d.path == "" {
		return ErrNoFile
	}
	if d.text == d.saved {
		return nil
	}
	text, err := d.withSerial()
	if err != nil {
		return err
	}
	return d.write(d.path, text, &d.saved)
}

// SaveAs writes the document to a new file, mode 0644, which becomes the one Save replaces. For the path the document
// was read from it is Save; any other file that exists is left alone: the error is fs.ErrExist.
func (d *Document) SaveAs(path string) error {
	if path == d.path {
		return d.Save()
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("save %s: %w", path, fs.ErrExist)
	}
	return d.write(path, d.text, nil)
}

// write replaces the file at path, whose text must be *old; nil says that there must be no file.
func (d *Document) write(path, text string, old *string) error {
	target := path
	if old != nil {
		var err error
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return fmt.Errorf("save: %w", err)
		}
	}
	if err := replaceFile(target, text, old); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	d.path, d.text, d.saved = path, text, text
	return nil
}

// withSerial returns the text with serial_no raised if what the file says has changed.
func (d *Document) withSerial() (string, error) {
	before := Document{name: d.name, text: d.saved}
	old, _ := before.Config(Lookup{})
	now, found := d.Config(Lookup{})
	if before.Digest() == d.Digest() || old.SerialNo != now.SerialNo || serialRefused(found) {
		return d.text, nil
	}
	next := now.SerialNo + 1
	if next > maxSerial {
		next = 1
	}
	raised := *d
	if err := raised.Set(Path{}, "serial_no", strconv.FormatInt(next, 10)); err != nil {
		return "", fmt.Errorf("save %s: %w", d.path, err)
	}
	return raised.text, nil
}

// serialRefused reports whether there is a serial_no that is no number: it is left for its author to see.
func serialRefused(found Findings) bool {
	for _, f := range found {
		if f.Severity == Error && f.Block == "" && f.Key == "serial_no" {
			return true
		}
	}
	return false
}

// replaceFile does the work of Save in the directory of the file. All steps that can fail come before the rename.
func replaceFile(path, text string, old *string) (err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	// Two writers that compare and then rename could each overwrite the other's work.
	if err := lock(dir); err != nil {
		return err
	}
	var like *os.File
	if old != nil {
		if like, err = openRegular(path); err != nil {
			return err
		}
		defer like.Close()
		current, err := readBounded(like)
		if err != nil {
			return err
		}
		if string(current) != *old {
			return ErrChanged
		}
	}
	temp, err := writeTemp(path, text, like)
	if err != nil {
		return err
	}
	if err = publish(temp, path, old != nil); err != nil {
		os.Remove(temp)
		return err
	}
	return dir.Sync()
}

// publish gives the temporary file its name. A new file must not take the place of one that appeared meanwhile.
func publish(temp, path string, replace bool) error {
	if replace {
		return os.Rename(temp, path)
	}
	if err := os.Link(temp, path); err != nil {
		return err
	}
	return os.Remove(temp)
}

// lockTime is how long a save waits for another one, which takes milliseconds.
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

// writeTemp writes text to a new file beside path, with owner, mode and label of the file like, if any. It returns the
// new file's name; on failure there is no file.
func writeTemp(path, text string, like *os.File) (name string, err error) {
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
	if like == nil {
		err = f.Chmod(0o644)
	} else {
		err = copyAttributes(f, like)
	}
	if err != nil {
		return "", err
	}
	if _, err = f.WriteString(text); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

// copyAttributes gives f the owner, mode and SELinux label of like. Owner first: a change of owner clears mode bits.
func copyAttributes(f, like *os.File) error {
	var have, want unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &have); err != nil {
		return fmt.Errorf("stat %s: %w", f.Name(), err)
	}
	if err := unix.Fstat(int(like.Fd()), &want); err != nil {
		return fmt.Errorf("stat %s: %w", like.Name(), err)
	}
	if have.Uid != want.Uid || have.Gid != want.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("keep the owner: %w", err)
		}
	}
	if err := unix.Fchmod(int(f.Fd()), want.Mode&0o7777); err != nil {
		return fmt.Errorf("keep the mode: %w", err)
	}
	return copyLabel(f, like)
}

const labelAttribute = "security.selinux"

// copyLabel copies the SELinux label where there is one and it differs from what the directory gave the new file.
func copyLabel(f, like *os.File) error {
	want, err := label(like)
	if err != nil || want == "" {
		return err
	}
	if have, err := label(f); err == nil && have == want {
		return nil
	}
	if err := unix.Fsetxattr(int(f.Fd()), labelAttribute, []byte(want), 0); err != nil {
		return fmt.Errorf("keep the SELinux label: %w", err)
	}
	return nil
}

// label returns a file's SELinux label, "" without SELinux.
func label(f *os.File) (string, error) {
	buf := make([]byte, 4096)
	n, err := unix.Fgetxattr(int(f.Fd()), labelAttribute, buf)
	switch {
	case errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the SELinux label of %s: %w", f.Name(), err)
	}
	return string(buf[:n]), nil
}
