package gui

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// routes are all pages of a server by method.
func routes(t *testing.T, s *Server) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	r := chi.NewRouter()
	s.oldURLs(r)
	old := map[string]bool{}
	_ = chi.Walk(r, func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		old[route] = true
		return nil
	})
	err := chi.Walk(s.router(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !old[route] && !forProgram(&http.Request{URL: mustURL(t, route)}) && !strings.HasPrefix(route, "/static/") && route != "/login" && route != "/logout" {
			all[method] = append(all[method], route)
		}
		return nil
	})
	if err != nil || len(all[http.MethodGet]) < 10 || len(all[http.MethodPost]) < 5 {
		t.Fatalf("routes = %v, %v", all, err)
	}
	return all
}

// TestSignInRequired: no page shows or does anything for somebody who has not signed in.
func TestSignInRequired(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.browser()
	for method, pages := range routes(t, s.server) {
		for _, page := range pages {
			a := b.do(method, page+"?v=web&s=a", strings.NewReader("action=add"), "Content-Type", "application/x-www-form-urlencoded")
			if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login") || strings.Contains(a.body, "192.0.2") {
				t.Errorf("%s %s: %d to %q", method, page, a.status, a.header.Get("Location"))
			}
		}
	}
	if s.read("lvs.cf") != twoServers {
		t.Error("the file was changed")
	}
}

// TestReadingWritesNothing: no GET, with whatever parameters, changes a file.
func TestReadingWritesNothing(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	file := hidden.FindStringSubmatch(b.get("/global").body)[1]
	b.drafted(b.send("/global", "tcp_timeout", "7"), "draft")
	made := s.files()
	before, err := os.Stat(s.path("lvs.cf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range routes(t, s.server)[http.MethodGet] {
		for _, query := range []url.Values{
			{}, {"v": {"web"}}, {"v": {"web"}, "s": {"a"}},
			{"v": {"web"}, "s": {"a"}, "file": {file}, "action": {"delete"}, "confirm": {"1"}, "host": {"v=web"}, "PriLVSIP": {"1.2.3.4"}, "weight": {"9"}},
			{"file": {file}, "action": {"enable"}}, {"file": {file}, "action": {"add"}, "name": {"x"}},
			{"virtual_service": {"ADD"}, "selected_host": {"1"}},
		} {
			if a := b.get(page + "?" + query.Encode()); a.status >= http.StatusInternalServerError && a.status != http.StatusServiceUnavailable {
				t.Errorf("%s?%s: %d", page, query.Encode(), a.status)
			}
		}
	}
	after, err := os.Stat(s.path("lvs.cf"))
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || s.read("lvs.cf") != twoServers {
		t.Errorf("the file was written: %v", err)
	}
	if now := s.files(); now != made {
		t.Errorf("files were made or changed: %s\n%s", made, now)
	}
}

// files are all of a site, with their sizes and times.
func (s *site) files() string {
	var b strings.Builder
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		fmt.Fprintln(&b, path, info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}
