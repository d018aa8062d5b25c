package gui

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// changePages are those about the draft and the versions of lvs.cf.
func (s *Server) changePages(r chi.Router) {
	r.Get("/changes", s.changesPage)
	r.Post("/changes/apply", s.apply)
	r.Get("/changes/discard", s.askToDiscard)
	r.Post("/changes/discard", s.discard)
	r.Post("/changes/adopt", s.adopt)
	r.Post("/changes/keep", s.keep)
	r.Post("/changes/back", s.back)
	r.Get("/changes/compare", s.compare)
	r.Get("/changes/download", s.download)
	r.Post("/changes/restore", s.restore)
	r.Get(textPage, s.text)
	r.Post(textPage, s.saveText)
}

// defaultTrial is how long a trial lasts if nobody says otherwise, in seconds.
const defaultTrial = 60

// changesView is the page about the draft.
type changesView struct {
	page
	Draft    *draftView
	Trial    *trialView
	Serial   string  // of lvs.cf
	InForce  inForce // lvs.cf is
	Done     string  // what the page before this one did
	Reload   string  // why pulse was not told
	Problems []string
	Versions []versionRow // the newest first
	Unknown  bool         // lvs.cf is none of them
	Comment  string
	Seconds  int // of a trial
	Try      bool
}

// draftView is the draft.
type draftView struct {
	changes.Draft
	File             string // its name in forms
	Last             []changes.Edit
	More             int // edits that are not in Last
	Diff             diffView
	Errors, Warnings []string
	Theirs           *diffView // what somebody else has done to lvs.cf meanwhile; nil: nothing
	LvsCf            string    // name of lvs.cf in forms
	Mergeable        bool
	First            bool // there was no lvs.cf
}

// trialView is what is on trial.
type trialView struct {
	changes.Apply
	Serial, Was   int64
	Left          time.Duration
	Part          int // of the time that is left, 0 to 600
	Before, After string
}

// versionRow is a version in the list.
type versionRow struct {
	changes.Version
	Class   string // of Result
	Current bool   // it is lvs.cf
}

func (s *Server) changesPage(w http.ResponseWriter, r *http.Request) {
	v, err := s.changesView(r)
	if err != nil {
		s.cannotRead(w, r, err)
		return
	}
	query := r.URL.Query()
	v.Done = query.Get("done")
	v.Reload = query.Get("reload")
	if v.Reload != "" { // a text of ours, not of whoever wrote the link
		v.Reload = "pulse was not told to read lvs.cf; the log says why."
	}
	s.render(w, r, http.StatusOK, "changes", v)
}

// maxShown is how many edits a page lists.
const maxShown = 10

func (s *Server) changesView(r *http.Request) (*changesView, error) {
	file, err := lvscf.OpenFile(s.opt.ConfigFile)
	if err != nil {
		return nil, err
	}
	state, versions := s.changes.Look()
	v := &changesView{page: s.page(r, "Changes", ""), InForce: s.inForceNow(r.Context()), Seconds: defaultTrial}
	sum := changes.Sum(file.Bytes())
	v.Serial = itoa(changes.Serial(file.Bytes()))
	v.Unknown = len(file.Bytes()) > 0 && versions.Last().Sum != sum
	for _, version := range slices.Backward(versions) {
		v.Versions = append(v.Versions, versionRow{version, resultClass(version.Result), version.Sum == sum && version.ID == versions.Last().ID})
	}
	if state.Draft != nil {
		v.Draft = s.draftView(r, state.Draft, file)
	}
	if t := state.Trial(); t != nil {
		v.Trial = newTrialView(t, v.Now)
		v.Refresh = "5"
	}
	return v, nil
}

func newTrialView(t *changes.Apply, now time.Time) *trialView {
	v := &trialView{Apply: *t, Serial: changes.Serial(t.After), Was: changes.Serial(t.Before), Left: max(t.Confirm.Sub(now), 0).Round(time.Second)}
	if all := t.Confirm.Sub(t.At); all > 0 {
		v.Part = int(600 * min(float64(v.Left)/float64(all), 1))
	}
	return v
}

func resultClass(result string) string {
	switch result {
	case changes.Applied, changes.Kept:
		return "up"
	case changes.Outside:
		return "hold"
	case changes.Found:
		return "off"
	}
	return "warn"
}

