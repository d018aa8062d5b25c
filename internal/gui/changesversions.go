package gui

import (
	"net/http"
	"strconv"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// namedText is one of the texts that there are: running is lvs.cf, draft the draft, and a number a version.
type namedText struct {
	Name  string // in addresses
	Title string
	Text  []byte
}

// named finds a text. It has answered if it returns false.
func (s *Server) named(w http.ResponseWriter, r *http.Request, name string) (namedText, bool) {
	switch name {
	case "running", "":
		d, err := lvscf.OpenFile(s.opt.ConfigFile)
		if err != nil {
			s.cannotRead(w, r, err)
			return namedText{}, false
		}
		return namedText{"running", "lvs.cf as it is", d.Bytes()}, true
	case "draft":
		if state, _ := s.changes.Look(); state.Draft != nil {
			return namedText{"draft", "the draft", state.Draft.Text}, true
		}
	default:
		id, err := strconv.Atoi(name)
		if err != nil {
			break
		}
		if text, err := s.changes.Text(id); err == nil {
			return namedText{name, "version " + name + ", serial " + itoa(changes.Serial(text)), text}, true
		}
	}
	s.refuse(w, r, http.StatusNotFound, "There is no such version of lvs.cf (any more).")
	return namedText{}, false
}

// compareView shows how two texts differ.
type compareView struct {
	page
	From, To namedText
	Diff     diffView
}

func (s *Server) compare(w http.ResponseWriter, r *http.Request) {
	from, ok := s.named(w, r, r.URL.Query().Get("from"))
	if !ok {
		return
	}
	to, ok := s.named(w, r, r.URL.Query().Get("to"))
	if !ok {
		return
	}
	s.render(w, r, http.StatusOK, "compare", compareView{page: s.page(r, "Compare", ""), From: from, To: to, Diff: diffOf(from.Text, to.Text)})
}

// download hands out a text as a file.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	text, ok := s.named(w, r, r.URL.Query().Get("which"))
	if !ok {
		return
	}
	name := "lvs.cf"
	if text.Name != "running" {
		name = "lvs-" + text.Name + ".cf"
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(text.Text)))
	_, _ = w.Write(text.Text)
}

// restore makes a version the draft, for somebody to look at and to apply.
func (s *Server) restore(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	text, ok := s.named(w, r, r.PostForm.Get("id"))
	if !ok {
		return
	}
	working, err := s.open()
	if err != nil {
		s.cannotRead(w, r, err)
		return
	}
	state, _ := s.changes.Look()
	if state.Draft != nil {
		s.changesAgain(w, r, http.StatusConflict, "There is a draft already: apply or discard it first.")
		return
	}
	// The number goes on: the other router and pulse compare it.
	old, err := changes.Numbered(text.Text, changes.Serial(working.Bytes()))
	if err != nil {
		s.changeRefused(w, r, err)
		return
	}
	what := "went back to " + text.Title
	if err := s.changes.Edit(version(working), old, changes.Edit{Who: who(r), What: what}); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	s.audit(r, "edited the draft", "changes", what)
	changed(w, r, "restored", nil)
}
