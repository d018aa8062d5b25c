package gui

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// textPage is where the draft is edited as text.
const textPage = "/changes/text"

// textView is the draft as text.
type textView struct {
	page
	File     string
	Text     string
	Problems []string
	Conflict bool
	Unfit    string // why it cannot be edited here
}

func (s *Server) text(w http.ResponseWriter, r *http.Request) {
	d := s.readFile(w, r)
	if d == nil {
		return
	}
	s.render(w, r, http.StatusOK, "text", s.textView(r, d))
}

func (s *Server) textView(r *http.Request, d *lvscf.Document) textView {
	v := textView{page: s.page(r, "Edit as text", ""), File: version(d), Text: string(d.Bytes())}
	if v.Unfit = unfitText(v.Text); v.Unfit != "" {
		v.Text = ""
	}
	return v
}

// unfitText says why a browser would not give a text back as it is; "": it would.
func unfitText(text string) string {
	switch {
	case len(text) > changes.MaxText:
		return "it has more than 4 MB"
	case !utf8.ValidString(text):
		return "it is not UTF-8"
	case strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r"):
		return "it has carriage returns within lines"
	case strings.Contains(text, "\r\n") && strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n"):
		return "it has line ends of two kinds"
	}
	return ""
}

// fromBrowser is what somebody has written, with the line ends that the text had before: a browser sends its own.
func fromBrowser(sent, before string) string {
	text := strings.ReplaceAll(sent, "\r\n", "\n")
	if strings.Contains(before, "\r\n") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// saveText takes what somebody has written.
func (s *Server) saveText(w http.ResponseWriter, r *http.Request) {
	// A form of this kind is as large as what was written: parsing it takes no further limit than the body's.
	if err := r.ParseMultipartForm(maxTextBody); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		s.refuse(w, r, http.StatusBadRequest, "The form was not understood, or is too large. Nothing was changed.")
		return
	}
	d := s.readFile(w, r)
	if d == nil {
		return
	}
	text := fromBrowser(r.PostForm.Get("text"), string(d.Bytes()))
	if text == string(d.Bytes()) {
		http.Redirect(w, r, "/changes", http.StatusSeeOther)
		return
	}
	if a := s.tryText(r, d, text); a.status != 0 {
		v := s.textView(r, d)
		v.Text, v.Problems, v.Conflict = text, a.others, a.conflict
		if !a.conflict { // the next attempt is meant for what is there now
			v.File = r.PostForm.Get("file")
		}
		s.render(w, r, a.status, "text", v)
		return
	}
	changed(w, r, "edited", nil)
}

// tryText makes a text the draft, if the daemons would not refuse it for anything that they would not have refused before.
func (s *Server) tryText(r *http.Request, d *lvscf.Document, text string) attempt {
	if r.PostForm.Get("file") != version(d) {
		return attempt{status: http.StatusConflict, conflict: true}
	}
	lookup := lvscf.SystemLookupContext(r.Context(), saveLookup)
	_, before := d.Config(lookup)
	if err := d.Replace([]byte(text)); err != nil {
		return attempt{status: http.StatusUnprocessableEntity, others: []string{err.Error()}}
	}
	_, after := d.Config(lookup)
	if fresh := form.Fresh(before.Errors(), after.Errors()); len(fresh) > 0 {
		return attempt{status: http.StatusUnprocessableEntity, others: lines(fresh)}
	}
	return s.commit(r, d, attempt{changes: []form.Change{{Key: "as text", New: plural(strings.Count(text, "\n"), "line")}}}, "whole file")
}
