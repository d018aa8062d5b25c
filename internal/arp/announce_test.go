package arp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder stands for devices: it notes what is sent, and when.
type recorder struct {
	began time.Time
	sent  []string
	after func() // called in every send
	fail  map[string]error
}

func (r *recorder) announcer() Announcer {
	r.began = time.Now()
	return Announcer{MAC: r.mac, Send: r.send}
}

func (r *recorder) mac(dev string) ([6]byte, error) { return testMAC, r.fail["mac "+dev] }

func (r *recorder) send(dev string, frame []byte) error {
	kind := "arp"
	if frame[12] == 0x86 {
		kind = fmt.Sprintf("na %#x", frame[58])
	}
	r.sent = append(r.sent, fmt.Sprintf("%v %s %s", time.Since(r.began), dev, kind))
	if r.after != nil {
		r.after()
	}
	return r.fail["send "+dev]
}

func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.sent, want) {
		t.Errorf("sent:\n%s\nwant:\n%s", strings.Join(r.sent, "\n"), strings.Join(want, "\n"))
	}
}

var front = Target{Addr: ip("192.0.2.80"), Dev: "front"}

func TestAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		a := r.announcer()
		done := 0
		a.Announce(t.Context(), []Target{front, {Addr: ip("2001:db8::80"), Dev: "back", Router: true}}, Options{Done: func() {
			done++
			if got, want := time.Since(r.began), 5*time.Second; got != want {
				t.Errorf("done after %v, want %v", got, want)
			}
		}})
		if done != 1 {
			t.Errorf("done %d times, want once", done)
		}
		var want []string
		for _, at := range []string{"0s", "1s", "2s", "3s", "4s"} {
			want = append(want, at+" front arp", at+" back na 0xa0")
		}
		r.expect(t, want...)
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		a := r.announcer()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		a.Announce(ctx, []Target{front}, Options{Refresh: DefaultRefresh})
		if got, want := time.Since(r.began), 3*time.Minute; got != want {
			t.Errorf("ended after %v, want %v", got, want)
		}
		r.expect(t, "0s front arp", "1s front arp", "2s front arp", "3s front arp", "4s front arp", "1m4s front arp", "2m4s front arp")
	})
}

func TestNothingToAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		done := false
		r.announcer().Announce(t.Context(), nil, Options{Refresh: time.Minute, Done: func() { done = true }})
		r.expect(t)
		if !done {
			t.Error("done was not called")
		}
	})
}

// Another router may have the address the moment after ctx is done.
func TestNothingAfterTheEnd(t *testing.T) {
	targets := []Target{front, {Addr: ip("192.0.2.81"), Dev: "front"}}
	for _, tt := range []struct {
		name   string
		sends  int // before the end
		inMAC  bool
		wanted int
	}{
		{"before the first", 0, false, 0},
		{"in the middle of a round", 1, false, 1},
		{"at the end of a round", 2, false, 2},
		{"in a refresh", 11, false, 11},
		{"while the device is asked", 0, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r.after = func() {
					if len(r.sent) == tt.sends {
						cancel()
					}
				}
				a := r.announcer()
				switch {
				case tt.inMAC:
					a.MAC = func(dev string) ([6]byte, error) { cancel(); return r.mac(dev) }
				case tt.sends == 0:
					cancel()
				}
				a.Announce(ctx, targets, Options{Refresh: time.Minute, Failed: func(target Target, err error) { t.Errorf("%v: %v", target, err) }})
				if len(r.sent) != tt.wanted {
					t.Errorf("%d frames, want %d: %q", len(r.sent), tt.wanted, r.sent)
				}
			})
		})
	}
}

// The end of ctx and the end of a wait at the same moment: nothing is sent, whichever the runtime sees first.
func TestEndWithTheWait(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			var r recorder
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			r.announcer().Announce(ctx, []Target{front}, Options{})
			if len(r.sent) > 3 { // the timers of one instant fire in any order
				t.Fatalf("sent: %q", r.sent)
			}
			for _, s := range r.sent {
				if s >= "3s" {
					t.Fatalf("sent: %q", r.sent)
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		r := recorder{fail: map[string]error{"mac gone": broken, "send down": broken}}
		var failed []string
		r.announcer().Announce(t.Context(), []Target{{Addr: ip("192.0.2.1"), Dev: "gone"}, {Addr: ip("192.0.2.2"), Dev: "down"}, front}, Options{
			Failed: func(target Target, err error) {
				if !errors.Is(err, broken) {
					t.Errorf("%v does not wrap the reason", err)
				}
				failed = append(failed, target.Dev+": "+err.Error())
			},
		})
		// All others are announced all the same, and every round tries again.
		if got := strings.Count(strings.Join(r.sent, "\n"), "front arp"); got != copies {
			t.Errorf("%d announcements, want %d", got, copies)
		}
		want := []string{"gone: announce 192.0.2.1 on gone: broken", "down: announce 192.0.2.2 on down: broken"}
		if len(failed) != copies*len(want) || !slices.Equal(failed[:2], want) {
			t.Errorf("failed: %q, want %d times %q", failed, copies, want)
		}
		// Without Failed nobody hears of it.
		r.announcer().Announce(t.Context(), []Target{{Addr: ip("192.0.2.1"), Dev: "gone"}}, Options{})
	})
}
