package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	bin "encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// beat is a heartbeat of the suite's own, as doc/heartbeat.md has it.
type beat struct {
	kind          string
	boot          [16]byte
	counter       uint64
	echo          [16]byte
	heard         uint64
	role, channel byte
	flags         uint16
	turn, held    uint32
	serial        int64
	digest        [8]byte
	up, all       uint32
}

// bytes encodes the heartbeat, signed if there is a key.
func (b beat) bytes(key string) []byte {
	const plain, code = 96, sha256.Size
	length, auth := plain, byte(0)
	if key != "" {
		length, auth = plain+code, 1
	}
	le := bin.LittleEndian
	out := []byte(b.kind + "PLVS")
	out = le.AppendUint16(append(out, 1, auth), uint16(length))
	out = le.AppendUint64(append(out, b.boot[:]...), b.counter)
	out = le.AppendUint64(append(out, b.echo[:]...), b.heard)
	out = le.AppendUint16(append(out, b.role, b.channel), b.flags)
	out = le.AppendUint32(le.AppendUint32(out, b.turn), b.held)
	out = append(le.AppendUint64(out, uint64(b.serial)), b.digest[:]...)
	out = le.AppendUint32(le.AppendUint32(out, b.up), b.all)
	if key != "" {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(out)
		out = mac.Sum(out)
	}
	return out
}

// TestBeatIsTheDocuments: what the tests forge is what doc/heartbeat.md describes, so that it is refused for the reason
// the tests mean.
func TestBeatIsTheDocuments(t *testing.T) {
	page, err := os.ReadFile("../../doc/heartbeat.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "key `sixteen bytes are`:\n")
	example, _, _ = strings.Cut(example, "**Reading.**")
	var digits strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^ {4}((?:[0-9a-f]+ ?)+)`).FindAllStringSubmatch(example, -1) {
		digits.WriteString(strings.ReplaceAll(line[1], " ", ""))
	}
	want, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	fill := func(b []byte, first byte) {
		for i := range b {
			b[i] = first + byte(i)
		}
	}
	b := beat{kind: originalRunning, counter: 258, heard: 7, role: 2, channel: 2, flags: 9, turn: 3, held: 86400, serial: 42, up: 17, all: 18}
	for i := range b.boot {
		b.boot[i] = byte(i) * 0x11
	}
	fill(b.echo[:], 0xa0)
	fill(b.digest[:], 0xd0)
	if got := b.bytes("sixteen bytes are"); !bytes.Equal(got, want) {
		t.Errorf("encoded:\n% x\ndocument:\n% x", got, want)
	}
}

// forger sends datagrams to a router's heartbeat port from anybody's address: whoever is in the same network can.
type forger struct {
	t      *testing.T
	fd     int
	to     unix.SockaddrInet4
	header []byte
}

const heartbeatPort = 539

func newForger(t *testing.T, node *topology.Node, from, to string) *forger {
	t.Helper()
	f := &forger{t: t, to: unix.SockaddrInet4{Addr: netip.MustParseAddr(to).As4()}}
	err := node.Do(func() (err error) {
		f.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(f.fd) })
	source := netip.MustParseAddr(from).As4()
	f.header = []byte{0x45, 0xc0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0} // length, id and checksum: the kernel's
	f.header = append(append(f.header, source[:]...), f.to.Addr[:]...)
	return f
}

// packet puts the headers before a payload. The UDP checksum may be absent.
func (f *forger) packet(payload []byte) []byte {
	be := bin.BigEndian
	p := be.AppendUint16(be.AppendUint16(bytes.Clone(f.header), heartbeatPort), heartbeatPort)
	p = be.AppendUint16(be.AppendUint16(p, uint16(8+len(payload))), 0)
	return append(p, payload...)
}

func (f *forger) send(payloads ...[]byte) {
	for _, payload := range payloads {
		// A router that was cut off does not answer for its address.
		if err := unix.Sendto(f.fd, f.packet(payload), 0, &f.to); err != nil && !errors.Is(err, unix.EHOSTUNREACH) {
			f.t.Errorf("forge: %v", err)
		}
	}
}

// loop sends the next payload of each list, from the beginning after the end, until stopped.
func (f *forger) loop(every time.Duration, lists ...[][]byte) (stop func()) {
	next := 0
	return repeatedly(f.t, every, func() {
		for _, list := range lists {
			f.send(list[next%len(list)])
		}
		next++
	})
}

// repeatedly does something again and again until the returned function is called, or the test ends.
func repeatedly(t *testing.T, every time.Duration, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for tick := time.NewTicker(every); ctx.Err() == nil; <-tick.C {
			f()
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

// recorder keeps the heartbeats that pass a device.
type recorder struct {
	mu    sync.Mutex
	heard map[netip.Addr][][]byte // by sender
}

// record records until the test ends.
func record(t *testing.T, node *topology.Node, dev string) *recorder {
	t.Helper()
	r := &recorder{heard: map[netip.Addr][][]byte{}}
	var socket *os.File
	err := node.Do(func() error {
		fd, err := packetSocket(dev)
		socket = os.NewFile(uintptr(fd), "recorder")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, err := socket.Read(buf)
			if err != nil {
				return
			}
			r.take(buf[:n])
		}
	})
	t.Cleanup(func() { socket.Close(); done.Wait() })
	return r
}

// packetSocket sees everything that a device receives and sends.
func packetSocket(dev string) (int, error) {
	device, err := net.InterfaceByName(dev)
	if err != nil {
		return -1, err
	}
	protocol := bin.NativeEndian.Uint16(bin.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: device.Index})
}

// take keeps an IPv4 packet if it is a heartbeat.
func (r *recorder) take(p []byte) {
	if len(p) < 28 || p[0] != 0x45 || p[9] != unix.IPPROTO_UDP || bin.BigEndian.Uint16(p[22:]) != heartbeatPort {
		return
	}
	from, _ := netip.AddrFromSlice(p[12:16])
	length := int(bin.BigEndian.Uint16(p[24:]))
	if length < 8 || 20+length > len(p) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard[from] = append(r.heard[from], bytes.Clone(p[28:20+length]))
}

// from returns the heartbeats so far that begin with kind, by their sender's address.
func (r *recorder) from(addr, kind string) (list [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.heard[netip.MustParseAddr(addr)] {
		if bytes.HasPrefix(b, []byte(kind)) {
			list = append(list, b)
		}
	}
	return list
}
