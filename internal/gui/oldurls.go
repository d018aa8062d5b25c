package gui

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
)

// oldURLs leads the original's addresses to the pages of today: people have bookmarks.
func (s *Server) oldURLs(r chi.Router) {
	pages := map[string]string{
		"/index.html":                    "/control",
		"/about_login.php":               "/login",
		"/secure":                        "/control",
		"/secure/":                       "/control",
		"/secure/control.php":            "/control",
		"/secure/global_settings.php":    "/global",
		"/secure/redundancy.php":         "/redundancy",
		"/secure/virtual_main.php":       "/virtual",
		"/secure/failover_main.php":      "/virtual",
		"/secure/failover_edit_virt.php": "/virtual",
		"/secure/failover.php":           "/virtual",
		"/secure/passwd.php":             "/password",
		"/secure/help.php":               "/help",
		"/secure/introduction.html":      "/introduction",
		"/piranha":                       "/control",
		"/piranha/":                      "/control",
	}
	for from, to := range pages {
		r.Get(from, redirectTo(to))
		if from[1:2] == "s" || from[1:2] == "i" {
			r.Get("/piranha"+from, redirectTo(to))
		}
	}
}

// oldBlocks leads the original's pages about one virtual server to those of today. It knew them by their places in the file.
func (s *Server) oldBlocks(r chi.Router) {
	for from, to := range map[string]string{
		"virtual_edit_virt.php": "/virtual/edit", "virtual_edit_real.php": "/virtual/real", "virtual_edit_real_edit.php": "/virtual/real/edit",
		"virtual_edit_services.php": "/virtual/scripts",
	} {
		handler := func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, s.oldBlock(r, to), http.StatusSeeOther)
		}
		r.Get("/secure/"+from, handler)
		r.Get("/piranha/secure/"+from, handler)
	}
}

// oldBlock is the address of a page about the virtual server, and real server, that were meant.
func (s *Server) oldBlock(r *http.Request, page string) string {
	cfg, err := s.config.current()
	if err != nil {
		return "/virtual"
	}
	place := func(name string) int {
		n, _ := strconv.Atoi(r.URL.Query().Get(name)) // counted from 1; 0 for anything else
		return n - 1
	}
	i := place("selected_host")
	if i < 0 || i >= len(cfg.Virtual) {
		return "/virtual"
	}
	at := cfg.VirtualPath(i)
	if page != "/virtual/real/edit" {
		return pageOf(page, at)
	}
	j := place("selected")
	if j < 0 || j >= len(cfg.Virtual[i].Servers) {
		return pageOf("/virtual/real", at)
	}
	return pageOf(page, cfg.Virtual[i].ServerPath(at, j))
}

func redirectTo(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusMovedPermanently) }
}
