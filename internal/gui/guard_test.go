package gui

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for _, path := range []string{"/login", "/control", "/nonsense", "/static/piranha.css", "/static/none"} {
		a := b.get(path)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		} {
			if got := a.header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s = %q", path, name, got)
			}
		}
		if strings.Contains(a.header.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: the policy allows something unsafe", path)
		}
		if strings.Contains(a.body, "<script>") || strings.Contains(a.body, " style=") || strings.Contains(a.body, "<style") {
			t.Errorf("%s has something inline", path)
		}
	}
	if got := b.get("/login").header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control of a page = %q", got)
	}
}

func TestStatic(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for path, want := range map[string]int{
		"/static/piranha.css": 200, "/static/piranha.svg": 200,
		"/static/": 404, "/static": 404, "/static/../templates/login.html": 404, "/static/..%2ftemplates%2flogin.html": 404,
		"/static/%2e%2e/web.go": 404, "/static//etc/passwd": 404, "/static/piranha.css/": 404, "/static/piranha.css%00.txt": 404,
		"/static/..\\web.go": 404,
	} {
		if a := b.get(path); a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
	login := b.get("/login").body
	_, after, _ := strings.Cut(login, `<link rel="stylesheet" href="`)
	href, _, _ := strings.Cut(after, `"`)
	if a := b.get(href); !strings.Contains(a.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("%s: %v", href, a.header)
	}
}

// TestForgedForms: a form of another site's page does nothing, whatever the browser tells about it.
func TestForgedForms(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	form := url.Values{"username": {"piranha"}, "password": {"piranha"}}.Encode()
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site", "Origin", s.http.URL},
	} {
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
		for _, path := range []string{"/logout", "/login", "/global", "/control"} {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
				if a := b.do(method, path, strings.NewReader(form), header...); a.status != http.StatusForbidden {
					t.Errorf("%s %s with %v: %d", method, path, header, a.status)
				}
			}
		}
	}
	b.get("/control").want(t, "still signed in", http.StatusOK)
}

// TestMethods: a method the page does not know is refused, signed in or not. GET changes nothing.
func TestMethods(t *testing.T) {
	s := newSite(t)
	for _, b := range []*browser{s.browser(), s.signedIn("piranha")} {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FOO", "get"} {
			if a := b.do(method, "/control", nil); a.status < 400 && a.status != http.StatusSeeOther {
				t.Errorf("%s: %d", method, a.status)
			}
		}
		if a := b.get("/logout"); a.status != http.StatusMethodNotAllowed {
			t.Errorf("GET /logout: %d", a.status)
		}
	}
	b := s.signedIn("piranha")
	if a := b.do(http.MethodHead, "/control", nil); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d, %d bytes", a.status, len(a.body))
	}
	if a := b.do(http.MethodPost, "/control", nil, "X-HTTP-Method-Override", "GET"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("method override: %d", a.status)
	}
}

func TestLargeForm(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	a := b.post("/login", url.Values{"username": {"piranha"}, "password": {strings.Repeat("x", maxBody)}})
	if a.status != http.StatusBadRequest {
		t.Errorf("a form that is too large: %d", a.status)
	}
}

func TestAccess(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	steps := []struct {
		file, text string
		want       int
	}{
		{"web/secure/.htaccess", "order deny,allow\nallow from all\n", 200},
		{"web/secure/.htaccess", "order deny,allow\ndeny from all\nallow from 192.0.2.0/24\n", 403},
		{"web/secure/.htaccess", "order deny,allow\ndeny from all\nallow from 127.0.0\n", 200},
		{"web/.htaccess", "deny from all\n", 200}, // that of the panels counts
		{"web/secure/.htaccess", "nonsense\n", 403},
		{"web/secure/.htaccess", strings.Repeat("#", maxAccess+1), 403},
		{"web/secure/.htaccess", "", 200},
	}
	for _, step := range steps {
		s.write(step.file, step.text)
		if a := b.get("/control"); a.status != step.want {
			t.Errorf("%.40q: %d, want %d", step.text, a.status, step.want)
		}
	}
	s.write("web/secure/.htaccess", "deny from all")
	for _, path := range []string{"/login", "/secure/control.php"} {
		b.get(path).want(t, path, http.StatusForbidden, "may not reach the panels")
	}
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	r.RemoteAddr = "192.0.2.9:1234"
	s.write("web/secure/.htaccess", "deny from all\nallow from 127.0.0.1")
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("a forged X-Forwarded-For gets in: %d", w.Code)
	}
}

func TestOldURLs(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for from, to := range map[string]string{
		"/secure/control.php": "/control", "/secure/global_settings.php?NATRtrIP=1": "/global", "/piranha/secure/redundancy.php": "/redundancy",
		"/index.html": "/control", "/piranha/": "/control", "/secure/": "/control",
	} {
		if a := b.get(from); a.status != http.StatusMovedPermanently || a.header.Get("Location") != to {
			t.Errorf("%s: %d to %q, want %s", from, a.status, a.header.Get("Location"), to)
		}
	}
}

// TestOldBlocks: the original's pages about one virtual server name it by its place in the file. Only who has signed in is told.
func TestOldBlocks(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	for from, to := range map[string]string{
		"/secure/virtual_edit_virt.php?selected_host=2":                 "/virtual/edit?v=mail",
		"/piranha/secure/virtual_edit_real.php?selected_host=1":         "/virtual/real?v=web",
		"/secure/virtual_edit_real_edit.php?selected_host=1&selected=2": "/virtual/real/edit?s=b&v=web",
		"/secure/virtual_edit_real_edit.php?selected_host=1&selected=3": "/virtual/real?v=web",
		"/secure/virtual_edit_services.php?selected_host=1":             "/virtual/scripts?v=web",
		"/secure/virtual_edit_virt.php?selected_host=3":                 "/virtual",
		"/secure/virtual_edit_virt.php?selected_host=-1":                "/virtual",
		"/secure/virtual_edit_virt.php":                                 "/virtual",
	} {
		if a := b.get(from); a.status != http.StatusSeeOther || a.header.Get("Location") != to {
			t.Errorf("%s: %d to %q, want %s", from, a.status, a.header.Get("Location"), to)
		}
		if a := s.browser().get(from); !strings.HasPrefix(a.header.Get("Location"), "/login") {
			t.Errorf("%s tells %q", from, a.header.Get("Location"))
		}
	}
}

// TestCrossSiteLink: a link on another site's page opens the panel of somebody who is signed in. The first request comes
// without the cookie.
func TestCrossSiteLink(t *testing.T) {
	s := newSite(t)
	a := s.browser().do(http.MethodGet, "/control?show=down", nil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	a.want(t, "first request", http.StatusOK, `content="0; url=/control?show=down"`)
	if a := s.browser().do(http.MethodGet, "/control", nil, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"); a.status != http.StatusSeeOther {
		t.Errorf("second request: %d", a.status)
	}
}

func TestCrash(t *testing.T) {
	s := newSite(t)
	h := s.server.recover(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("on purpose") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "on purpose") || !strings.Contains(s.log.text(), "on purpose") {
		t.Errorf("%d\n%s", w.Code, s.log.text())
	}
}
