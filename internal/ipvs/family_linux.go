package ipvs

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// resolve asks the kernel for the number of the IPVS family. The question alone makes a kernel with modules load
// ip_vs.
func (w *Writer) resolve() error {
	start := w.open(unix.GENL_ID_CTRL, unix.NLM_F_REQUEST)
	w.out = append(w.out, unix.CTRL_CMD_GETFAMILY, 1, 0, 0)
	w.out = appendString(w.out, unix.CTRL_ATTR_FAMILY_NAME, "IPVS")
	w.shut(start)
	if err := w.write(); err != nil {
		return err
	}
	n, err := w.recv()
	if err != nil {
		return err
	}
	w.family, err = familyOf(w.in[:n])
	return err
}

// familyOf takes the family's number out of the answer to CTRL_CMD_GETFAMILY.
func familyOf(b []byte) (uint16, error) {
	if len(b) < unix.NLMSG_HDRLEN+unix.GENL_HDRLEN {
		return 0, errors.New("netlink answer: too short")
	}
	if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR {
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.NLMSG_HDRLEN:])))
		if errno == unix.ENOENT {
			return 0, ErrNoIPVS
		}
		return 0, Reason(errno)
	}
	family := uint16(0)
	eachAttribute(b[unix.NLMSG_HDRLEN+unix.GENL_HDRLEN:], func(kind uint16, value []byte) {
		if kind == unix.CTRL_ATTR_FAMILY_ID && len(value) >= 2 {
			family = binary.NativeEndian.Uint16(value)
		}
	})
	if family == 0 {
		return 0, errors.New("netlink answer: no family number")
	}
	return family, nil
}

// eachAttribute walks over netlink attributes and stops at one that does not fit.
func eachAttribute(b []byte, each func(kind uint16, value []byte)) {
	for len(b) >= unix.NLA_HDRLEN {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.NLA_HDRLEN || length > len(b) {
			return
		}
		each(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.NLA_HDRLEN:length])
		b = b[min(len(b), (length+3)&^3):]
	}
}
