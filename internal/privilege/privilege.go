// Package privilege decides as whom a command named in lvs.cf runs. Who may write lvs.cf, as the web page's user may, must not
// become root by it.
package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/control"
)

// User is what runs without the daemons' privileges: user piranha. The error says why nothing can run as that; the credential
// is nil then.
func User() (*syscall.Credential, error) {
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
		return nil, errors.New("only root can start programs as user " + control.Account)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// Command is as whom the program that configFile names may run: nil, which is as this process, if nobody but root can have put
// either of them there, and user piranha otherwise, with why. A program without a slash is looked for in the PATH. A process that is not root passes on what it has.
func Command(configFile, program string) (_ *syscall.Credential, why, err error) {
	if os.Geteuid() != 0 {
		return nil, nil, nil
	}
	if !strings.Contains(program, "/") {
		found, err := exec.LookPath(program)
		if err != nil {
			return nil, nil, err
		}
		program = found
	}
	why = RootOnly(configFile)
	if why == nil {
		why = RootOnly(program)
	}
	if why == nil {
		return nil, nil, nil
	}
	c, err := User()
	if err != nil {
		return nil, why, fmt.Errorf("not run as root, because %w; nor otherwise: %w", why, err)
	}
	return c, why, nil
}

// RootOnly returns nil if only root can change what path, which must be absolute, leads to: the file, every directory above it, and
// every symbolic link on the way belong to root, and nobody else may write to them.
func RootOnly(path string) error { return rootOnly(path, look) }

// maxLinks is how many symbolic links a path may go through, as in the kernel.
const maxLinks = 40

// entry is what a look at one name tells.
type entry struct {
	uid    uint32
	mode   fs.FileMode
	target string // of a symbolic link
}

// rootOnly is RootOnly over any file system. It follows symbolic links by itself, because what they lie in counts too.
func rootOnly(path string, look func(string) (entry, error)) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s is not an absolute path", path)
	}
	at, rest := "/", strings.Split(path, "/")
	for links := 0; ; {
		e, err := look(at)
		if err != nil {
			return err
		}
		switch {
		case e.uid != 0:
			return fmt.Errorf("%s belongs to user %d", at, e.uid)
		case e.target != "":
			if links++; links > maxLinks {
				return fmt.Errorf("%s leads through too many symbolic links", path)
			}
			rest = append(strings.Split(e.target, "/"), rest...)
			at = filepath.Dir(at)
			if filepath.IsAbs(e.target) {
				at = "/"
			}
		case e.mode&0o022 != 0:
			return fmt.Errorf("%s is writable by others (mode %04o)", at, e.mode.Perm())
		}
		for len(rest) > 0 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

func look(name string) (entry, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return entry{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return entry{}, errors.New("owner of " + name + " unknown")
	}
	e := entry{uid: st.Uid, mode: info.Mode()}
	if info.Mode()&fs.ModeSymlink != 0 {
		e.target, err = os.Readlink(name)
	}
	return e, err
}
