package gui

import "net/http"

// setupView says how to set the first password.
type setupView struct {
	page
	Refused bool // there is one, stored in a way that is not accepted
	File    string
}

// setup is all there is as long as nobody can sign in.
func (s *Server) setup(w http.ResponseWriter, r *http.Request, refused bool) {
	s.render(w, r, http.StatusServiceUnavailable, "setup", setupView{page: s.page(r, "Set a password", ""), Refused: refused, File: s.opt.PasswdFile})
}
