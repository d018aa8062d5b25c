package election

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bench is one router under test, with the loop's part done by hand.
type bench struct {
	t       *testing.T
	state   State
	now     time.Time
	counter uint64
	boot    uint64 // of the partner
	turn    uint32
}

const (
	second   = time.Second
	deadtime = 3 * time.Second
)

func config(role Role) Config {
	return Config{Role: role, Boot: 7, Keepalive: second, Deadtime: deadtime, BackupActive: true, MonitorLinks: true}
}

func newBench(t *testing.T, c Config) *bench {
	return &bench{t: t, state: New(c), now: time.Unix(1_000_000, 0), boot: 9}
}

// inactive is a router that has heard the partner's RUNNING; original says what kind of router that is.
func inactive(t *testing.T, role Role, original bool) *bench {
	b := newBench(t, config(role))
	b.step(Start{})
	b.step(Deactivated{b.state.op})
	b.hear(original, Running, 0)
	return b
}

// active is a router that serves beside an inactive partner.
func active(t *testing.T, role Role, original bool) *bench {
	b := alone(t, role)
	b.hear(original, Stopped, 0)
	b.wait(10 * second / 4) // announces once more beside an original
	b.hear(original, Stopped, 0)
	return b
}

// alone is a router that serves and has never heard a partner.
func alone(t *testing.T, role Role) *bench {
	b := newBench(t, config(role))
	b.step(Start{})
	b.step(Deactivated{b.state.op})
	b.wait(deadtime)
	b.step(Activated{b.state.op})
	if b.state.Phase != Active {
		t.Fatalf("phase %v, want active", b.state.Phase)
	}
	return b
}

// step passes one event and returns what follows, as text.
func (b *bench) step(e Event) string {
	var actions []Action
	b.state, actions = Step(b.state, e, b.now)
	return show(actions)
}

// hear passes a packet of the partner.
func (b *bench) hear(original bool, k Kind, f Flags) string {
	if original {
		return b.step(Packet{Kind: k})
	}
	b.counter++
	role := Primary + Backup - b.state.Config.Role
	return b.step(Packet{Kind: k, Trailer: true, Boot: b.boot, Counter: b.counter, Flags: f, Role: role, Turn: b.turn})
}

// wait lets time pass, answering the timer and Drain.
func (b *bench) wait(d time.Duration) string {
	var all []string
	until := b.now.Add(d)
	for !b.state.armed.IsZero() && !b.state.armed.After(until) {
		b.now = b.state.armed
		text := b.step(Timer{})
		if strings.Contains(text, "drain") {
			text = join(text, b.step(Drained{}))
		}
		all = append(all, text)
	}
	b.now = until
	return join(all...)
}

func join(parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, "; ")
}

// show writes actions down, without the timer.
func show(actions []Action) string {
	var parts []string
	for _, a := range actions {
		parts = append(parts, showOne(a))
	}
	return join(parts...)
}

func showOne(a Action) string {
	switch a := a.(type) {
	case Send:
		return strings.TrimSpace("send " + a.Kind.String() + strings.Repeat(" x3", a.Copies/3))
	case Activate:
		return fmt.Sprintf("activate %d", a.Reason)
	case Deactivate:
		return fmt.Sprintf("deactivate %d", a.Reason)
	case Announce:
		return "announce"
	case RunActiveCommand:
		return "active_cmd"
	case RestartLvsd:
		return "restart lvsd"
	case Drain:
		return "drain"
	case Log:
		return a.Text
	case Refuse:
		return "refuse"
	case Exit:
		return fmt.Sprintf("exit %d", a.Code)
	}
	return ""
}

// expect compares what followed and where it led.
func (b *bench) expect(what, got, want string, phase Phase) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
	}
	if b.state.Phase != phase {
		b.t.Errorf("%s: phase %v, want %v", what, b.state.Phase, phase)
	}
}

func (b *bench) expectIn(what, got, want string) {
	b.t.Helper()
	if !strings.Contains(got, want) {
		b.t.Errorf("%s: got %q, want it to contain %q", what, got, want)
	}
}

func (b *bench) expectNotIn(what, got, want string) {
	b.t.Helper()
	if strings.Contains(got, want) {
		b.t.Errorf("%s: got %q, want no %q in it", what, got, want)
	}
}
