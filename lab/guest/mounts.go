package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// mount is one mount(2) call.
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (m mount) do() error {
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
	}
	return nil
}

// private lists the directories that the command may write to and that must never reach the machine's own files.
func private() []string {
	dirs := []string{"/var/tmp"}
	for _, dir := range []string{"/var/run", "/var/lock", "/var/lib/piranha"} {
		// On most machines /var/run and /var/lock are links into /run, which is covered already.
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// mountPrivate puts memory over every directory the command may write to.
func mountPrivate() error {
	if err := (mount{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"}).do(); err != nil {
		return err
	}
	for _, dir := range []string{"/run/lock", "/run/lab", "/run/lab/up", "/run/lab/work", wire.OutDir} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("prepare /run: %w", err)
		}
	}
	// go test keeps its binaries below /tmp, so what the machine has there must stay visible: memory is laid over it.
	if err := os.Chmod("/run/lab/up", 0o1777); err != nil {
		return fmt.Errorf("prepare /tmp: %w", err)
	}
	overlay := mount{"overlay", "/tmp", "overlay", 0, "lowerdir=/tmp,upperdir=/run/lab/up,workdir=/run/lab/work"}
	if err := overlay.do(); err != nil {
		return err
	}
	for _, dir := range private() {
		err := mount{"tmpfs", dir, "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"}.do()
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// mountKernel mounts what a kernel that has just booted offers. devtmpfs is on /dev already (CONFIG_DEVTMPFS_MOUNT).
func mountKernel() error {
	for _, dir := range []string{"/dev/pts", "/dev/shm"} {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("prepare /dev: %w", err)
		}
	}
	for _, m := range []mount{
		{"proc", "/proc", "proc", 0, ""},
		{"sysfs", "/sys", "sysfs", 0, ""},
		{"devpts", "/dev/pts", "devpts", 0, "ptmxmode=666"},
		{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	} {
		if err := m.do(); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, filepath.Join("/dev", name)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("prepare /dev: %w", err)
		}
	}
	return nil
}

// loopbackUp brings lo up in the present network namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}
