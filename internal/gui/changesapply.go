package gui

import (
	"net/http"
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// apply puts the draft in the place of lvs.cf, and has pulse read it.
func (s *Server) apply(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	trial, ok := trialTime(r)
	if !ok {
		s.changesAgain(w, r, http.StatusUnprocessableEntity, "A trial lasts 10 to 3600 seconds.")
		return
	}
	if err := s.applyDraft(r, r.PostForm.Get("file"), r.PostForm.Get("comment"), trial); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	changed(w, r, "applied", s.reloaded(r))
}

// refusedDraft says that the daemons would not take a draft.
type refusedDraft struct{ found lvscf.Findings }

func (e *refusedDraft) Error() string {
	return "the daemons would refuse this draft: " + e.found.Error()
}

// applyDraft puts the draft that was named file in the place of lvs.cf. trial is how long it is on trial; 0: it is not.
func (s *Server) applyDraft(r *http.Request, file, comment string, trial time.Duration) error {
	state, _ := s.changes.Look()
	if state.Draft == nil {
		return changes.ErrNoDraft
	}
	// What is checked is what is applied: the store compares the name again.
	if changes.Sum(state.Draft.Text) != file {
		return changes.ErrChanged
	}
	if found := s.check(r, state.Draft.Text); len(found) > 0 {
		return &refusedDraft{found}
	}
	serial, err := s.changes.Apply(file, changes.Apply{Who: who(r), Comment: comment}, trial)
	if err != nil {
		return err
	}
	kv := []string{"serial_no", itoa(serial), "comment", shorten(comment, changes.MaxComment)}
	if trial > 0 {
		kv = append(kv, "trial", trial.String())
	}
	s.audit(r, "applied the draft", kv...)
	return nil
}

// check returns the errors of a text, as the daemons find them.
func (s *Server) check(r *http.Request, text []byte) lvscf.Findings {
	d, err := lvscf.Parse(s.opt.ConfigFile, text)
	if err != nil {
		return lvscf.Findings{{File: s.opt.ConfigFile, Severity: lvscf.Error, Text: err.Error()}}
	}
	_, found := d.Config(lvscf.SystemLookupContext(r.Context(), saveLookup))
	return found.Errors()
}

// reloaded has pulse read lvs.cf, and logs what keeps it from that.
func (s *Server) reloaded(r *http.Request) error {
	err := s.reload(r.Context())
	if err != nil {
		s.log.Error(notReloaded(err))
	}
	return err
}

// trialTime is how long what is applied is on trial; 0: it is not.
func trialTime(r *http.Request) (time.Duration, bool) {
	if r.PostForm.Get("try") == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(r.PostForm.Get("seconds"), 10, 16)
	d := time.Duration(n) * time.Second
	return d, err == nil && d >= changes.MinTrial && d <= changes.MaxTrial
}

// keep ends a trial well.
func (s *Server) keep(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	if err := s.keepTrial(r, r.PostForm.Get("serial")); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	changed(w, r, "kept", nil)
}

// keepTrial keeps what is on trial, if that has the serial that somebody has seen.
func (s *Server) keepTrial(r *http.Request, serial string) error {
	if !s.sameTrial(serial) {
		return changes.ErrNoTrial
	}
	if err := s.changes.Keep(); err != nil {
		return err
	}
	s.audit(r, "kept what was on trial", "serial_no", serial)
	return nil
}

// sameTrial tells whether what is on trial is what somebody has seen.
func (s *Server) sameTrial(serial string) bool {
	state, _ := s.changes.Look()
	t := state.Trial()
	return t != nil && itoa(changes.Serial(t.After)) == serial
}

// back ends a trial before its time.
func (s *Server) back(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	if err := s.endTrial(r, r.PostForm.Get("serial")); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	changed(w, r, "back", s.reloaded(r))
}

// endTrial rolls back what is on trial, if that has the serial that somebody has seen.
func (s *Server) endTrial(r *http.Request, serial string) error {
	if !s.sameTrial(serial) {
		return changes.ErrNoTrial
	}
	now, err := s.changes.Back(who(r))
	if err != nil {
		return err
	}
	s.audit(r, "rolled back lvs.cf", "serial_no", itoa(now))
	return nil
}
