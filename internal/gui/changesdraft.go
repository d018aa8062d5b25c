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
	if err := s.changes.Discard(r.PostForm.Get("file")); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	s.audit(r, "discarded the draft")
	changed(w, r, "discarded", nil)
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
	state, _ := s.changes.Look()
	file, err := lvscf.OpenFile(s.opt.ConfigFile)
	switch {
	case err != nil:
		s.cannotRead(w, r, err)
		return
	case state.Draft == nil:
		s.changeRefused(w, r, changes.ErrNoDraft)
		return
	}
	text, what := state.Draft.Text, "the draft undoes what was changed in lvs.cf meanwhile"
	if r.PostForm.Get("how") == "merge" {
		ok := false
		if text, ok = merged(state.Draft, file.Bytes()); !ok {
			s.changeRefused(w, r, changes.ErrConflict)
			return
		}
		what = "took over what was changed in lvs.cf meanwhile"
	} else if serial := changes.Serial(file.Bytes()); serial > 0 {
		if text, err = changes.Numbered(text, serial); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	err = s.changes.Rebase(r.PostForm.Get("file"), r.PostForm.Get("lvscf"), text, changes.Edit{Who: who(r), What: what})
	if err != nil {
		s.changeRefused(w, r, err)
		return
	}
	s.audit(r, "edited the draft", "changes", what)
	changed(w, r, "adopted", nil)
}
