package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// floodRate is how many packets a second are to come; floodTime for how long. The lab's one processor sends them,
// carries them and has to run both routers.
const (
	floodRate = 100_000
	floodTime = 3 * time.Second
)

// segments is how many datagrams the kernel makes of one write: with one call for each there would be no flood.
const segments = 64

// stream is datagrams of one length from one address.
type stream struct {
	fd   int
	data []byte
}

// newStream sends what write writes from an address that need not be the node's own.
func newStream(t *testing.T, node *topology.Node, from, to string, size int, write func(datagram []byte, i int)) stream {
	t.Helper()
	s := stream{data: make([]byte, size*segments)}
	for i := range segments {
		write(s.data[i*size:(i+1)*size], i)
	}
	err := node.Do(func() (err error) {
		s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.fd) })
	for _, err := range []error{
		unix.SetsockoptInt(s.fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1),
		unix.SetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_SEGMENT, size),
		unix.Bind(s.fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(from).As4()}),
		unix.Connect(s.fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(to).As4(), Port: heartbeatPort}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// streams is what floods router i: most of it in its partner's name, with another key, without one, or noise.
func (p *pair) streams(i int) []stream {
	node, noise := p.net.Client(), rand.New(rand.NewPCG(1, 2))
	to, partner := fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("192.0.2.%d", 3-i)
	lie := map[int]string{1: originalRunning, 2: originalStopped}[i] // what would move the service
	signed := func(b []byte, n int) {
		copy(b, beat{kind: lie, boot: [16]byte{6}, counter: 1 + uint64(n), role: byte(3 - i), channel: 1}.bytes(wrongKey))
	}
	random := func(b []byte, _ int) {
		for i := range b {
			b[i] = byte(noise.Uint32())
		}
	}
	return []stream{
		newStream(p.t, node, partner, to, 128, signed),
		newStream(p.t, node, partner, to, 128, random),
		newStream(p.t, node, partner, to, 4, func(b []byte, _ int) { copy(b, lie) }),
		newStream(p.t, node, topology.ClientAddr, to, 128, signed),
	}
}

// flood sends the streams in turn until stopped, as fast as floodRate asks for.
func (p *pair) flood(streams []stream) (stop func()) {
	began, sent, next := time.Now(), 0, 0
	return repeatedly(p.t, 2*time.Millisecond, func() {
		// What could not be sent in time is not sent later.
		due := min(int(floodRate*time.Since(began).Seconds())-sent, floodRate/50)
		for ; due > 0; due -= segments {
			s := streams[next%len(streams)]
			_, _ = unix.Write(s.fd, s.data) // a full queue loses packets, as floods do
			next++
			sent += segments
		}
		sent = max(sent, int(floodRate*time.Since(began).Seconds())-floodRate/50)
	})
}

// arrived is how many datagrams have reached the UDP sockets of a node: those read, and those refused by a filter or
// for want of room.
func arrived(t *testing.T, node *topology.Node) (n int) {
	t.Helper()
	err := node.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		var names []string
		for line := range bytes.Lines(text) {
			words := strings.Fields(string(line))
			if words[0] != "Udp:" {
				continue
			}
			for i := range names {
				if names[i] == "InDatagrams" || names[i] == "InErrors" {
					value, err := strconv.Atoi(words[i])
					if err != nil {
						return err
					}
					n += value
				}
			}
			names = words
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// heardAgo is how long ago router i accepted a heartbeat of its partner.
func (p *pair) heardAgo(i int) time.Duration {
	p.t.Helper()
	var s struct {
		Partner struct {
			Public *float64 `json:"public_heard_ago"`
		} `json:"partner"`
	}
	if err := p.call(i, http.MethodGet, "status", &s); err != nil || s.Partner.Public == nil {
		p.t.Fatalf("router%d: partner heard %v ago, %v", i, s.Partner.Public, err)
	}
	return time.Duration(*s.Partner.Public * float64(time.Second))
}

// TestFlood: forged and random packets delay no heartbeat by more than a keepalive, on the router that serves and on
// the one that would take over, and move nothing. internal/heartbeat has the same on sockets of the machine's own
// kernel, where 100,000 packets a second do come.
func TestFlood(t *testing.T) {
	p := newPair(t, enforced(t))
	p.startBoth()
	for i := 1; i <= 2; i++ {
		t.Run(fmt.Sprintf("router%d", i), func(t *testing.T) {
			node := p.net.Router(i)
			began, before := time.Now(), arrived(t, node)
			stop := p.flood(p.streams(i))
			var worst, blamed time.Duration // blamed: without what the machine lost
			for time.Since(began) < floodTime {
				ago := p.heardAgo(i)
				now := time.Now()
				lost := p.slow.lost(now.Add(-ago), now)
				if lost > 0 { // the flood filled the socket meanwhile, and a heartbeat found no room
					lost += keepalive
				}
				worst, blamed = max(worst, ago), max(blamed, ago-lost)
			}
			rate := float64(arrived(t, node)-before) / time.Since(began).Seconds()
			stop()
			t.Logf("%.0f packets a second; the last heartbeat was at most %v old", rate, worst.Round(time.Millisecond))
			if rate < floodRate/100 {
				t.Errorf("that is no flood")
			}
			if blamed > 2*keepalive {
				t.Errorf("the last heartbeat was %v old, want %v at most: a keepalive, and one for the flood", blamed, 2*keepalive)
			}
		})
	}
	p.wantActive(1)
	p.served()
	for i, process := range p.pulse {
		for _, line := range []string{"deactivating", "activating"} {
			if n := process.Count(line); n > 1-i {
				t.Errorf("router%d: %d lines with %q", i+1, n, line)
			}
		}
		if n := process.Count("heartbeat"); n > 5 {
			t.Errorf("router%d: %d lines about heartbeats", i+1, n)
		}
	}
}
