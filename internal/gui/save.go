package gui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// attempt is what became of a form that was sent.
type attempt struct {
	status   int // of the answer; 0: it can be saved
	errs     form.Errors
	others   []string
	conflict bool
	at       lvscf.Path // where the block is now
	changes  []form.Change
}

// edit makes edits to a document and says what they are.
type edit func(*lvscf.Document) ([]form.Change, error)

// saveForm takes what a browser sent: it is checked as the daemons check it, and goes to the draft if that is still what
// the form was made of. also makes further edits that belong to it; it may be nil.
func (s *Server) saveForm(w http.ResponseWriter, r *http.Request, d *lvscf.Document, t target, also edit) {
	file, err := t.panel.Load(d, t.at)
	if err != nil {
		s.notFound(w, r)
		return
	}
	values, errs := t.panel.Decode(r.PostForm, file)
	a := attempt{status: http.StatusUnprocessableEntity, errs: errs}
	if len(errs) == 0 {
		a = s.try(r, d, t, values, also)
	}
	if a.status == 0 {
		a = s.commit(r, d, a, block(t.at))
	}
	if a.status == 0 {
		redirectSaved(w, r, t.url(a.at), a.changes)
		return
	}
	s.formAgain(w, r, t, values, a)
}

// formAgain shows a form as it was sent, with what keeps it from being saved.
func (s *Server) formAgain(w http.ResponseWriter, r *http.Request, t target, values form.Values, a attempt) {
	d, err := s.open()
	if err != nil {
		s.cannotRead(w, r, err)
		return
	}
	file, err := t.panel.Load(d, t.at)
	if err != nil {
		s.refuse(w, r, http.StatusConflict, "Not saved: somebody else has removed it, or renamed it, meanwhile.")
		return
	}
	v := s.formView(r, d, t)
	v.View = t.panel.ViewOf(values, file, a.errs, nil, false)
	v.Problems, v.Others, v.Conflict = v.View.Problems(), a.others, a.conflict
	s.render(w, r, a.status, t.view, v)
}

// try edits the document and checks it.
func (s *Server) try(r *http.Request, d *lvscf.Document, t target, values form.Values, also edit) attempt {
	if r.PostForm.Get("file") != version(d) {
		return attempt{status: http.StatusConflict, conflict: true}
	}
	lookup, before, err := beginEdit(r, d)
	if err != nil {
		return attempt{status: http.StatusInternalServerError, others: []string{err.Error()}}
	}
	a := attempt{}
	a.at, a.changes, a.errs = t.panel.Apply(d, t.at, values)
	if also != nil && len(a.errs) == 0 {
		more, err := also(d)
		if err != nil {
			return attempt{status: http.StatusUnprocessableEntity, others: []string{err.Error()}}
		}
		a.changes = append(a.changes, more...)
	}
	if len(a.errs) > 0 {
		a.status = http.StatusUnprocessableEntity
		return a
	}
	if fresh := freshErrors(before, d, lookup, t.at, a.at); len(fresh) > 0 {
		a.status = http.StatusUnprocessableEntity
		a.errs, a.others = t.panel.Place(fresh, block(a.at))
	}
	return a
}

// beginEdit finds what is wrong before an edit. A file that was empty begins with its number.
func beginEdit(r *http.Request, d *lvscf.Document) (lvscf.Lookup, lvscf.Findings, error) {
	lookup := lvscf.SystemLookupContext(r.Context(), saveLookup)
	_, before := d.Config(lookup)
	if len(d.Bytes()) > 0 {
		return lookup, before, nil
	}
	return lookup, before, d.Set(lvscf.Path{}, "serial_no", "1")
}

// freshErrors are those that an edit has brought. What was wrong before does not keep anyone from mending something else.
func freshErrors(before lvscf.Findings, d *lvscf.Document, lookup lvscf.Lookup, from, to lvscf.Path) lvscf.Findings {
	_, after := d.Config(lookup)
	if from != to { // the block has another name now
		for i := range before {
			before[i].Block = strings.Replace(before[i].Block, block(from), block(to), 1)
		}
	}
	return form.Fresh(before.Errors(), after.Errors())
}

// redirectSaved shows the form again, after it was saved, by a request of its own: going back or reloading sends nothing twice.
func redirectSaved(w http.ResponseWriter, r *http.Request, to string, changes []form.Change) {
	saved := "draft"
	if len(changes) == 0 {
		saved = "nothing"
	}
	u, err := url.Parse(to)
	if err != nil {
		u = &url.URL{Path: "/control"}
	}
	q := u.Query()
	q.Set("saved", saved)
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// readForm opens the file and reads the form of a request. It has answered if it returns nil.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) *lvscf.Document {
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, http.StatusBadRequest, "The form was not understood, or is too large. Nothing was changed.")
		return nil
	}
	return s.readFile(w, r)
}

// readFile opens the file. It has answered if it returns nil.
func (s *Server) readFile(w http.ResponseWriter, r *http.Request) *lvscf.Document {
	d, err := s.open()
	if err != nil {
		s.cannotRead(w, r, err)
		return nil
	}
	return d
}

// unreadableView says what is wrong with lvs.cf, and what to do about it.
type unreadableView struct {
	page
	Path, Error string
}

func (s *Server) cannotRead(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error("cannot read", "err", err.Error())
	s.render(w, r, http.StatusInternalServerError, "unreadable", unreadableView{page: s.page(r, "Error", ""), Path: s.opt.ConfigFile, Error: err.Error()})
}
