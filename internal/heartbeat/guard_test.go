package heartbeat

import (
	"testing"
	"time"
)

// side is one router of a test: its rules, and its guard, which a restart replaces.
type side struct {
	t     testing.TB
	rules Rules
	guard *Guard
	now   *time.Time
}

func newSide(t testing.TB, r Rules, now *time.Time) *side {
	s := &side{t: t, rules: r, now: now}
	s.restart()
	return s
}

func (s *side) restart() {
	g, err := NewGuard(s.rules, *s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	s.guard = g
}

func (s *side) say(k Kind) []byte { return s.guard.Append(nil, Packet{Kind: k}, Public) }

func (s *side) hears(b []byte) Verdict {
	_, v := s.guard.Check(b, Public, *s.now)
	return v
}

func (s *side) rule(change func(*Rules)) {
	change(&s.rules)
	if err := s.guard.SetRules(s.rules, *s.now); err != nil {
		s.t.Fatal(err)
	}
}

// couple returns two routers with a key and the clock both go by.
func couple(t testing.TB, stage Stage) (us, partner *side, now *time.Time) {
	now = new(time.Time)
	*now = time.Unix(1000, 0)
	r := Rules{Service: LVS, Role: Primary, Stage: stage, Key: testKey(t, sampleKey), Hold: 1500 * time.Millisecond, Grace: 6 * time.Second}
	us = newSide(t, r, now)
	r.Role = Backup
	return us, newSide(t, r, now), now
}

// pair lets both hear each other until both are sure.
func pair(t testing.TB, a, b *side) {
	t.Helper()
	var v, w Verdict
	for range 3 {
		v, w = b.hears(a.say(LVSStopped)), a.hears(b.say(LVSStopped))
	}
	if v.Trust != Proven || w.Trust != Proven {
		t.Fatalf("not paired: %+v, %+v", v, w)
	}
}

// verdicts, for short.
var (
	plain    = Verdict{Accepted: true, Decides: true, Trust: Plain}
	proven   = Verdict{Accepted: true, Decides: true, Trust: Proven}
	lateOne  = Verdict{Accepted: true, Trust: Proven}
	lifeSign = Verdict{Accepted: true, Trust: Signed}
)

func reject(r Reason) Verdict { return Verdict{Reason: r} }

func expect(t *testing.T, what string, got, want Verdict) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

// TestStages: what each stage makes of each kind of packet when nothing was heard before.
func TestStages(t *testing.T) {
	original := []byte("\xda\xdb\xad\xbd")
	none := func(r *Rules) { r.Stage, r.Key = Off, nil }
	other := func(r *Rules) { r.Key = testKey(t, "another key of some bytes") }
	for _, tt := range []struct {
		name                     string
		from                     func(*Rules) // nil: an original
		off, permissive, enforce Verdict
	}{
		{"original", nil, plain, Verdict{TookUnsigned, true, true, Plain}, reject(Unsigned)},
		{"no key", none, plain, Verdict{TookUnsigned, true, true, Plain}, reject(Unsigned)},
		{"another key", other, plain, Verdict{TookWrongKey, true, true, Plain}, reject(WrongKey)},
		{"the key", func(*Rules) {}, plain, Verdict{0, true, true, Signed}, lifeSign},
		{"our role", func(r *Rules) { r.Role = Primary }, Verdict{SameRole, true, true, Plain}, Verdict{SameRole, true, true, Signed}, reject(SameRole)},
		{"other service", func(r *Rules) { r.Service = FOS }, reject(Incompatible), reject(Incompatible), reject(Incompatible)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for stage, want := range map[Stage]Verdict{Off: tt.off, Permissive: tt.permissive, Enforce: tt.enforce} {
				us, partner, _ := couple(t, stage)
				b := original
				if tt.from != nil {
					partner.rule(func(r *Rules) { r.Stage = Permissive })
					partner.rule(tt.from)
					kind := LVSRunning
					if partner.rules.Service == FOS {
						kind = FOSRunning
					}
					b = partner.say(kind)
				}
				expect(t, stage.String(), us.hears(b), want)
			}
		})
	}
}

// TestKinds: the original takes STOPME, HOLD and HELD whatever the service (piranha-pulse.md 1.3, step 5).
func TestKinds(t *testing.T) {
	us, _, _ := couple(t, Off)
	for k := LVSRunning; k <= Held; k++ {
		want := plain
		if k == FOSRunning || k == FOSStopped {
			want = reject(Incompatible)
		}
		expect(t, k.String(), us.hears(Append(nil, Packet{Kind: k}, nil)), want)
	}
	expect(t, "short", us.hears([]byte("abc")), reject(Short))
	expect(t, "unknown", us.hears([]byte("abcd")), reject(Incompatible))
	expect(t, "cut off", us.hears(Append(nil, samplePacket(), nil)[:50]), reject(Malformed))
}

