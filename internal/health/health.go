// Package health decides from the results of checks whether a real server is in service. It is pure: no clock, no log,
// no sockets.
package health

import "time"

// Rules say how results count. The fields are nanny's -t, -a, --rise and --fall; timeout, reentry, rise and fall in lvs.cf.
type Rules struct {
	Interval time.Duration // from one check to the next; more than 0
	Reentry  time.Duration // how long a server that failed must be good before it is used again
	Rise     int           // instead, how many checks in a row it must pass; 0: by Reentry, as the original
	Fall     int           // how many checks in a row a server in service must fail to be taken out; 0 counts like 1
}

// Threshold is how many checks in a row a server that failed must pass: Rise, or Reentry / Interval, rounded down as in
// the original. 0 counts like 1.
func (r Rules) Threshold() int {
	if r.Rise > 0 {
		return r.Rise
	}
	return int(r.Reentry / r.Interval)
}

// State is what is known of one real server. It is comparable; make the first with Start or StartDown.
type State struct {
	Active bool // in service
	Count  int  // checks passed in a row, on top of where the server started
	Failed int  // checks failed in a row while in service, on top of what Release says
}

// Start is the state of a server nothing is known of: the first check that passes puts it into service, so that a
// service does not wait for the re-entry time when the director starts.
func Start(r Rules) State { return State{Count: r.Threshold()} }

// StartDown is the state of a server known to be down, as when its nanny was restarted meanwhile.
func StartDown() State { return State{} }

// Change is what the result of a check brings about. The zero value is invalid.
type Change uint8

// The changes.
const (
	None     Change = iota + 1
	Activate        // put the server into service
	Deactivate
	Recover // the first good check of a server that needs more of them
	Waver   // a bad check of a server that may have more of them before it is put out of service
)

// Observe returns the state after one more check. Rules of the original: one failure puts a server out of service at
// once, unless Fall says otherwise, and every failure starts the count of good checks anew.
func (s State) Observe(ok bool, r Rules) (State, Change) {
	if !ok {
		switch s.Failed++; {
		case !s.Active:
			return State{}, None
		case s.Failed >= r.Fall:
			return State{}, Deactivate
		}
		return State{Active: true, Failed: s.Failed}, Waver
	}
	s.Count++
	s.Failed = 0
	switch {
	case s.Active:
		return s, None
	case s.Count >= r.Threshold():
		s.Active = true
		return s, Activate
	case s.Count == 1:
		return s, Recover
	}
	return s, None
}

// Force puts the server into service or out of it whatever the checks say; the count is untouched, as nobody checks
// while a state is forced.
func (s State) Force(active bool) (State, Change) {
	if s.Active == active {
		return s, None
	}
	s.Active = active
	if active {
		return s, Activate
	}
	return s, Deactivate
}

// Release lets the next check decide alone: the end of a forced state, or of the re-entry wait, on SIGHUP.
func (s State) Release(r Rules) State {
	s.Count, s.Failed = r.Threshold(), max(0, r.Fall-1)
	return s
}

// Next is when the next check begins: at a fixed rate, so that slow replies do not make checks rarer, but not before
// now. Checks that were missed, because one took too long or the machine slept, are not made up for.
func Next(previous, now time.Time, r Rules) time.Time {
	if next := previous.Add(r.Interval); next.After(now) {
		return next
	}
	return now
}
