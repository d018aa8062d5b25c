package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// steady expects that router i serves throughout, and the other never, for twice deadtime.
func (p *pair) steady(i int) {
	p.t.Helper()
	for end := time.Now().Add(2 * deadtime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		mine, err := p.holds(i)
		other, err2 := p.holds(3 - i)
		if err != nil || err2 != nil || !mine || other {
			p.t.Fatalf("router%d has the addresses: %v, the other: %v (%v, %v)", i, mine, other, err, err2)
		}
	}
}

// TestOneChannelCut: as long as one way between the routers works, nobody takes over.
func TestOneChannelCut(t *testing.T) {
	p := newPair(t, pairConf("primary_private = 10.11.12.1\nbackup_private = 10.11.12.2"))
	p.start(1)
	p.start(2)
	p.wantActive(1)
	for _, dev := range []string{"eth0", "eth1"} {
		if err := p.net.Router(2).Cut(dev); err != nil {
			t.Fatal(err)
		}
		p.steady(1)
		if err := p.net.Router(2).Heal(dev); err != nil {
			t.Fatal(err)
		}
		p.steady(1)
	}
	p.served()
}

// TestPartitionHeals: whichever router is cut off, exactly one serves those that still reach one within deadtime and a
// keepalive. As soon again after the heal only the primary serves: it was active as well, alone or not.
func TestPartitionHeals(t *testing.T) {
	for _, tt := range []struct{ active, cut int }{{1, 1}, {1, 2}, {2, 2}, {2, 1}} {
		t.Run(fmt.Sprintf("router%d active, router%d cut off", tt.active, tt.cut), func(t *testing.T) {
			p := newPair(t, pairConf(""))
			p.start(1)
			p.start(2)
			p.wantActive(1)
			if tt.active == 2 {
				if err := p.call(1, http.MethodPost, "switchover", nil); err != nil {
					t.Fatal(err)
				}
				p.wantActive(2)
			}
			began := time.Now()
			p.cut(tt.cut)
			rest := 3 - tt.cut
			p.wantHolding(rest)
			if rest != tt.active {
				p.slow.wantWithin(t, "taken over", began, deadtime-keepalive-50*time.Millisecond, deadtime+keepalive)
				p.owners.wantAnnounced(rest)
			}
			p.wantHolding(1, 2) // the other one does not know that it is the one cut off
			p.served()
			p.pulse[0].Mark()
			p.pulse[1].Mark()
			began = time.Now()
			p.heal(tt.cut)
			p.wantHolding(1)
			p.slow.wantWithin(t, "one of two active", began, 0, deadtime+keepalive)
			p.pulse[1].WaitLog("partner active: deactivating LVS", patience)
			p.pulse[0].WaitLog("partner active: resending arps", patience)
			p.wantActive(1)
			p.served()
			p.steady(1)
		})
	}
}

// wantHolding waits until these routers have the floating addresses. Those cut off from the client may have them too.
func (p *pair) wantHolding(routers ...int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		for i := 1; i <= 2; i++ {
			has, err := p.holds(i)
			want := slices.Contains(routers, i) || has && p.owners.isApart(p.net.Router(i).Name, time.Now())
			if err != nil || has != want {
				return fmt.Errorf("router%d has the addresses: %v, %v; want %v", i, has, err, want)
			}
		}
		return nil
	})
}

// original is the heartbeat of an original router on router 2, as reference piranha-pulse.md 1.2 has its bytes: four,
// little-endian.
type original struct {
	t    *testing.T
	conn net.PacketConn
	to   net.Addr
}

var (
	originalRunning = []byte{0xda, 0xdb, 0xad, 0xbd}
	originalStopped = []byte{0xbd, 0xda, 0xbd, 0xad}
)

func newOriginal(t *testing.T, n *topology.Net) *original {
	t.Helper()
	conn, err := n.Router(2).ListenPacket("udp4", "192.0.2.2:539")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &original{t: t, conn: conn, to: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 539}}
}

// say sends a heartbeat every keepalive until hears gets one that begins with want, as the original would read it.
func (o *original) say(packet, want []byte) {
	o.t.Helper()
	buf := make([]byte, 1500)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err := o.conn.WriteTo(packet, o.to); err != nil {
			o.t.Fatal(err)
		}
		if err := o.conn.SetReadDeadline(time.Now().Add(keepalive)); err != nil {
			o.t.Fatal(err)
		}
		n, _, err := o.conn.ReadFrom(buf)
		if err == nil && n >= 4 && bytes.Equal(buf[:4], want) {
			return
		}
	}
	o.t.Fatalf("said % x, heard no % x within %v", packet, want, patience)
}

// TestOriginalPartner: with an original router in the other place the rules are the original's.
func TestOriginalPartner(t *testing.T) {
	p := newPair(t, pairConf(""))
	o := newOriginal(t, p.net)
	p.start(1)
	o.say(originalRunning, originalStopped) // the original serves: we do not
	if has, err := p.holds(1); err != nil || has {
		t.Errorf("addresses beside an active original: %v, %v", has, err)
	}
	o.say(originalStopped, originalRunning) // it has stopped: we serve
	p.pulse[0].WaitLog("backup inactive: activating lvs", patience)
	wantTable(t, p.net.Router(1), rows("rr", all)...)
	p.pulse[0].Mark()
	o.say(originalRunning, originalRunning) // both: the primary stays and announces itself, the original backup steps down
	p.pulse[0].WaitLog("partner active: resending arps", patience)
	if has, err := p.holds(1); err != nil || !has {
		t.Errorf("addresses after both were active: %v, %v", has, err)
	}
	// Bytes that are no heartbeat, and STOPME, which only forged packets say in lvs mode, change nothing.
	for _, junk := range [][]byte{{}, {1, 2, 3}, {1, 2, 3, 4}, {0xda, 0xda, 0xad, 0xde}, bytes.Repeat([]byte{7}, 600)} {
		if _, err := o.conn.WriteTo(junk, o.to); err != nil {
			t.Fatal(err)
		}
	}
	o.say(originalStopped, originalRunning)
	p.served()
	p.pulse[0].WaitLog("bad heartbeat packet", patience)
	p.pulse[0].WaitLog("Incompatible heartbeat received -- other system not using identical services", patience)
}
