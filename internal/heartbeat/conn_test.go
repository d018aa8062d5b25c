package heartbeat

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// freePort finds a port that is free on all addresses of the loopback interface.
func freePort(t testing.TB) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

func path(local, partner string) Path {
	return Path{netip.MustParseAddr(local), netip.MustParseAddr(partner)}
}

// routers are the configurations of two routers on loopback addresses with two channels.
func routers(t testing.TB, stage Stage) (primary, backup Config) {
	t.Helper()
	rules := Rules{Service: LVS, Role: Primary, Stage: stage, Hold: time.Second, Grace: time.Second}
	if stage != Off {
		rules.Key = testKey(t, sampleKey)
	}
	primary = Config{Port: freePort(t), Public: path("127.0.0.1", "127.0.0.2"), Private: path("127.0.1.1", "127.0.1.2"), Rules: rules}
	backup = primary
	backup.Public, backup.Private = path("127.0.0.2", "127.0.0.1"), path("127.0.1.2", "127.0.1.1")
	backup.Rules.Role = Backup
	return primary, backup
}

// start opens a Conn that runs until the test ends.
func start(t testing.TB, c Config) *Conn {
	t.Helper()
	conn := openConn(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- conn.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return conn
}

// openConn opens a Conn whose sockets only Drain reads.
func openConn(t testing.TB, c Config) *Conn {
	t.Helper()
	conn, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// wait takes what is ready until there are n messages.
func wait(t testing.TB, c *Conn, n int) []Message {
	t.Helper()
	var got []Message
	for len(got) < n {
		select {
		case <-c.Ready():
		case <-time.After(20 * time.Second):
			t.Fatalf("%d messages, want %d; reports %v", len(got), n, c.Reports(nil))
		}
		got, _ = c.Drain(got)
	}
	return got
}

// drain takes n messages from a Conn that only Drain reads. The kernel has delivered on the loopback interface when a send
// returns, unless it is busy.
func drain(t testing.TB, c *Conn, n int) []Message {
	t.Helper()
	var got []Message
	until(t, c, func() bool {
		got, _ = c.Drain(got)
		return len(got) >= n
	})
	return got
}

// until waits for what comes of datagrams that are under way.
func until(t testing.TB, c *Conn, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("reports %v, stats %+v", c.Reports(nil), c.Stats())
		}
	}
}

func send(t testing.TB, c *Conn, p Packet) {
	t.Helper()
	if public, private := c.Send(p); public != nil || private != nil {
		t.Fatalf("Send = %v, %v", public, private)
	}
}

// peer is a socket of nobody in particular.
func peer(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func inject(t testing.TB, from *net.UDPConn, to netip.Addr, port uint16, b []byte) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort(b, netip.AddrPortFrom(to, port)); err != nil {
		t.Fatal(err)
	}
}

func TestPair(t *testing.T) {
	for _, stage := range []Stage{Off, Permissive, Enforce} {
		t.Run(stage.String(), func(t *testing.T) {
			p, b := routers(t, stage)
			primary, backup := start(t, p), start(t, b)
			send(t, primary, Packet{Kind: LVSStopped, Serial: 5, Up: 2, Configured: 3})
			first := wait(t, backup, 2)
			send(t, backup, Packet{Kind: LVSStopped})
			wait(t, primary, 2)
			send(t, primary, Packet{Kind: LVSRunning, Flags: Activating})
			second := wait(t, backup, 2)
			if stage == Enforce && first[0].Decides {
				t.Error("a packet that may be a recording decides")
			}
			channels := map[Channel]bool{}
			for _, m := range second {
				channels[m.Channel] = true
				if m.Packet.Kind != LVSRunning || m.Packet.Flags != Activating || m.Packet.Boot != primary.Boot() || m.Packet.Channel != m.Channel {
					t.Errorf("received %+v", m)
				}
				if want := map[Stage]Trust{Off: Plain, Permissive: Proven, Enforce: Proven}[stage]; m.Trust != want {
					t.Errorf("trust %v, want %v", m.Trust, want)
				}
			}
			if len(channels) != 2 || !second[0].Decides && !second[1].Decides {
				t.Errorf("received %+v", second)
			}
			if r := backup.Reports(nil); len(r) != 0 {
				t.Errorf("reports %v", r)
			}
		})
	}
}

