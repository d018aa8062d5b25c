package lvs

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/control"
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

// MonitorUser is what monitors run as: user piranha, without lvsd's capabilities. The error says why they cannot; the
// credential is nil then.
func MonitorUser() (*syscall.Credential, error) {
	u, err := user.Lookup(control.Account)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("only root can start them as user " + control.Account)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