func TestPairing(t *testing.T) {
	us, partner, _ := couple(t, Enforce)
	expect(t, "first packet", us.hears(partner.say(LVSRunning)), lifeSign)
	expect(t, "first packet back, which echoes", partner.hears(us.say(LVSStopped)), proven)
	expect(t, "second packet, which echoes", us.hears(partner.say(LVSRunning)), proven)

	a, b, c := partner.say(LVSStopped), partner.say(LVSRunning), partner.say(LVSRunning)
	expect(t, "newest", us.hears(c), proven)
	expect(t, "overtaken", us.hears(a), lateOne)
	expect(t, "overtaken by less", us.hears(b), lateOne)
	for _, again := range [][]byte{a, b, c} {
		expect(t, "again", us.hears(again), reject(Replayed))
	}
	old := partner.say(LVSRunning)
	for range windowSize {
		expect(t, "next", us.hears(partner.say(LVSRunning)), proven)
	}
	expect(t, "a window later", us.hears(old), reject(Replayed))
}

// TestChannels: each has a window of its own, and a packet counts only where it was sent.
func TestChannels(t *testing.T) {
	us, partner, now := couple(t, Enforce)
	pair(t, us, partner)
	slow := partner.guard.Append(nil, Packet{Kind: LVSRunning}, Private)
	moved := partner.guard.Append(nil, Packet{Kind: LVSRunning}, Private)
	for range 2 * windowSize {
		expect(t, "public", us.hears(partner.say(LVSRunning)), proven)
	}
	_, v := us.guard.Check(slow, Private, *now)
	expect(t, "private, much later", v, lateOne)
	expect(t, "moved to the public channel", us.hears(moved), reject(Misdirected))
}

func TestRestarts(t *testing.T) {
	us, partner, now := couple(t, Enforce)
	first := partner.say(LVSRunning)
	pair(t, us, partner)
	withheld := partner.say(LVSRunning)
	last := partner.say(LVSRunning)
	expect(t, "last before the restart", us.hears(last), proven)

	partner.restart()
	expect(t, "partner, restarted", us.hears(partner.say(LVSStopped)), reject(Pairing))
	expect(t, "we, to it", partner.hears(us.say(LVSRunning)), lifeSign) // it may echo the partner before
	partner.hears(us.say(LVSRunning))
	expect(t, "partner, having heard us", us.hears(partner.say(LVSStopped)), proven)
	for _, b := range [][]byte{first, last, withheld} {
		expect(t, "recorded before the partner's restart", us.hears(b), reject(Pairing))
	}

	recorded := partner.say(LVSRunning)
	us.restart()
	expect(t, "recorded before our restart, at first", us.hears(recorded), lifeSign)
	expect(t, "the same again", us.hears(recorded), reject(Replayed))
	*now = now.Add(us.rules.Grace)
	expect(t, "recorded before our restart, later", us.hears(withheld), reject(Pairing))
	pair(t, us, partner)
	expect(t, "recorded before our restart, after pairing", us.hears(recorded), reject(Replayed))
}

// TestSnapshot: a virtual machine set back to an earlier moment cannot take the echo of packets it has yet to send for
// proof: what was recorded meanwhile is in its future.
func TestSnapshot(t *testing.T) {
	us, partner, _ := couple(t, Enforce)
	snapshot := *us.guard
	us.say(LVSStopped)
	partner.hears(us.say(LVSStopped))
	us.guard = &snapshot
	expect(t, "echo from the future", us.hears(partner.say(LVSRunning)), lifeSign)
}

func TestReflection(t *testing.T) {
	for _, stage := range []Stage{Off, Permissive, Enforce} {
		us, _, _ := couple(t, stage)
		expect(t, stage.String(), us.hears(us.say(LVSRunning)), reject(Reflected))
	}
	us, partner, _ := couple(t, Enforce)
	pair(t, us, partner)
	b := us.say(LVSRunning)
	us.restart()
	expect(t, "our own packet, after a restart", us.hears(b), reject(SameRole))
}

// TestSameRole: routers whose lvs.cf differ in who is who hear each other all the same.
func TestSameRole(t *testing.T) {
	us, partner, _ := couple(t, Enforce)
	partner.rule(func(r *Rules) { r.Role = us.rules.Role })
	expect(t, "unproven", us.hears(partner.say(LVSRunning)), reject(SameRole))
	want := Verdict{SameRole, true, true, Proven}
	expect(t, "which echoes", partner.hears(us.say(LVSRunning)), want)
	expect(t, "which echoes, too", us.hears(partner.say(LVSRunning)), want)
	expect(t, "next", us.hears(partner.say(LVSRunning)), want)
}

