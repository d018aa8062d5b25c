package election

import (
	"testing"
	"time"
)

// A pair of fresh routers: the first to hear the other, if it is the primary, serves.
func TestColdStart(t *testing.T) {
	t0 := time.Unix(1000, 0)
	c := Config{Role: Primary, Boot: 1, Keepalive: time.Second, Deadtime: 3 * time.Second, BackupActive: true}
	s, _ := Step(New(c), Start{}, t0)
	s, _ = Step(s, Deactivated{Op: 1}, t0)
	s, actions := Step(s, Packet{Kind: Stopped}, t0.Add(500*time.Millisecond))
	if s.Phase != Activating {
		t.Errorf("phase %v, want activating; actions %v", s.Phase, actions)
	}
}
