package heartbeat

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// These tests send what an attacker might, in bounded amounts and on the loopback interface only.

// junk are datagrams such as a flood is made of: without the key, but as near to the real thing as can be.
func junk(t testing.TB, r *rand.Rand, partner BootID) [][]byte {
	t.Helper()
	forger := testKey(t, "not the key of the routers")
	var all [][]byte
	for i := range 256 {
		p := samplePacket()
		p.Boot, p.Counter, p.Role, p.Channel = partner, r.Uint64()|1, Backup, Channel(1+i%2)
		b := Append(nil, p, forger)
		switch i % 4 {
		case 1: // random
			for j := range b {
				b[j] = byte(r.Uint32())
			}
			b = b[:r.IntN(len(b))]
		case 2: // an original's
			b = b[:4]
		case 3: // cut off
			b = b[:r.IntN(len(b))]
		}
		all = append(all, b)
	}
	return all
}

// flood sends n datagrams of junk from one of the partner's addresses, at rate a second, and returns how fast it was.
func flood(t testing.TB, c Config, junk [][]byte, n int, rate float64, stop <-chan struct{}) float64 {
	from := peer(t, c.Public.Partner.String()+":0")
	to := netip.AddrPortFrom(c.Public.Local, c.Port)
	begin := time.Now()
	for i := range n {
		if i%64 == 0 {
			select {
			case <-stop:
				return float64(i) / time.Since(begin).Seconds()
			default:
			}
			time.Sleep(time.Until(begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))))
		}
		// An error is a full queue of the loopback interface.
		_, _ = from.WriteToUDPAddrPort(junk[i%len(junk)], to)
	}
	return float64(n) / time.Since(begin).Seconds()
}

// lostAfter is when a packet that has not arrived will not any more: on a machine that stands still for a while others do.
const lostAfter = 5 * time.Second

// delays has the partner send every keepalive while a flood comes, and returns how long its packets took.
func delays(t testing.TB, beats int, keepalive time.Duration, rate float64) (took []time.Duration, sent float64, c *Conn) {
	t.Helper()
	p, b := routers(t, Enforce)
	b.Private, p.Private = Path{}, Path{}
	c = start(t, p)
	partner := openConn(t, b)
	for range 3 {
		send(t, c, Packet{Kind: LVSStopped})
		partner.Drain(nil)
		send(t, partner, Packet{Kind: LVSStopped})
		wait(t, c, 1)
	}
	var flooding sync.WaitGroup
	stop := make(chan struct{})
	stuff := junk(t, rand.New(rand.NewPCG(1, 2)), partner.Boot())
	if rate > 0 {
		flooding.Go(func() { sent = flood(t, p, stuff, int(rate*60), rate, stop) })
	}
	took = make([]time.Duration, beats)
	lost := 0
	tick := time.NewTicker(keepalive)
	defer tick.Stop()
	for i := range beats {
		<-tick.C
		begin := time.Now()
		send(t, partner, Packet{Kind: LVSRunning, Turn: uint32(i)})
		for arrived := false; !arrived; {
			select {
			case <-c.Ready():
				got, _ := c.Drain(nil)
				arrived = len(got) > 0 && got[0].Decides && got[0].Packet.Turn == uint32(i)
			case <-time.After(lostAfter):
				lost++
				arrived = true
			}
		}
		took[i] = time.Since(begin)
	}
	close(stop)
	flooding.Wait()
	if lost > 0 && c.Stats().Dropped[0] == 0 { // a machine that gives us no processor for long lets the queue run over
		t.Errorf("%d heartbeats are lost, though there was always room in the queue", lost)
	}
	slices.Sort(took)
	return took, sent, c
}

// TestFlood: forged packets delay no heartbeat by a keepalive. The test is kinder than life, as a machine that runs
// other tests at the same time has little left for it.
func TestFlood(t *testing.T) {
	const keepalive = 10 * time.Millisecond
	took, rate, c := delays(t, 30, keepalive, 100_000)
	s := c.Stats()
	t.Logf("%.0f forged packets a second: median %v, worst %v; %d rejected, %d dropped", rate, took[len(took)/2], took[len(took)-1],
		s.Rejected[WrongKey]+s.Rejected[Malformed]+s.Rejected[Unsigned]+s.Rejected[Short]+s.Rejected[Incompatible], s.Dropped[0])
	if median := took[len(took)/2]; median > keepalive {
		t.Errorf("half of the heartbeats took %v or longer", median)
	}
	// Everything is reported, and once.
	seen := map[Reason]int{}
	for _, r := range c.Reports(nil) {
		seen[r.Reason]++
	}
	for _, r := range []Reason{WrongKey, Malformed, Unsigned, Incompatible} {
		if seen[r] != 1 || s.Rejected[r] == 0 {
			t.Errorf("%q: %d reports, %d rejected", r, seen[r], s.Rejected[r])
		}
	}
}

func BenchmarkFlood(b *testing.B) {
	for _, tt := range []struct {
		name string
		rate float64
	}{{"quiet", 0}, {"100k", 100_000}} {
		b.Run(tt.name, func(b *testing.B) {
			took, rate, c := delays(b, max(b.N, 10), 10*time.Millisecond, tt.rate)
			b.ReportMetric(float64(took[len(took)/2]), "ns/op") // half of the heartbeats take no longer
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), "µs-worst")
			b.ReportMetric(rate, "forged/s")
			b.ReportMetric(float64(c.Stats().Dropped[0]), "dropped")
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	us, partner, now := couple(b, Enforce)
	pair(b, us, partner)
	genuine := make([][]byte, 1<<12)
	for i := range genuine {
		genuine[i] = partner.say(LVSRunning)
	}
	fresh := *us.guard
	forged := junk(b, rand.New(rand.NewPCG(1, 2)), partner.guard.Boot())
	old := slices.Clone(partner.say(LVSRunning))
	us.hears(partner.say(LVSRunning))
	for _, tt := range []struct {
		name string
		all  [][]byte
		want Reason
	}{
		{"genuine", genuine, 0},
		{"wrong key", [][]byte{forged[0]}, WrongKey},
		{"replayed", [][]byte{genuine[0]}, Replayed},
		{"original", [][]byte{forged[2]}, Unsigned},
		{"random", [][]byte{[]byte("some text of another program")}, Incompatible},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			g := fresh
			if tt.want == Replayed {
				g.Check(old, Public, *now)
			}
			for i := 0; b.Loop(); i++ {
				if i%len(tt.all) == 0 && tt.want == 0 {
					g = fresh
				}
				if _, v := g.Check(tt.all[i%len(tt.all)], Public, *now); v.Reason != tt.want {
					b.Fatalf("%+v", v)
				}
			}
		})
	}
}

// TestRejectedCostNoMemory: garbage collection must not be what a flood buys.
func TestRejectedCostNoMemory(t *testing.T) {
	us, partner, now := couple(t, Enforce)
	pair(t, us, partner)
	genuine := partner.say(LVSRunning)
	all := append(junk(t, rand.New(rand.NewPCG(1, 2)), partner.guard.Boot()), genuine)
	if n := testing.AllocsPerRun(10, func() {
		for _, b := range all {
			us.guard.Check(b, Public, *now)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
