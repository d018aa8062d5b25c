package supervise

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// report is what a child says. Its end is told by a deadline that has passed: what is in the pipe by then is read however late we
// come to it, and a grandchild that holds the pipe open delays nothing.
type report struct {
	pipe  *os.File
	ended bool
	left  int // bytes to read after the end: a grandchild may write without end
}

// pipeSize is how much a pipe holds, in bytes.
const pipeSize = 64 << 10

func newReport(pipe *os.File) *report { return &report{pipe: pipe, left: pipeSize} }

func (r *report) Read(b []byte) (int, error) {
	if !r.ended {
		n, err := r.pipe.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		r.ended = true
		if err := r.pipe.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
	}
	n := r.take(b[:min(len(b), r.left)])
	r.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// take reads without waiting; 0: there is nothing.
func (r *report) take(b []byte) (n int) {
	raw, err := r.pipe.SyscallConn()
	if err != nil {
		return 0
	}
	err = raw.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), b) // -1: EAGAIN
		return true
	})
	if err != nil {
		return 0
	}
	return max(n, 0)
}
