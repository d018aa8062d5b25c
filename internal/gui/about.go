package gui

import "net/http"

// Pages of text.

func (s *Server) password(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "password", s.page(r, "Password", "control"))
}

func (s *Server) introduction(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "introduction", s.page(r, "Introduction", ""))
}

func (s *Server) help(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "help", s.page(r, "Help", ""))
}