// TestOriginal: what we send begins as an original's packet and comes from the port it expects; its answer counts.
func TestOriginal(t *testing.T) {
	p, _ := routers(t, Off)
	p.Private = Path{}
	original := peer(t, netip.AddrPortFrom(p.Public.Partner, p.Port).String())
	c := start(t, p)
	send(t, c, Packet{Kind: LVSRunning})
	b := make([]byte, 4) // it reads no more
	_, from, err := original.ReadFromUDPAddrPort(b)
	if err != nil || string(b) != "\xda\xdb\xad\xbd" || from != netip.AddrPortFrom(p.Public.Local, p.Port) {
		t.Errorf("it receives % x from %v, %v", b, from, err)
	}
	inject(t, original, p.Public.Local, p.Port, []byte("\xbd\xda\xbd\xad"))
	inject(t, original, p.Public.Local, p.Port, []byte("\xbd\xad\xdb\xda")) // a big-endian one
	got := wait(t, c, 2)
	if got[0].Packet != (Packet{Kind: LVSStopped}) || got[1].Packet != (Packet{Kind: LVSRunning}) || !got[0].Decides {
		t.Errorf("received %+v", got)
	}
}

// TestSources has the rules of piranha-pulse.md 1.3: either address of the partner, on either socket, from any port.
func TestSources(t *testing.T) {
	p, _ := routers(t, Off)
	p.Anybody = true
	c := openConn(t, p)
	running := []byte("\xda\xdb\xad\xbd")
	for i, from := range []string{"127.0.0.2:0", "127.0.1.2:0"} {
		for _, to := range []netip.Addr{p.Public.Local, p.Private.Local} {
			inject(t, peer(t, from), to, p.Port, running)
			if got := drain(t, c, 1); len(got) != 1 {
				t.Errorf("from %s to %v: %+v", from, to, got)
			}
		}
		if i == 0 {
			continue
		}
		single := p
		single.Port, single.Private = freePort(t), Path{}
		other := openConn(t, single)
		inject(t, peer(t, from), single.Public.Local, single.Port, running)
		if got, _ := other.Drain(nil); len(got) != 0 {
			t.Errorf("without a private channel %s is heard: %+v", from, got)
		}
	}
	for _, junk := range []string{"", "abc", "abcd", "\xbe\xba\xef\xbe", "\xda\xdb\xad\xbdPLVS", strings.Repeat("x", MaxSize+1)} {
		inject(t, peer(t, "127.0.0.2:0"), p.Public.Local, p.Port, []byte(junk))
	}
	for range 3 {
		inject(t, peer(t, "127.0.0.3:0"), p.Public.Local, p.Port, running)
	}
	until(t, c, func() bool {
		if got, _ := c.Drain(nil); len(got) != 0 {
			t.Errorf("junk counts: %+v", got)
		}
		return c.Stats().Rejected[Stranger] == 3 // those came last
	})
	if _, empty := c.Drain(nil); !empty {
		t.Error("there is more")
	}
	want := []string{
		"bad heartbeat packet",
		"Incompatible heartbeat received -- other system not using identical services",
		"bad heartbeat packet",
		"Unexpected heartbeat from 127.0.0.3",
	}
	got := c.Reports(nil)
	for i, r := range got {
		if i < len(want) && r.Text() != want[i] {
			t.Errorf("report %q, want %q", r.Text(), want[i])
		}
	}
	if s := c.Stats(); len(got) != len(want) || s.Rejected[Short] != 2 || s.Rejected[Incompatible] != 2 || s.Rejected[Stranger] != 3 || s.Accepted != 4 {
		t.Errorf("reports %v, stats %+v", got, s)
	}
}

// TestFilter: what cannot come from the partner does not even get into the queue.
func TestFilter(t *testing.T) {
	p, _ := routers(t, Off)
	p.Private = Path{}
	c := openConn(t, p)
	flood := func(from string) uint32 {
		t.Helper()
		before := c.Stats().Dropped[0]
		inject(t, peer(t, from), p.Public.Local, p.Port, []byte("\xda\xdb\xad\xbd"))
		inject(t, peer(t, p.Public.Partner.String()+":0"), p.Public.Local, p.Port, []byte("\xda\xdb\xad\xbd"))
		drain(t, c, 1) // the count comes along with a datagram
		return c.Stats().Dropped[0] - before
	}
	if n := flood("127.0.0.3:0"); n != 1 {
		t.Errorf("dropped %d", n)
	}
	p.Public.Partner = netip.MustParseAddr("::ffff:127.0.0.3")
	if err := c.Reload(p); err != nil {
		t.Fatal(err)
	}
	p.Public.Partner = p.Public.Partner.Unmap()
	if n := flood("127.0.0.2:0"); n != 1 {
		t.Errorf("dropped %d after the partner's address changed", n)
	}
	if s := c.Stats(); s.Accepted != 2 || s.Rejected != [reasons]uint64{} {
		t.Errorf("stats %+v", s)
	}
	p.Port++
	if err := c.Reload(p); !errors.Is(err, ErrAddress) {
		t.Errorf("Reload = %v", err)
	}
}