func (s *Server) draftView(r *http.Request, d *changes.Draft, file *lvscf.Document) *draftView {
	v := &draftView{
		Draft: *d, File: changes.Sum(d.Text), First: len(d.Base) == 0, LvsCf: changes.Sum(file.Bytes()),
		Last: slices.Clone(d.Edits[max(0, len(d.Edits)-maxShown):]), Diff: diffOf(d.Base, d.Text),
	}
	slices.Reverse(v.Last)
	v.More = len(d.Edits) - len(v.Last)
	lookup := lvscf.SystemLookupContext(r.Context(), showLookup)
	if text, err := lvscf.Parse(s.opt.ConfigFile, d.Text); err == nil {
		_, found := text.Config(lookup)
		v.Errors = lines(found.Errors())
		v.Warnings = lines(form.Fresh(s.warningsOf(d.Base, lookup), found.Warnings()))
	}
	if string(file.Bytes()) != string(d.Base) {
		theirs := diffOf(d.Base, file.Bytes())
		v.Theirs = &theirs
		_, v.Mergeable = merged(d, file.Bytes())
	}
	return v
}

func (s *Server) warningsOf(text []byte, lookup lvscf.Lookup) lvscf.Findings {
	d, err := lvscf.Parse(s.opt.ConfigFile, text)
	if err != nil {
		return nil
	}
	_, found := d.Config(lookup)
	return found.Warnings()
}

// maxFindings is how many findings a page lists.
const maxFindings = 50

// lines are findings, one a line, without the name of the file.
func lines(found lvscf.Findings) []string {
	var list []string
	for i, f := range found {
		if i == maxFindings {
			return append(list, plural(len(found)-i, "more finding")+".")
		}
		where := ""
		if f.Line > 0 {
			where = "line " + strconv.Itoa(f.Line) + ": "
		}
		f.File, f.Line, f.Severity = "", 0, lvscf.Error
		list = append(list, where+f.String()[len(": "):])
	}
	return list
}

// changesAgain shows the page with what kept something from being done.
func (s *Server) changesAgain(w http.ResponseWriter, r *http.Request, status int, problems ...string) {
	v, err := s.changesView(r)
	if err != nil {
		s.cannotRead(w, r, err)
		return
	}
	v.Problems = problems
	v.Comment, v.Try = shorten(r.PostForm.Get("comment"), changes.MaxComment), r.PostForm.Get("try") != ""
	if n, err := strconv.Atoi(r.PostForm.Get("seconds")); err == nil {
		v.Seconds = n
	}
	s.render(w, r, status, "changes", v)
}

// changeRefused answers what could not be done for an error of package changes.
func (s *Server) changeRefused(w http.ResponseWriter, r *http.Request, err error) {
	if text := changeProblem(err); text != "" {
		s.changesAgain(w, r, http.StatusConflict, text)
		return
	}
	var refused *refusedDraft
	switch {
	case errors.As(err, &refused):
		s.changesAgain(w, r, http.StatusUnprocessableEntity, "The daemons would refuse this draft: "+plural(len(refused.found), "error")+", listed below.")
		return
	case errors.Is(err, errHasDraft):
		s.changesAgain(w, r, http.StatusConflict, sentence(err.Error()))
		return
	}
	s.log.Error("cannot change lvs.cf", "err", err.Error())
	s.changesAgain(w, r, http.StatusInternalServerError, "It could not be done: "+err.Error()+".")
}

// changeProblem says what an error of package changes means for whoever wanted the change; "" for other errors.
func changeProblem(err error) string {
	for known, text := range map[error]string{
		changes.ErrChanged:  "Somebody else has changed the draft meanwhile. This is how it is now: look again.",
		changes.ErrNoDraft:  "There is no draft any more: somebody else has applied or discarded it.",
		changes.ErrConflict: "lvs.cf was changed by someone else since the draft was begun. What they did is below.",
		changes.ErrTrial:    "Changes are on trial: keep them or roll them back first.",
		changes.ErrNoTrial:  "No changes are on trial any more: somebody else has kept them or rolled them back, or the time was over.",
		changes.ErrNoBefore: "There was no lvs.cf before: a trial has nothing to go back to.",
		changes.ErrTooLarge: "lvs.cf is too large to be edited here: it has more than 4 MB.",
	} {
		if errors.Is(err, known) {
			return text
		}
	}
	return ""
}

// parse reads the form of a request. It has answered if it returns false.
func (s *Server) parse(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, http.StatusBadRequest, "The form was not understood, or is too large. Nothing was changed.")
		return false
	}
	return true
}

// changed shows the page again after something was done.
func changed(w http.ResponseWriter, r *http.Request, done string, reload error) {
	to := "/changes?done=" + done
	if reload != nil {
		to += "&reload=failed"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
