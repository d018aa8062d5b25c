package lvs

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// DefaultRunDir is where a packaged lvsd keeps its socket. With it the pid file is where the original's was.
const DefaultRunDir = "/run/piranha"

const originalPidFile = "/var/run/lvs.pid"

// account owns the GUI and the monitors; its group may talk to lvs.sock.
const account = "piranha"

// Place is lvsd's hold on its directories: one lvsd for each run directory.
type Place struct {
	Listener net.Listener // lvs.sock

	lock    *os.File
	pidFile string
	written bool
}

// Claim makes the directories where they are missing, locks the run directory and listens on lvs.sock in it.
func Claim(runDir, stateDir string) (*Place, error) {
	for _, dir := range []string{runDir, stateDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := unix.Access(stateDir, unix.W_OK); err != nil {
		return nil, &os.PathError{Op: "write", Path: stateDir, Err: err}
	}
	p := &Place{pidFile: filepath.Join(runDir, "lvs.pid")}
	if runDir == DefaultRunDir {
		p.pidFile = originalPidFile
	}
	if err := p.hold(filepath.Join(runDir, "lvsd.lock")); err != nil {
		return nil, err
	}
	if err := p.listen(filepath.Join(runDir, "lvs.sock")); err != nil {
		p.lock.Close()
		return nil, err
	}
	return p, nil
}

// hold takes the lock, which the kernel gives back however lvsd ends. The file names the holder.
func (p *Place) hold(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return &os.PathError{Op: "lock", Path: path, Err: err}
		}
		holder := make([]byte, 20)
		n, _ := f.Read(holder) // the pid is a courtesy
		return fmt.Errorf("already running with pid %s: %s is locked", strings.TrimSpace(string(holder[:n])), path)
	}
	p.lock = f
	if err := f.Truncate(0); err != nil {
		f.Close()
		return err
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		f.Close()
		return err
	}
	return nil
}

// listen replaces the socket that an earlier lvsd may have left; the lock says that none is using it.
func (p *Place) listen(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return err
	}
	if g, err := user.LookupGroup(account); err == nil {
		if gid, err := strconv.Atoi(g.Gid); err == nil {
			if err := os.Chown(path, -1, gid); err != nil {
				l.Close()
				return err
			}
		}
	}
	p.Listener = l
	return nil
}

// WritePid writes the pid file, as the original did when it was a daemon.
func (p *Place) WritePid() error {
	if err := os.WriteFile(p.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return fmt.Errorf("failed to open %s: %w", p.pidFile, errors.Unwrap(err))
	}
	p.written = true
	return nil
}

// Release removes what Claim and WritePid made, the lock file excepted: removing that would let two run at once.
func (p *Place) Release() {
	p.Listener.Close()
	if p.written {
		_ = os.Remove(p.pidFile)
	}
	p.lock.Close()
}

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
	u, err := user.Lookup(account)
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
		return nil, errors.New("only root can start them as user " + account)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