func TestIPv6(t *testing.T) {
	if _, err := net.ListenPacket("udp", "[::1]:0"); err != nil {
		t.Skip(err)
	}
	// One address is all the loopback interface has, so the partner is ourselves: its port differs, which must not matter.
	p, b := routers(t, Off)
	p.Public, p.Private = path("::1", "::1"), Path{}
	b.Public, b.Private = path("::1", "::1"), Path{}
	b.Port = freePort(t)
	c := openConn(t, p)
	guard, err := NewGuard(b.Rules, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hello := func() {
		inject(t, peer(t, "[::1]:0"), p.Public.Local, p.Port, guard.Append(nil, Packet{Kind: LVSRunning}, Public))
	}
	hello()
	if got := drain(t, c, 1); len(got) != 1 || got[0].From != p.Public.Local {
		t.Errorf("received %+v", got)
	}
	send(t, c, Packet{Kind: LVSRunning})
	until(t, c, func() bool {
		_, empty := c.Drain(nil)
		return empty && c.Stats().Rejected[Reflected] == 1 // our own packet
	})
	for _, stranger := range []string{"2001:db8::1", "::2", "::1:0:1", "0:0:1::1", "127.0.0.2"} {
		p.Public.Partner = netip.MustParseAddr(stranger)
		if err := c.Reload(p); err != nil {
			t.Fatal(err)
		}
		hello()
		if got, _ := c.Drain(nil); len(got) != 0 {
			t.Errorf("partner %s: received %+v", stranger, got)
		}
	}
	p.Public.Partner = p.Public.Local
	if err := c.Reload(p); err != nil {
		t.Fatal(err)
	}
	hello()
	if got := drain(t, c, 1); len(got) != 1 || c.Stats().Rejected[Stranger] != 0 || c.Stats().Dropped[0] != 5 {
		t.Errorf("received %+v, %+v", got, c.Stats())
	}
}

func TestOptions(t *testing.T) {
	p, _ := routers(t, Off)
	c := openConn(t, p)
	for _, s := range c.sockets {
		err := s.control(func(fd uintptr) error {
			for _, o := range []struct{ name, level, option, atLeast int }{
				{1, unix.IPPROTO_IP, unix.IP_TOS, 0xc0},
				{2, unix.SOL_SOCKET, unix.SO_PRIORITY, 6},
				{3, unix.SOL_SOCKET, unix.SO_RCVBUF, 200 << 10},
			} {
				if v, err := unix.GetsockoptInt(int(fd), o.level, o.option); v < o.atLeast || err != nil {
					t.Errorf("%v: option %d = %d, %v", s.channel, o.name, v, err)
				}
			}
			if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 || err != nil {
				t.Errorf("%v: children inherit it: %#x, %v", s.channel, flags, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	p, _ := routers(t, Off)
	openConn(t, p)
	_, err := Open(p)
	var bind *BindError
	if !errors.As(err, &bind) || bind.Channel != Private || !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("Open = %v", err)
	}
	want := "failed to bind to heartbeat address: address already in use (private 127.0.1.1:"
	if !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Open = %q, want %q…", err, want)
	}
	elsewhere := p
	elsewhere.Public, elsewhere.Private = path("192.0.2.77", "192.0.2.78"), Path{}
	if _, err := Open(elsewhere); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("Open = %v", err)
	}
	nobody := p
	nobody.Public.Local = netip.Addr{}
	if _, err := Open(nobody); err == nil {
		t.Error("Open without an address succeeds")
	}
}

func TestSendErrors(t *testing.T) {
	p, _ := routers(t, Off)
	p.Public.Partner = netip.MustParseAddr("192.0.2.1") // not from a loopback address
	c := openConn(t, p)
	public, private := c.Send(Packet{Kind: LVSStopped})
	if public == nil || private != nil {
		t.Errorf("Send = %v, %v", public, private)
	}
	c.Close()
	if public, private := c.Send(Packet{Kind: LVSStopped}); public == nil || private == nil {
		t.Errorf("Send after Close = %v, %v", public, private)
	}
}

// TestEnd: readers end with their context, or with Close; sending still works after the former.
func TestEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	p, b := routers(t, Off)
	c, partner := openConn(t, p), openConn(t, b)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	send(t, c, Packet{Kind: LVSStopped, Flags: Leaving})
	if got := drain(t, partner, 2); len(got) != 2 || got[0].Packet.Flags != Leaving {
		t.Errorf("farewell: %+v", got)
	}
	send(t, partner, Packet{Kind: LVSRunning})
	if got := drain(t, c, 2); len(got) != 2 {
		t.Errorf("Drain after Run: %+v", got)
	}
	go func() { done <- partner.Run(context.Background()) }()
	for runtime.NumGoroutine() < before+2 {
		runtime.Gosched()
	}
	partner.Close()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}
