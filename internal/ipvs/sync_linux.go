package ipvs

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// SyncRole is what a connection-sync daemon of the kernel does. The zero value is invalid.
type SyncRole uint32

// The roles, numbered as in the kernel. A kernel can have one daemon of each.
const (
	SyncMaster SyncRole = 1 // sends what it knows of connections
	SyncBackup SyncRole = 2 // takes it in
)

// String is ipvsadm's word for the role.
func (r SyncRole) String() string {
	if r == SyncMaster {
		return "master"
	}
	return "backup"
}

// SyncDaemon is a connection-sync daemon of the kernel. It is comparable.
type SyncDaemon struct {
	Role  SyncRole
	Iface string // device of the multicast
	ID    int    // 0 to 255: daemons with different ids do not listen to each other
}

// Commands and attributes of sync daemons (include/uapi/linux/ip_vs.h).
const (
	cmdNewDaemon = 9
	cmdDelDaemon = 10
	cmdGetDaemon = 11

	attrDaemon = 3

	syncState = 1
	syncIface = 2
	syncID    = 3
)

// SetSync makes want the kernel's only sync daemons. Those that run already are left alone, and new ones are started
// before others are stopped. Of an ID the low eight bits count, as in the original.
func (w *Writer) SetSync(want ...SyncDaemon) error {
	want = slices.Clone(want)
	for i := range want {
		want[i].ID &= 255
	}
	have, err := w.SyncDaemons()
	if err != nil {
		return err
	}
	var failed []error
	for _, d := range have {
		// One of the same role must make room first.
		if !slices.Contains(want, d) && slices.ContainsFunc(want, func(n SyncDaemon) bool { return n.Role == d.Role }) {
			failed = append(failed, w.stopSync(d))
		}
	}
	for _, d := range want {
		if !slices.Contains(have, d) {
			failed = append(failed, w.startSync(d))
		}
	}
	for _, d := range have {
		if !slices.ContainsFunc(want, func(n SyncDaemon) bool { return n.Role == d.Role }) {
			failed = append(failed, w.stopSync(d))
		}
	}
	return errors.Join(failed...)
}

func (w *Writer) startSync(d SyncDaemon) error {
	err := w.command(cmdNewDaemon, func(b []byte) []byte {
		b = appendU32(b, syncState, uint32(d.Role))
		b = appendString(b, syncIface, d.Iface)
		return appendU32(b, syncID, uint32(d.ID))
	})
	if err != nil {
		return &reason{"start sync daemon " + d.Role.String() + " on " + d.Iface + ": " + err.Error(), err}
	}
	return nil
}

// stopSync stops the daemon of that role. A kernel never acknowledges the end of a daemon that has just been started,
// although it ends: after the time limit the list of daemons decides.
func (w *Writer) stopSync(d SyncDaemon) error {
	err := w.command(cmdDelDaemon, func(b []byte) []byte { return appendU32(b, syncState, uint32(d.Role)) })
	if errors.Is(err, os.ErrDeadlineExceeded) {
		left, listErr := w.SyncDaemons()
		if listErr == nil && !slices.ContainsFunc(left, func(l SyncDaemon) bool { return l.Role == d.Role }) {
			return nil
		}
	}
	if err != nil {
		return &reason{"stop sync daemon " + d.Role.String() + ": " + err.Error(), err}
	}
	return nil
}

// command makes one request with a nested daemon attribute and waits for its acknowledgement.
func (w *Writer) command(cmd byte, attributes func([]byte) []byte) error {
	w.out = w.out[:0]
	start := w.open(w.family, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	w.out = append(w.out, cmd, 1 /* version */, 0, 0)
	out, nest := openNest(w.out, attrDaemon)
	w.out = attributes(out)
	closeNest(w.out, nest)
	w.shut(start)
	if err := w.write(); err != nil {
		return err
	}
	var result error
	for {
		done, err := w.read(func(seq uint32, errno unix.Errno) bool {
			if seq == w.seq && errno != 0 {
				result = Reason(errno)
			}
			return seq == w.seq
		})
		if done || err != nil {
			return errors.Join(result, err)
		}
	}
}

// SyncDaemons lists the kernel's sync daemons.
func (w *Writer) SyncDaemons() ([]SyncDaemon, error) {
	w.out = w.out[:0]
	start := w.open(w.family, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	w.out = append(w.out, cmdGetDaemon, 1 /* version */, 0, 0)
	w.shut(start)
	if err := w.write(); err != nil {
		return nil, err
	}
	var daemons []SyncDaemon
	for {
		n, err := w.recv()
		if err != nil {
			return nil, err
		}
		some, done, err := syncDump(w.in[:n], w.seq)
		daemons = append(daemons, some...)
		if done || err != nil {
			return daemons, err
		}
	}
}

// syncDump reads the daemons out of one datagram of the answer to a dump; done tells that it was the last.
func syncDump(b []byte, seq uint32) (daemons []SyncDaemon, done bool, err error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.NLMSG_HDRLEN || length > len(b) {
			return daemons, true, errors.New("netlink answer: bad length")
		}
		message := b[:length]
		b = b[min(len(b), (length+3)&^3):]
		if binary.NativeEndian.Uint32(message[8:]) != seq {
			continue // of an earlier request that was given up
		}
		switch binary.NativeEndian.Uint16(message[4:]) {
		case unix.NLMSG_DONE:
			return daemons, true, nil
		case unix.NLMSG_ERROR:
			if length < unix.NLMSG_HDRLEN+4 {
				return daemons, true, errors.New("netlink answer: too short")
			}
			return daemons, true, Reason(unix.Errno(-int32(binary.NativeEndian.Uint32(message[unix.NLMSG_HDRLEN:]))))
		}
		if length >= unix.NLMSG_HDRLEN+unix.GENL_HDRLEN {
			eachAttribute(message[unix.NLMSG_HDRLEN+unix.GENL_HDRLEN:], func(kind uint16, value []byte) {
				if kind == attrDaemon {
					daemons = append(daemons, syncDaemon(value))
				}
			})
		}
	}
	return daemons, false, nil
}

func syncDaemon(b []byte) SyncDaemon {
	var d SyncDaemon
	eachAttribute(b, func(kind uint16, value []byte) {
		switch {
		case kind == syncState && len(value) >= 4:
			d.Role = SyncRole(binary.NativeEndian.Uint32(value))
		case kind == syncID && len(value) >= 4:
			d.ID = int(binary.NativeEndian.Uint32(value))
		case kind == syncIface:
			d.Iface = unix.ByteSliceToString(value)
		}
	})
	return d
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
