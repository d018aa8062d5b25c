package ipvs

import (
	"bytes"
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// Request is one command of the IPVS family, in the kernel's own form: the generic netlink header and attributes.
type Request struct {
	Payload []byte
	// Dump asks for a list. Its end is the answer, or the error.
	Dump bool
}

// Answer is what the kernel said to a Request.
type Answer struct {
	// Done is whether it said anything final at all. It does not always: see Exchange.
	Done bool
	// Err is its refusal; 0 for none.
	Err unix.Errno
	// Payloads are the entries of the list, without their generic netlink headers.
	Payloads [][]byte
}

// Exchange sends commands that are about something else than the table's rows, for which there is Apply. It returns an
// Answer for each, in order, once the last has one.
//
// The kernel works requests off in order, in the send call itself. It says nothing of one whose work was interrupted:
// so it is when a sync daemon is stopped that has just been started. A question sent along shows what became of it, and
// its answer comes at once, where waiting for the missing one would take the whole timeout.
func (w *Writer) Exchange(requests ...Request) ([]Answer, error) {
	first := w.seq + 1
	w.out = w.out[:0]
	for _, r := range requests {
		flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_ACK)
		if r.Dump {
			flags = unix.NLM_F_REQUEST | unix.NLM_F_DUMP
		}
		start := w.open(w.family, flags)
		w.out = append(w.out, r.Payload...)
		w.shut(start)
	}
	if err := w.write(); err != nil {
		return nil, err
	}
	answers := make([]Answer, len(requests))
	for last := len(answers) - 1; last >= 0 && !answers[last].Done; {
		n, err := w.recv()
		if err != nil {
			return nil, err
		}
		if err := distribute(w.in[:n], first, answers); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// distribute puts the messages of b into the answers to the requests numbered from first. Others are ignored: answers to
// earlier requests that came too late.
func distribute(b []byte, first uint32, answers []Answer) error {
	for len(b) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.NLMSG_HDRLEN || length > len(b) {
			return errors.New("netlink answer: bad length")
		}
		kind, payload := binary.NativeEndian.Uint16(b[4:]), b[unix.NLMSG_HDRLEN:length]
		if i := binary.NativeEndian.Uint32(b[8:]) - first; i < uint32(len(answers)) {
			answers[i].take(kind, payload)
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return nil
}

// take adds one message to the answer.
func (a *Answer) take(kind uint16, payload []byte) {
	switch kind {
	case unix.NLMSG_ERROR, unix.NLMSG_DONE: // both begin with 0 or a negative errno
		a.Done = true
		if len(payload) >= 4 {
			a.Err = unix.Errno(-int32(binary.NativeEndian.Uint32(payload)))
		}
	default:
		if len(payload) >= unix.GENL_HDRLEN {
			a.Payloads = append(a.Payloads, bytes.Clone(payload[unix.GENL_HDRLEN:]))
		}
	}
}
