package ipvs

import (
	"encoding/binary"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// message is a netlink message.
func message(kind uint16, seq uint32, payload ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, payload...)
	return append(b, make([]byte, -len(b)&3)...)
}

func result(errno unix.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
}

func TestDistribute(t *testing.T) {
	const family, first = 27, 0xffffffff // the second request is number 0
	join := func(messages ...[]byte) (b []byte) {
		for _, m := range messages {
			b = append(b, m...)
		}
		return b
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want []Answer
		ok   bool
	}{
		{"acknowledged", message(unix.NLMSG_ERROR, first, result(0)...), []Answer{{Done: true}, {}}, true},
		{"refused", message(unix.NLMSG_ERROR, 0, result(unix.ESRCH)...), []Answer{{}, {Done: true, Err: unix.ESRCH}}, true},
		{"list", join(message(family, 0, 1, 1, 0, 0, 'a'), message(family, 0, 1, 1, 0, 0, 'b', 'c'), message(unix.NLMSG_DONE, 0, result(0)...)),
			[]Answer{{}, {Done: true, Payloads: [][]byte{{'a'}, {'b', 'c'}}}}, true},
		{"list that failed", message(unix.NLMSG_DONE, 0, result(unix.EPERM)...), []Answer{{}, {Done: true, Err: unix.EPERM}}, true},
		{"answers to others", join(message(unix.NLMSG_ERROR, first-1, result(unix.ESRCH)...), message(unix.NLMSG_ERROR, 1, result(0)...)), []Answer{{}, {}}, true},
		{"too short for a header", message(family, 0, 1, 1), []Answer{{}, {}}, true},
		{"no result", message(unix.NLMSG_DONE, 0), []Answer{{}, {Done: true}}, true},
		{"bad length", message(family, 0, 1, 1, 0, 0)[:18], []Answer{{}, {}}, false},
		{"nothing", nil, []Answer{{}, {}}, true},
	} {
		got := make([]Answer, 2)
		err := distribute(tt.in, first, got)
		if (err == nil) != tt.ok || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func FuzzDistribute(f *testing.F) {
	f.Add(append(message(27, 5, 1, 1, 0, 0, 'a'), message(unix.NLMSG_DONE, 5, result(0)...)...))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = distribute(b, 5, make([]Answer, 2)) })
}
