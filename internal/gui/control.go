package gui

import "net/http"

func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "control", s.page(r, "Control / Monitoring", "control"))
}
