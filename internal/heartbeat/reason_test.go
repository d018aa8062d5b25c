package heartbeat

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLimiter(t *testing.T) {
	var l Limiter
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		after      time.Duration
		reason     Reason
		suppressed uint64
		ok         bool
	}{
		{0, WrongKey, 0, true},
		{0, WrongKey, 0, false},
		{0, Short, 0, true}, // each kind for itself
		{30 * time.Second, WrongKey, 0, false},
		{30*time.Second - 1, WrongKey, 0, false},
		{1, WrongKey, 3, true},
		{0, Short, 0, true},
		{time.Hour, WrongKey, 0, true},
	} {
		now = now.Add(tt.after)
		if n, ok := l.Allow(tt.reason, now); n != tt.suppressed || ok != tt.ok {
			t.Errorf("%v: Allow(%v) = %d, %v, want %d, %v", now.Unix(), tt.reason, n, ok, tt.suppressed, tt.ok)
		}
	}
}

// TestTexts: those of the original are read by scripts.
func TestTexts(t *testing.T) {
	for r := Reason(1); r < reasons; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no text", r)
		}
	}
	for _, tt := range []struct {
		report Report
		want   string
	}{
		{Report{Reason: Short}, "bad heartbeat packet"},
		{Report{Reason: Incompatible}, "Incompatible heartbeat received -- other system not using identical services"},
		{Report{Reason: Stranger, From: netip.MustParseAddr("2001:db8::1")}, "Unexpected heartbeat from 2001:db8::1"},
		{Report{Reason: ReceiveFailed, Err: unix.ENETDOWN}, "recvfrom() failed: network is down"},
	} {
		if got := tt.report.Text(); got != tt.want {
			t.Errorf("Text = %q, want %q", got, tt.want)
		}
	}
	if !Stranger.Debug() || Short.Debug() {
		t.Error("the original says that in debug mode only")
	}
}
