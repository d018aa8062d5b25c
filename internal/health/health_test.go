package health

import (
	"math/rand/v2"
	"testing"
	"time"
)

func rules(interval, reentry int) Rules {
	return Rules{Interval: time.Duration(interval) * time.Second, Reentry: time.Duration(reentry) * time.Second}
}

func TestThreshold(t *testing.T) {
	tests := []struct {
		rules Rules
		want  int
	}{
		{rules(10, 180), 18},
		{rules(6, 15), 2},
		{rules(10, 9), 0},
		{rules(1, 19), 19},
		{rules(10, 10), 1},
		{Rules{Interval: 50 * time.Millisecond, Reentry: time.Second}, 20},
		{Rules{Interval: 300 * time.Millisecond, Reentry: time.Second}, 3},
		{Rules{Interval: time.Second, Reentry: time.Hour, Rise: 1}, 1},
		{Rules{Interval: time.Hour, Reentry: time.Second, Rise: 7}, 7},
	}
	for _, tt := range tests {
		if got := tt.rules.Threshold(); got != tt.want {
			t.Errorf("%v.Threshold() = %d, want %d", tt.rules, got, tt.want)
		}
	}
}

// Checks are written + (passed) and -, changes A, D, R and . for none.
func TestObserve(t *testing.T) {
	tests := []struct {
		name    string
		start   State
		rules   Rules
		checks  string
		changes string
	}{
		{"first success activates", Start(rules(10, 180)), rules(10, 180), "+++", "A.."},
		{"one failure deactivates", Start(rules(10, 180)), rules(10, 180), "+-", "AD"},
		{"re-entry after 18 of 18", Start(rules(10, 180)), rules(10, 180), "+-++++++++++++++++++", "ADR................A"},
		{"re-entry after 2 of 2", Start(rules(6, 15)), rules(6, 15), "+-++", "ADRA"},
		{"a failure in between resets", Start(rules(10, 30)), rules(10, 30), "+-++-+++", "ADR..R.A"},
		{"dead at start", Start(rules(10, 30)), rules(10, 30), "--+++", "..R.A"},
		{"re-entry shorter than interval", Start(rules(10, 9)), rules(10, 9), "+-+-+", "ADADA"},
		{"re-entry of one check", Start(rules(10, 10)), rules(10, 10), "+-+-+", "ADADA"},
		{"known to be down", StartDown(), rules(10, 30), "+++-", "R.AD"},
		{"known to be down, no re-entry", StartDown(), rules(10, 9), "+", "A"},
	}
	for _, tt := range tests {
		if got := changes(tt.start, tt.rules, tt.checks); got != tt.changes {
			t.Errorf("%s: %s gives %s, want %s", tt.name, tt.checks, got, tt.changes)
		}
	}
}

// changes observes checks, written as above, and with W for a server that wavers.
func changes(s State, r Rules, checks string) string {
	letters := map[Change]byte{None: '.', Activate: 'A', Deactivate: 'D', Recover: 'R', Waver: 'W'}
	var got []byte
	for _, check := range checks {
		var c Change
		s, c = s.Observe(check == '+', r)
		got = append(got, letters[c])
	}
	return string(got)
}

func TestRiseFall(t *testing.T) {
	counts := func(rise, fall int) Rules {
		return Rules{Interval: time.Second, Reentry: time.Hour, Rise: rise, Fall: fall}
	}
	tests := []struct {
		name    string
		start   State
		rules   Rules
		checks  string
		changes string
	}{
		{"1 and 1", Start(counts(1, 1)), counts(1, 1), "+-+-", "ADAD"},
		{"three to rise", Start(counts(3, 1)), counts(3, 1), "+-+++-", "ADR.AD"},
		{"a failure in between", Start(counts(3, 1)), counts(3, 1), "-++-+++", ".R..R.A"},
		{"three to fall", Start(counts(1, 3)), counts(1, 3), "+--+---+", "AWW.WWDA"},
		{"both", Start(counts(2, 2)), counts(2, 2), "+--+-++-+--", "AWDR.RAW.WD"},
		{"the first check decides alone, well", Start(counts(9, 9)), counts(9, 9), "+-", "AW"},
		{"the first check decides alone, badly", Start(counts(2, 9)), counts(2, 9), "-++", ".RA"},
		{"known to be down", StartDown(), counts(3, 2), "+++--", "R.AWD"},
		{"known to be down, restarted while rising", StartDown(), counts(3, 2), "++", "R."},
		{"fall 0 is 1", Start(rules(10, 180)), rules(10, 180), "+-", "AD"},
	}
	for _, tt := range tests {
		if got := changes(tt.start, tt.rules, tt.checks); got != tt.changes {
			t.Errorf("%s: %s gives %s, want %s", tt.name, tt.checks, got, tt.changes)
		}
	}
}

