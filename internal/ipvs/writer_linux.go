package ipvs

import (
	"encoding/binary"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// batch is how many changes go to the kernel in one send. More gains little, and every one of them may have to be
// answered with an error message that must fit the socket's receive buffer.
const batch = 128

// ErrNoIPVS says that the running kernel has no IPVS, or its module is not loaded.
var ErrNoIPVS = errors.New("kernel has no IPVS: load the module with modprobe ip_vs")

// OpError is a change that the kernel refused.
type OpError struct {
	Op  Op
	Err error // a unix.Errno, as the kernel gave it
}

// Error gives the change in ipvsadm's notation and the kernel's reason.
func (e *OpError) Error() string { return "ipvs " + e.Op.String() + ": " + Reason(e.Err).Error() }

// Unwrap returns the kernel's errno.
func (e *OpError) Unwrap() error { return e.Err }

// Reason translates an errno of the IPVS family into words an operator can act on; others are returned as they are.
func Reason(err error) error {
	for _, t := range [...]struct {
		errno unix.Errno
		text  string
	}{
		{unix.ESRCH, "no such service"},
		{unix.ENOENT, "no such destination, or no such scheduler in this kernel"},
		{unix.EEXIST, "exists already"},
		{unix.EPERM, "not permitted: CAP_NET_ADMIN is needed"},
	} {
		if errors.Is(err, t.errno) {
			return &reason{t.text, t.errno}
		}
	}
	return err
}

type reason struct {
	text string
	err  error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

// Writer sends changes to the kernel of the network namespace it was opened in. It is not for concurrent use.
type Writer struct {
	fd     int
	family uint16
	seq    uint32
	out    []byte
	in     []byte
}

// Dial opens a Writer. No answer of the kernel is waited for longer than timeout. The error is ErrNoIPVS where the
// kernel knows no IPVS.
func Dial(timeout time.Duration) (*Writer, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, os.NewSyscallError("netlink socket", err)
	}
	w := &Writer{fd: fd, in: make([]byte, 32<<10)}
	if err := w.setup(timeout); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return w, nil
}

func (w *Writer) setup(timeout time.Duration) error {
	tv := unix.NsecToTimeval(timeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return os.NewSyscallError("netlink timeout", err)
	}
	// An error answer need not repeat the whole request. Old kernels lack the option; then it does.
	_ = unix.SetsockoptInt(w.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	if err := unix.Connect(w.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("netlink connect", err)
	}
	return w.resolve()
}

// Close closes the socket.
func (w *Writer) Close() error { return unix.Close(w.fd) }

// Apply makes the changes in order and goes on after one that the kernel refuses. The error joins an OpError for
// each of those; anything else (no answer in time, for one) means that what follows was perhaps not done: read the
// table again.
func (w *Writer) Apply(ops []Op) error {
	var failed []error
	for len(ops) > 0 {
		n := min(len(ops), batch)
		refused, err := w.send(ops[:n])
		failed = append(failed, refused...)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		ops = ops[n:]
	}
	return errors.Join(failed...)
}

// send sends the changes in one datagram and asks for an acknowledgement of the last. The kernel works them off in
// order and answers each one that fails, so the last answer ends the batch.
func (w *Writer) send(ops []Op) (refused []error, err error) {
	first := w.seq + 1
	w.out = w.out[:0]
	for i, o := range ops {
		flags := uint16(unix.NLM_F_REQUEST)
		if i == len(ops)-1 {
			flags |= unix.NLM_F_ACK
		}
		start := w.open(w.family, flags)
		w.out = appendOp(w.out, o)
		w.shut(start)
	}
	if err := w.write(); err != nil {
		return nil, err
	}
	for {
		done, err := w.read(func(seq uint32, errno unix.Errno) bool {
			i := seq - first // wraps for answers to earlier, timed out requests
			if i >= uint32(len(ops)) {
				return false
			}
			if errno != 0 {
				refused = append(refused, &OpError{Op: ops[i], Err: errno})
			}
			return i == uint32(len(ops)-1)
		})
		if done || err != nil {
			return refused, err
		}
	}
}

// open begins a netlink message and returns where; shut fills in its length.
func (w *Writer) open(kind, flags uint16) int {
	start := len(w.out)
	w.seq++
	w.out = binary.NativeEndian.AppendUint32(w.out, 0)
	w.out = binary.NativeEndian.AppendUint16(w.out, kind)
	w.out = binary.NativeEndian.AppendUint16(w.out, flags)
	w.out = binary.NativeEndian.AppendUint32(w.out, w.seq)
	w.out = binary.NativeEndian.AppendUint32(w.out, 0)
	return start
}

func (w *Writer) shut(start int) {
	binary.NativeEndian.PutUint32(w.out[start:], uint32(len(w.out)-start))
}

func (w *Writer) write() error {
	for {
		err := unix.Send(w.fd, w.out, 0)
		if err != unix.EINTR {
			return os.NewSyscallError("netlink send", err)
		}
	}
}

// read takes one datagram from the kernel and hands the result of each answer in it to each, until that returns true.
func (w *Writer) read(each func(seq uint32, errno unix.Errno) bool) (bool, error) {
	n, err := w.recv()
	if err != nil {
		return false, err
	}
	return answers(w.in[:n], each)
}

// answers hands the sequence number and result of each error message in b (a result of 0 acknowledges) to each,
// until that returns true.
func answers(b []byte, each func(seq uint32, errno unix.Errno) bool) (bool, error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.NLMSG_HDRLEN || length > len(b) {
			return false, errors.New("netlink answer: bad length")
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR && length >= unix.NLMSG_HDRLEN+4 {
			errno := unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.NLMSG_HDRLEN:])))
			if each(binary.NativeEndian.Uint32(b[8:]), errno) {
				return true, nil
			}
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return false, nil
}

func (w *Writer) recv() (int, error) {
	for {
		n, _, err := unix.Recvfrom(w.fd, w.in, 0)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, &reason{"the kernel did not answer in time", os.ErrDeadlineExceeded}
		default:
			return 0, os.NewSyscallError("netlink receive", err)
		}
	}
}
