// Package control is what the daemons have in common towards those who control them: one daemon of a kind for each run
// directory, its pid file, and its socket, which answers HTTP with JSON (doc/api.md).
package control

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

// DefaultRunDir is where packaged daemons keep their sockets. With it pid files are where the original's were.
const DefaultRunDir = "/run/piranha"

// originalPidDir is where the original's pid files were.
const originalPidDir = "/var/run"

// Account owns the GUI and the monitors; its group may talk to the sockets.
const Account = "piranha"

// Place is a daemon's hold on its directories.
type Place struct {
	Listener net.Listener // its socket

	lock    *os.File
	pidFile string
	written bool
}

// Claim makes the directories where they are missing, takes the lock NAME.lock in the run directory and listens on
// NAME.sock in it. The pid file will be NAME.pid.
func Claim(runDir, stateDir, name string) (*Place, error) {
	for _, dir := range []string{runDir, stateDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := unix.Access(stateDir, unix.W_OK); err != nil {
		return nil, &os.PathError{Op: "write", Path: stateDir, Err: err}
	}
	p := &Place{pidFile: filepath.Join(runDir, name+".pid")}
	if runDir == DefaultRunDir {
		p.pidFile = filepath.Join(originalPidDir, name+".pid")
	}
	if err := p.hold(filepath.Join(runDir, name+".lock")); err != nil {
		return nil, err
	}
	if err := p.listen(filepath.Join(runDir, name+".sock")); err != nil {
		p.lock.Close()
		return nil, err
	}
	return p, nil
}

// hold takes the lock, which the kernel gives back however the daemon ends. The file names the holder.
func (p *Place) hold(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
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
	// Whoever can read the file could hold the lock. One left by an earlier version is readable.
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return err
	}
	// A full file system must not keep a router from serving.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return nil
}

// listen replaces the socket that an earlier daemon may have left; the lock says that none is using it.
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
	if g, err := user.LookupGroup(Account); err == nil {
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
	f, err := os.OpenFile(p.pidFile, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("failed to open %s: %w", p.pidFile, errors.Unwrap(err))
	}
	defer f.Close()
	p.written = true
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	return err
}

// Release removes what Claim and WritePid made, the lock file excepted: removing that would let two run at once.
func (p *Place) Release() {
	p.Listener.Close()
	if p.written {
		_ = os.Remove(p.pidFile)
	}
	p.lock.Close()
}