// FuzzObserve holds the state machine to what rise and fall promise, counted over the whole history: a server goes into
// service with the first check if that passes, else after rise good ones in a row; and out after fall bad ones in a row.
// Signals may come in between.
func FuzzObserve(f *testing.F) {
	f.Add([]byte("++--+++---+"), uint8(3), uint8(2), false)
	f.Add([]byte("+--r-u-r-d+r+--"), uint8(2), uint8(3), true)
	f.Fuzz(func(t *testing.T, steps []byte, rise, fall uint8, knownDown bool) {
		r := Rules{Interval: time.Second, Reentry: time.Minute, Rise: int(rise), Fall: int(fall)}
		s, alone := Start(r), !knownDown
		if knownDown {
			s = StartDown()
		}
		good, bad, active := 0, 0, false
		for i, step := range steps {
			switch step {
			case 'u', 'd':
				s, _ = s.Force(step == 'u')
				active = step == 'u'
				s, alone = s.Release(r), true // a force ends with a release, and nothing is checked before
				continue
			case 'r':
				s, alone = s.Release(r), true
				continue
			}
			ok := step%2 == 1
			if ok {
				good, bad = good+1, 0
			} else {
				good, bad = 0, bad+1
			}
			want := active
			switch {
			case alone:
				want = ok
			case ok && !active:
				want = good >= max(1, r.Threshold())
			case !ok && active:
				want = bad < max(1, int(fall))
			}
			if alone && ok || !want {
				bad = 0
			}
			var c Change
			before := s
			s, c = s.Observe(ok, r)
			if s.Active != want || (c == Activate) != (want && !active) || (c == Deactivate) != (!want && active) {
				t.Fatalf("step %d of %q, %+v: %+v.Observe(%v) = %+v, %d, want active %v", i, steps, r, before, ok, s, c, want)
			}
			if c == Waver && (!s.Active || ok) || c == Recover && (s.Active || !ok) || c == 0 {
				t.Fatalf("step %d of %q: change %d to %+v", i, steps, c, s)
			}
			active, alone = want, false
		}
	})
}

func TestForce(t *testing.T) {
	r := rules(10, 30)
	tests := []struct {
		name   string
		start  State
		active bool
		want   Change
	}{
		{"down, was up", State{Active: true, Count: 7}, false, Deactivate},
		{"down, was down", State{Count: 1}, false, None},
		{"up, was down", State{}, true, Activate},
		{"up, was up", State{Active: true, Count: 7}, true, None},
	}
	for _, tt := range tests {
		s, got := tt.start.Force(tt.active)
		if got != tt.want || s.Active != tt.active {
			t.Errorf("%s: Force = %+v, %d, want active %v, %d", tt.name, s, got, tt.active, tt.want)
		}
		// Whatever was forced, one good check is enough after the release, and one bad one too.
		s = s.Release(r)
		if up, _ := s.Observe(true, r); !up.Active {
			t.Errorf("%s: a good check after release gives %+v, want active", tt.name, up)
		}
		if down, _ := s.Observe(false, r); down != (State{}) {
			t.Errorf("%s: a bad check after release gives %+v, want down", tt.name, down)
		}
	}
}

// original is the state machine as the reference for the original writes it down, rule by rule.
type original struct {
	t, cnt int
	active bool
}

func (o *original) cycle(avail bool) Change {
	change := None
	if avail {
		o.cnt++
	}
	switch {
	case avail && !o.active && o.cnt >= o.t: // A
		o.active = true
		change = Activate
	case !avail && o.active: // B
		o.cnt = 0
		o.active = false
		change = Deactivate
	case !avail && o.cnt != 0: // C
		o.cnt = 0
	}
	return change
}

func TestLikeOriginal(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		r := rules(1+random.IntN(20), random.IntN(200))
		known := random.IntN(2) == 0
		s, o := StartDown(), original{t: r.Threshold()}
		if !known {
			s, o.cnt = Start(r), o.t
		}
		failures := random.IntN(10)
		for i := range 100 {
			ok := random.IntN(10) >= failures
			before := s
			var got Change
			s, got = s.Observe(ok, r)
			want := o.cycle(ok)
			if got == Recover { // a remark, not a change of the original's
				got = None
			}
			if got != want || s.Active != o.active || s.Count != o.cnt {
				t.Fatalf("%+v, check %d: %+v.Observe(%v) = %+v, %d, want %+v, %d", r, i, before, ok, s, got, o, want)
			}
		}
	}
}

func TestNext(t *testing.T) {
	start := time.Unix(1000, 0)
	r := rules(10, 180)
	tests := []struct {
		now, want time.Duration // after start
	}{
		{0, 10 * time.Second},
		{9 * time.Second, 10 * time.Second},
		{10 * time.Second, 10 * time.Second},
		{17 * time.Second, 17 * time.Second},
		{time.Hour, time.Hour},
	}
	for _, tt := range tests {
		if got := Next(start, start.Add(tt.now), r); !got.Equal(start.Add(tt.want)) {
			t.Errorf("Next after %v is %v after the start, want %v", tt.now, got.Sub(start), tt.want)
		}
	}
}
