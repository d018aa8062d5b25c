package lvs

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestShareAfter(t *testing.T) {
	for _, tt := range []struct {
		elapsed, whole time.Duration
		want           int
	}{
		{0, time.Minute, 1}, {-time.Second, time.Minute, 1}, {30 * time.Second, time.Minute, 50}, {59900 * time.Millisecond, time.Minute, 99},
		{time.Minute, time.Minute, 0}, {time.Hour, time.Minute, 0}, {0, 0, 0}, {5, 0, 0},
	} {
		if got := shareAfter(tt.elapsed, tt.whole); got != tt.want {
			t.Errorf("shareAfter(%v, %v) = %d, want %d", tt.elapsed, tt.whole, got, tt.want)
		}
	}
}

func TestPart(t *testing.T) {
	for _, tt := range []struct{ weight, share, want int }{
		{10, 0, 10}, {10, 50, 5}, {10, 1, 1}, {1, 50, 1}, {0, 50, 0}, {65535, 99, 64879},
	} {
		if got := part(tt.weight, tt.share); got != tt.want {
			t.Errorf("part(%d, %d) = %d, want %d", tt.weight, tt.share, got, tt.want)
		}
	}
}

// TestSlowStart: a server that comes back gets its weight little by little; what it has cannot be seen to fall but when it fails.
func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.NewReplacer("scheduler = rr", "scheduler = wlc\n\tslow_start = 10", "address = 10.0.0.1", "address = 10.0.0.1\n\t\tweight = 20").Replace(two)
		b := newBed(t, text, nil)
		tick := func() { time.Sleep(verifyInterval); synctest.Wait() }
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		b.wantWrites("-A -t 192.0.2.1:80 -s wlc", "-a "+rowA+" -m -w 20", "-a "+rowB+" -m -w 1")
		b.say("10.0.0.1", "down connect refused")
		b.kernel.took()
		b.say("10.0.0.1", "up")
		b.wantWrites("-a " + rowA + " -m -w 1")
		last := 1
		for range 9 {
			tick()
			now := b.real(0).Now
			if now <= last {
				t.Errorf("weight %d after %d", now, last)
			}
			last = now
			b.wantWrites(fmt.Sprintf("-e %s -m -w %d", rowA, now))
		}
		tick()
		tick()
		if s := b.real(0); s.Now != 20 || s.Share != 0 {
			t.Errorf("in the end: %+v", s)
		}
		b.kernel.took()
		b.order("a", "maint", "", "", "-d "+rowA)
		b.order("a", "ready", "", "", "-a "+rowA+" -m -w 1")
		tick()
		b.write(strings.Replace(text, "slow_start = 10", "", 1))
		b.hups <- nil
		synctest.Wait()
		tick()
		if s := b.real(0); s.Now != 20 || s.Share != 0 {
			t.Errorf("without slow_start: %+v", s)
		}
		b.stop()
	})
}
