package gui

import (
	"errors"
	"io/fs"
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
	text, err := s.findText(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.refuse(w, r, http.StatusNotFound, "There is no such version of lvs.cf (any more).")
	case err != nil:
		s.cannotRead(w, r, err)
	}
	return text, err == nil
}

// findText finds a text; fs.ErrNotExist: there is none of that name.
func (s *Server) findText(name string) (namedText, error) {
	switch name {
	case "running", "":
		d, err := lvscf.OpenFile(s.opt.ConfigFile)
		if err != nil {
			return namedText{}, err
		}
		return namedText{"running", "lvs.cf as it is", d.Bytes()}, nil
	case "draft":
		if state, _ := s.changes.Look(); state.Draft != nil {
			return namedText{"draft", "the draft", state.Draft.Text}, nil
		}
	default:
		id, err := strconv.Atoi(name)
		if err != nil {
			break
		}
		if text, err := s.changes.Text(id); err == nil {
			return namedText{name, "version " + name + ", serial " + itoa(changes.Serial(text)), text}, nil
		}
	}
	return namedText{}, fs.ErrNotExist
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
	if err := s.restoreText(r, text); err != nil {
		s.changeRefused(w, r, err)
		return
	}
	changed(w, r, "restored", nil)
}

var errHasDraft = errors.New("there is a draft already: apply or discard it first")

// restoreText makes a text the draft, unless there is one.
func (s *Server) restoreText(r *http.Request, text namedText) error {
	if state, _ := s.changes.Look(); state.Draft != nil {
		return errHasDraft
	}
	working, err := s.open()
	if err != nil {
		return err
	}
	// The number goes on: the other router and pulse compare it.
	old, err := changes.Numbered(text.Text, changes.Serial(working.Bytes()))
	if err != nil {
		return err
	}
	what := "went back to " + text.Title
	if err := s.changes.Edit(version(working), old, changes.Edit{Who: who(r), What: what}); err != nil {
		return err
	}
	s.audit(r, "edited the draft", "changes", what)
	return nil
}
