package election

import (
	"testing"
	"time"
)

// TestMutants breaks Step in ways that the judge must find.
func TestMutants(t *testing.T) {
	tests := []struct {
		name   string
		broken stepFunc
	}{
		{"decides before it drains, stalls unnoticed", decidesUnread},
		{"does not notice its own stalls", func(s State, e Event, now time.Time) (State, []Action) {
			s.armed = time.Time{}
			return Step(s, e, now)
		}},
		{"says STOPPED while it deactivates", func(s State, e Event, now time.Time) (State, []Action) {
			s, actions := Step(s, e, now)
			for i, a := range actions {
				if send, ok := a.(Send); ok && s.Phase == Deactivating {
					send.Kind = Stopped
					actions[i] = send
				}
			}
			return s, actions
		}},
		{"never gives way", func(s State, e Event, now time.Time) (State, []Action) {
			role := s.Config.Role
			if _, ok := e.(Packet); ok && s.Phase == Active {
				s.Config.Role, s.Partner.Role = Primary, Backup
				e = withRole(e.(Packet), Backup)
			}
			s, actions := Step(s, e, now)
			s.Config.Role = role
			return s, actions
		}},
		{"does not announce again", without[Announce]},
		{"heeds old packets", func(s State, e Event, now time.Time) (State, []Action) {
			if p, ok := e.(Packet); ok && p.Trailer {
				p.Counter = s.Partner.counter + 1
				e = p
			}
			return Step(s, e, now)
		}},
		{"fails back", func(s State, e Event, now time.Time) (State, []Action) {
			if p, ok := e.(Packet); ok && s.Phase == Inactive && s.Config.Role == Primary && p.Kind == Running {
				p.Kind = Stopped
				e = p
			}
			return Step(s, e, now)
		}},
		{"never believes in a death", without[Drain]},
		{"activates before it is down", func(s State, e Event, now time.Time) (State, []Action) {
			if _, ok := e.(Packet); ok && s.Phase == Deactivating {
				s.Phase = Inactive
			}
			return Step(s, e, now)
		}},
		{"deactivates for a private link", func(s State, e Event, now time.Time) (State, []Action) {
			if l, ok := e.(Link); ok {
				l.Channel = Public
				e = l
			}
			return Step(s, e, now)
		}},
		{"leaves without a farewell", func(s State, e Event, now time.Time) (State, []Action) {
			s, actions := Step(s, e, now)
			if s.Phase == Deactivating && s.Stopping {
				s.Phase = Ended
				actions = append(actions, Exit{0})
			}
			return s, actions
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := 1; seed <= 20000; seed++ {
				if w := simulate(seeded(seed), pairings[0], tt.broken, false); w.failed != "" {
					t.Logf("found by schedule %d: %s", seed, w.failed)
					return
				}
			}
			t.Error("not found")
		})
	}
}

// decidesUnread answers Drain by itself, with the packets still waiting. To notice stalls would help against that.
func decidesUnread(s State, e Event, now time.Time) (State, []Action) {
	s.armed = time.Time{}
	s, actions := Step(s, e, now)
	for _, a := range actions {
		if _, ok := a.(Drain); ok {
			s, rest := Step(s, Drained{}, now)
			return s, append(drop[Drain](actions), rest...)
		}
	}
	return s, actions
}

func withRole(p Packet, r Role) Packet {
	p.Role = r
	return p
}

// without is Step with one kind of action left out.
func without[T Action](s State, e Event, now time.Time) (State, []Action) {
	s, actions := Step(s, e, now)
	return s, drop[T](actions)
}

func drop[T Action](actions []Action) []Action {
	var kept []Action
	for _, a := range actions {
		if _, ok := a.(T); !ok {
			kept = append(kept, a)
		}
	}
	return kept
}
