package ipvs

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// littleEndian skips tests that spell out bytes as an x86 or ARM kernel takes them.
func littleEndian(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("bytes are written down for little-endian machines")
	}
}

func TestAppendOp(t *testing.T) {
	littleEndian(t)
	web := Service{Key: tcp("192.0.2.1:80"), Scheduler: "rr", Persistent: 5 * time.Minute, Prefix: 24}
	dns := Service{Key: ServiceKey{Mark: 21, Family: IPv6}, Scheduler: "wlc", Prefix: 64}
	one := Destination{Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Forward: Direct, Weight: 3, Upper: 9, Lower: 4}
	for _, tt := range []struct {
		name string
		op   Op
		want string
	}{
		{"add service", Op{Kind: AddService, Service: web}, `
			01 01 0000
			5400 0180
			  0600 0100 0200 0000  0600 0200 0600 0000
			  1400 0300 c0000201 000000000000000000000000
			  0600 0400 0050 0000
			  0700 0600 727200 00
			  0c00 0700 01000000 3d000000
			  0800 0800 2c010000  0800 0900 ffffff00`},
		{"set service by mark, IPv6", Op{Kind: SetService, Service: dns}, `
			02 01 0000
			3800 0180
			  0600 0100 0a00 0000  0800 0500 15000000
			  0800 0600 776c6300
			  0c00 0700 00000000 3d000000
			  0800 0800 00000000  0800 0900 40000000`},
		{"remove service", Op{Kind: RemoveService, Service: dns}, `
			03 01 0000
			1400 0180
			  0600 0100 0a00 0000  0800 0500 15000000`},
		{"add destination", Op{Kind: AddDestination, Service: dns, Destination: one}, `
			05 01 0000
			1400 0180
			  0600 0100 0a00 0000  0800 0500 15000000
			4800 0280
			  0600 0b00 0200 0000
			  1400 0100 0a000001 000000000000000000000000
			  0600 0200 1f90 0000
			  0800 0300 03000000  0800 0400 03000000  0800 0500 09000000  0800 0600 04000000`},
		{"remove destination", Op{Kind: RemoveDestination, Service: dns, Destination: one}, `
			07 01 0000
			1400 0180
			  0600 0100 0a00 0000  0800 0500 15000000
			2800 0280
			  0600 0b00 0200 0000
			  1400 0100 0a000001 000000000000000000000000
			  0600 0200 1f90 0000`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want, err := hex.DecodeString(strings.Join(strings.Fields(tt.want), ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := appendOp(nil, tt.op); !bytes.Equal(got, want) {
				t.Errorf("appendOp:\n got %x\nwant %x", got, want)
			}
		})
	}
}

func answer(seq uint32, errno unix.Errno) []byte {
	b := binary.NativeEndian.AppendUint32(nil, 20)
	b = binary.NativeEndian.AppendUint16(b, unix.NLMSG_ERROR)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	return binary.NativeEndian.AppendUint32(b, uint32(-int32(errno)))
}

func TestAnswers(t *testing.T) {
	type result struct {
		seq   uint32
		errno unix.Errno
	}
	var got []result
	collect := func(seq uint32, errno unix.Errno) bool {
		got = append(got, result{seq, errno})
		return seq == 9
	}
	done, err := answers(append(answer(7, unix.EEXIST), answer(9, 0)...), collect)
	if !done || err != nil || len(got) != 2 || got[0] != (result{7, unix.EEXIST}) || got[1] != (result{9, 0}) {
		t.Errorf("answers = %v, %v, %v", done, err, got)
	}
	if done, err := answers(answer(3, 0), collect); done || err != nil {
		t.Errorf("answers of an unfinished batch = %v, %v", done, err)
	}
	bad := answer(3, 0)
	bad[0] = 200
	if _, err := answers(bad, collect); err == nil {
		t.Error("a length beyond the datagram is taken")
	}
}

// FuzzAnswers: what a netlink socket yields is never trusted with a length.
func FuzzAnswers(f *testing.F) {
	f.Add(answer(1, unix.ENOENT))
	f.Add(append(answer(1, 0), 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = answers(b, func(uint32, unix.Errno) bool { return false })
		_, _ = familyOf(b)
	})
}

func TestOpErrorSaysWhichRow(t *testing.T) {
	err := error(&OpError{
		Op:  Op{Kind: AddDestination, Service: svc(tcp("192.0.2.1:80"), "rr"), Destination: dst("10.0.0.1:80", 1)},
		Err: unix.EEXIST,
	})
	if got, want := err.Error(), "ipvs -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1: exists already"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, unix.EEXIST) {
		t.Error("errors.Is(err, EEXIST) = false")
	}
}
