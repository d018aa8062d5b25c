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
	state, _ := s.changes.Look()
	if state.Draft == nil {
		s.changeRefused(w, r, changes.ErrNoDraft)
		return
	}
	// What is checked is what is applied: the store compares the name again.
	if changes.Sum(state.Draft.Text) != r.PostForm.Get("file") {
		s.changeRefused(w, r, changes.ErrChanged)
		return
	}
	if found := s.check(r, state.Draft.Text); len(found) > 0 {
		s.changesAgain(w, r, http.StatusUnprocessableEntity, "The daemons would refuse this draft: "+plural(len(found), "error")+", listed below.")
		return
	}
	a := changes.Apply{Who: who(r), Comment: r.PostForm.Get("comment")}
	serial, err := s.changes.Apply(r.PostForm.Get("file"), a, trial)
	if err != nil {
		s.changeRefused(w, r, err)
		return
	}
	kv := []string{"serial_no", itoa(serial), "comment", shorten(a.Comment, changes.MaxComment)}
	if trial > 0 {
		kv = append(kv, "trial", trial.String())
	}
	s.audit(r, "applied the draft", kv...)
	changed(w, r, "applied", s.reloaded(r))
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
	if !s.sameTrial(r) {
		s.changeRefused(w, r, changes.ErrNoTrial)
		return
	}
	if err := s.changes.Keep(); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	s.audit(r, "kept what was on trial", "serial_no", r.PostForm.Get("serial"))
	changed(w, r, "kept", nil)
}

// sameTrial tells whether what is on trial is what somebody has seen.
func (s *Server) sameTrial(r *http.Request) bool {
	state, _ := s.changes.Look()
	t := state.Trial()
	return t != nil && itoa(changes.Serial(t.After)) == r.PostForm.Get("serial")
}

// back ends a trial before its time.
func (s *Server) back(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	if !s.sameTrial(r) {
		s.changeRefused(w, r, changes.ErrNoTrial)
		return
	}
	serial, err := s.changes.Back(who(r))
	if err != nil {
		s.changeRefused(w, r, err)
		return
	}
	s.audit(r, "rolled back lvs.cf", "serial_no", itoa(serial))
	changed(w, r, "back", s.reloaded(r))
}
