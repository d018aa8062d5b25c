package gui

import (
	"net/http"

	"github.com/piranha-lvs/piranha/internal/gui/form"
)

// Pages of text.

func (s *Server) password(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "password", s.page(r, "Password", "control"))
}

func (s *Server) introduction(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "introduction", s.page(r, "Introduction", ""))
}

// helpView is a glossary of the panels' fields: it is made of the forms, so that the two cannot differ.
type helpView struct {
	page
	Panels []helpPanel
}

type helpPanel struct {
	Name, URL string
	Fields    form.Panel
}

func (s *Server) help(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "help", helpView{page: s.page(r, "Help", ""), Panels: []helpPanel{
		{"Global Settings", "/global", form.Global()},
		{"Redundancy", "/redundancy", form.Redundancy(true)},
		{"Edit virtual server", "/virtual", form.Virtual()},
		{"Edit real server", "/virtual", form.Real()},
		{"Edit monitoring scripts", "/virtual", form.Scripts()},
	}})
}
