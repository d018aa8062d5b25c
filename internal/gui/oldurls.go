package gui

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// oldURLs leads the original's addresses to the pages of today: people have bookmarks.
func (s *Server) oldURLs(r chi.Router) {
	pages := map[string]string{
		"/index.html":                        "/control",
		"/about_login.php":                   "/login",
		"/secure":                            "/control",
		"/secure/":                           "/control",
		"/secure/control.php":                "/control",
		"/secure/global_settings.php":        "/global",
		"/secure/redundancy.php":             "/redundancy",
		"/secure/virtual_main.php":           "/virtual",
		"/secure/virtual_edit_virt.php":      "/virtual",
		"/secure/virtual_edit_real.php":      "/virtual",
		"/secure/virtual_edit_real_edit.php": "/virtual",
		"/secure/virtual_edit_services.php":  "/virtual",
		"/secure/failover_main.php":          "/virtual",
		"/secure/failover_edit_virt.php":     "/virtual",
		"/secure/failover.php":               "/virtual",
		"/secure/passwd.php":                 "/password",
		"/secure/help.php":                   "/help",
		"/secure/introduction.html":          "/introduction",
		"/piranha":                           "/control",
		"/piranha/":                          "/control",
	}
	for from, to := range pages {
		r.Get(from, redirectTo(to))
		if from[1:2] == "s" || from[1:2] == "i" {
			r.Get("/piranha"+from, redirectTo(to))
		}
	}
}

func redirectTo(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusMovedPermanently) }
}
