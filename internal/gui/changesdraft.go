package gui

import (
	"net/http"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/diff"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// discardView asks whether to forget the draft.
type discardView struct {
	page
	File           string
	Draft          changes.Draft
	Added, Removed int
}

func (s *Server) askToDiscard(w http.ResponseWriter, r *http.Request) {
	state, _ := s.changes.Look()
	if state.Draft == nil {
		http.Redirect(w, r, "/changes", http.StatusSeeOther)
		return
	}
	v := discardView{page: s.page(r, "Changes", ""), Draft: *state.Draft, File: changes.Sum(state.Draft.Text)}
	v.Added, v.Removed = diff.Count(diff.Lines(string(state.Draft.Base), string(state.Draft.Text)))
	s.render(w, r, http.StatusOK, "discard", v)
}

func (s *Server) discard(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	if err := s.discardDraft(r, r.PostForm.Get("file")); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	changed(w, r, "discarded", nil)
}

// discardDraft forgets the draft that was named file.
func (s *Server) discardDraft(r *http.Request, file string) error {
	if err := s.changes.Discard(file); err != nil {
		return err
	}
	s.audit(r, "discarded the draft")
	return nil
}

// merged is what lvs.cf would be with what the draft changes and what somebody else has changed; false if that contradicts
// itself. The number of the file counts as no change of either, unless the draft has one of its own.
func merged(d *changes.Draft, file []byte) ([]byte, bool) {
	base, draft := d.Base, d.Text
	if now := changes.Serial(file); now > 0 && changes.Serial(base) == changes.Serial(draft) {
		was, err := changes.Numbered(base, now)
		mine, err2 := changes.Numbered(draft, now)
		if err == nil && err2 == nil {
			base, draft = was, mine
		}
	}
	text, ok := diff.Merge(string(base), string(draft), string(file))
	if _, err := lvscf.Parse("lvs.cf", []byte(text)); err != nil {
		return nil, false
	}
	return []byte(text), ok
}

// adopt makes the draft one of lvs.cf as it is now: together with what somebody else has changed in it, or instead of that.
func (s *Server) adopt(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	form := r.PostForm
	if err := s.adoptFile(r, form.Get("file"), form.Get("lvscf"), form.Get("how") == "merge"); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	changed(w, r, "adopted", nil)
}

// adoptFile has the draft that was named draft fit the lvs.cf that was named file: by taking over what was changed in that, or
// by undoing it.
func (s *Server) adoptFile(r *http.Request, draft, file string, merge bool) error {
	state, _ := s.changes.Look()
	if state.Draft == nil {
		return changes.ErrNoDraft
	}
	current, err := lvscf.OpenFile(s.opt.ConfigFile)
	if err != nil {
		return err
	}
	text, what := state.Draft.Text, "the draft undoes what was changed in lvs.cf meanwhile"
	if merge {
		ok := false
		if text, ok = merged(state.Draft, current.Bytes()); !ok {
			return changes.ErrConflict
		}
		what = "took over what was changed in lvs.cf meanwhile"
	} else if serial := changes.Serial(current.Bytes()); serial > 0 {
		if text, err = changes.Numbered(text, serial); err != nil {
			return err
		}
	}
	if err := s.changes.Rebase(draft, file, text, changes.Edit{Who: who(r), What: what}); err != nil {
		return err
	}
	s.audit(r, "edited the draft", "changes", what)
	return nil
}