// TestUnprovenIsReported: but only if it goes on.
func TestUnprovenIsReported(t *testing.T) {
	us, partner, now := couple(t, Enforce)
	*now = now.Add(us.rules.Grace)
	for range pairing {
		expect(t, "at first", us.hears(partner.say(LVSRunning)), reject(Pairing))
	}
	expect(t, "in the end", us.hears(partner.say(LVSRunning)), reject(Unproven))
}

// TestDowngrade: with Permissive, a packet without authentication is forged while the partner sends others, and is the
// partner's own when it no longer does.
func TestDowngrade(t *testing.T) {
	us, partner, now := couple(t, Permissive)
	original := []byte("\xbd\xda\xbd\xad")
	wrong := newSide(t, partner.rules, now)
	wrong.rule(func(r *Rules) { r.Key = testKey(t, "another key of some bytes") })

	expect(t, "before", us.hears(original), Verdict{TookUnsigned, true, true, Plain})
	pair(t, us, partner)
	recorded := partner.say(LVSStopped)
	us.hears(partner.say(LVSRunning))
	expect(t, "forged", us.hears(original), reject(Downgraded))
	expect(t, "forged with a wrong key", us.hears(wrong.say(LVSStopped)), reject(Downgraded))
	*now = now.Add(us.rules.Hold)
	expect(t, "put back to the original", us.hears(original), Verdict{TookUnsigned, true, true, Plain})
	expect(t, "key changed", us.hears(wrong.say(LVSStopped)), Verdict{TookWrongKey, true, true, Plain})
	expect(t, "late", us.hears(recorded), lateOne)
	expect(t, "a late one counts as the partner's", us.hears(original), reject(Downgraded))
}

// TestOffOrder: counters nobody signed put packets in order and do nothing else.
func TestOffOrder(t *testing.T) {
	us, partner, _ := couple(t, Off)
	a, b := partner.say(LVSStopped), partner.say(LVSRunning)
	expect(t, "newer", us.hears(b), plain)
	expect(t, "overtaken", us.hears(a), Verdict{Accepted: true, Trust: Plain})
	forged := Packet{Kind: LVSStopped, Trailer: true, Boot: partner.guard.Boot(), Counter: 1<<64 - 1, Role: Backup, Channel: Public}
	expect(t, "forged", us.hears(Append(nil, forged, nil)), plain)
	expect(t, "the partner after it", us.hears(partner.say(LVSRunning)), plain)
	a, b = partner.say(LVSStopped), partner.say(LVSRunning)
	expect(t, "newer again", us.hears(b), plain)
	expect(t, "overtaken again", us.hears(a), Verdict{Accepted: true, Trust: Plain})
	partner.restart()
	expect(t, "the partner restarted", us.hears(partner.say(LVSRunning)), plain)
}

// TestRollout goes through the stages as an administrator does, one router after the other, without one packet lost.
func TestRollout(t *testing.T) {
	us, partner, now := couple(t, Off)
	check := func(what string) {
		t.Helper()
		for range 4 {
			*now = now.Add(time.Second)
			if v, w := us.hears(partner.say(LVSRunning)), partner.hears(us.say(LVSStopped)); !v.Accepted || !w.Accepted {
				t.Fatalf("%s: %+v, %+v", what, v, w)
			}
		}
	}
	check("off")
	for _, stage := range []Stage{Permissive, Enforce, Permissive} {
		for _, s := range []*side{us, partner} {
			s.rule(func(r *Rules) { r.Stage = stage })
			check(stage.String())
		}
	}
	for _, s := range []*side{us, partner} {
		s.rule(func(r *Rules) { r.Key = testKey(t, "the key of the next year") })
		*now = now.Add(s.rules.Hold)
		check("another key")
	}
	for _, s := range []*side{us, partner} {
		s.rule(func(r *Rules) { r.Stage = Enforce })
		check("enforce again")
	}
	if v := us.hears(partner.say(LVSRunning)); v.Trust != Proven {
		t.Errorf("in the end %+v", v)
	}
}

func TestRules(t *testing.T) {
	good := Rules{Service: LVS, Role: Primary, Stage: Off}
	for name, change := range map[string]func(*Rules){
		"service": func(r *Rules) { r.Service = 0 },
		"role":    func(r *Rules) { r.Role = 3 },
		"stage":   func(r *Rules) { r.Stage = 0 },
		"key":     func(r *Rules) { r.Stage = Enforce },
	} {
		bad := good
		change(&bad)
		if _, err := NewGuard(bad, time.Now()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for s := Off; s <= Enforce; s++ {
		if got, err := ParseStage(s.String()); got != s || err != nil {
			t.Errorf("ParseStage(%v) = %v, %v", s, got, err)
		}
	}
	if _, err := ParseStage("invalid"); err == nil {
		t.Error("ParseStage takes anything")
	}
}
