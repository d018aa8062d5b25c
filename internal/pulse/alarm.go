package pulse

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a timer that is on time. Those of package time wait in epoll_wait(2), which counts in milliseconds: they are up to one
// late, which matters when deadtime is thirty.
type alarm struct {
	C    chan struct{} // has an element after the alarm went off
	file *os.File
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &alarm{C: make(chan struct{}, 1), file: os.NewFile(uintptr(fd), "timerfd")}, nil
}

// wait passes on what the kernel says, until close.
func (a *alarm) wait() {
	var times [8]byte
	for {
		if _, err := a.file.Read(times[:]); err != nil {
			return
		}
		select {
		case a.C <- struct{}{}:
		default:
		}
	}
}

// set has the alarm go off at a time, or never if that is zero, instead of when it was set before. It may still go off for the time
// before.
func (a *alarm) set(at time.Time) error {
	var left time.Duration // 0 disarms
	if !at.IsZero() {
		left = max(time.Until(at), 1)
	}
	raw, err := a.file.SyscallConn()
	if err != nil {
		return err
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
	if e := raw.Control(func(fd uintptr) { err = unix.TimerfdSettime(int(fd), 0, &spec, nil) }); e != nil {
		return e
	}
	return err
}

func (a *alarm) close() { a.file.Close() }
