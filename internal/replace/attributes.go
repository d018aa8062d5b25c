package replace

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

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
