package gui

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// everyRoute are the pages of those who have signed in, by method, with words in the place of what stands in braces.
func (s *site) everyRoute(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for method, list := range routes(t, s.server) {
		for _, route := range list {
			before, after, found := strings.Cut(route, "{what}")
			if !found {
				all[method] = append(all[method], route)
				continue
			}
			for _, a := range s.server.actionList() {
				all[method] = append(all[method], before+a.Name+after)
			}
		}
	}
	for _, list := range all {
		for _, route := range list {
			if strings.ContainsAny(route, "{*") {
				t.Fatalf("%s has something in it that this test does not know", route)
			}
		}
	}
	return all
}

// contents are all files of a site and what is in them.
func (s *site) contents() string {
	s.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(text))
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// attacked is a site with daemons that note what they are told to do, with a draft and with a version to roll back to.
func attacked(t *testing.T) (s *site, told func() []string) {
	t.Helper()
	s = newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	b.saved(b.send("/global", "tcp_timeout", "7"), "6")
	b.drafted(b.send("/global", "tcp_timeout", "8"), "draft")
	var mu sync.Mutex
	var orders []string
	for name, answer := range map[string]any{"pulse": pulseStatus, "lvs": cluster(1, 2)} {
		s.socket(name, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				mu.Lock()
				orders = append(orders, r.URL.RequestURI())
				mu.Unlock()
			}
			control.Reply(w, http.StatusOK, answer)
		})
	}
	touch := []string{"/bin/sh", "-c", "touch '" + s.path("touched") + "'"}
	s.server.opt.Probe, s.server.opt.StartPulse, s.server.opt.StopPulse = touch, touch, touch
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return orders
	}
}

// unchanged runs an attack, of which nothing may be left: neither in a file nor with a daemon.
func unchanged(t *testing.T, s *site, told func() []string, attack func()) {
	t.Helper()
	before := s.contents()
	attack()
	if after := s.contents(); after != before {
		t.Errorf("files have changed:\n%s\n%s", before, after)
	}
	if orders := told(); len(orders) > 0 {
		t.Errorf("the daemons were told %q", orders)
	}
}

// plausible is a form that has what each page looks for.
func plausible(s *site) url.Values {
	state, _ := s.server.changes.Look()
	d, err := lvscf.Parse("lvs.cf", state.Text([]byte(s.read("lvs.cf"))))
	if err != nil {
		s.t.Fatal(err)
	}
	return url.Values{
		"file": {version(d)}, "action": {"delete"}, "confirm": {"1"}, "host": {"v=web"}, "PriLVSIP": {"192.0.2.77"}, "name": {"new"}, "weight": {"9"},
		"text": {"primary = 192.0.2.88\n"}, "id": {"1"}, "serial": {"6"}, "how": {"merge"}, "tcp_timeout": {"99"}, "redundant": {"192.0.2.66"},
	}
}

const aServer = "?v=web&s=a"

// TestEveryRouteReads: no GET or HEAD of any page, by anybody and with the form of a change, changes anything.
func TestEveryRouteReads(t *testing.T) {
	s, told := attacked(t)
	b := s.signedIn("piranha")
	unchanged(t, s, told, func() {
		for _, pages := range s.everyRoute(t) {
			for _, page := range pages {
				for _, server := range []string{aServer, "?v=service0&s=real0"} {
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						b.do(method, page+server+"&"+plausible(s).Encode(), nil, "X-HTTP-Method-Override", "POST")
					}
				}
			}
		}
	})
}

// TestEveryRouteForged: a form that another site's page sends with the cookie of an administrator is refused everywhere.
func TestEveryRouteForged(t *testing.T) {
	s, told := attacked(t)
	b := s.signedIn("piranha")
	unchanged(t, s, told, func() {
		for _, pages := range s.everyRoute(t) {
			for _, page := range append(pages, "/login", "/logout") {
				for _, from := range [][]string{
					{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
					{"Origin", strings.Replace(s.http.URL, "127.0.0.1", "127.0.0.2", 1)}, {"Origin", s.http.URL + "0"},
				} {
					header := append(from, "Content-Type", "application/x-www-form-urlencoded")
					if a := b.do(http.MethodPost, page+aServer, strings.NewReader(plausible(s).Encode()), header...); a.status != http.StatusForbidden {
						t.Errorf("POST %s with %v: %d", page, from, a.status)
					}
				}
			}
		}
	})
	b.get("/control").want(t, "still signed in", http.StatusOK)
}

// TestEveryRouteViewer: an account that may look changes nothing by any page, with a form that is right in all else.
func TestEveryRouteViewer(t *testing.T) {
	s, told := attacked(t)
	v := s.signedIn("viewer")
	unchanged(t, s, told, func() {
		for _, page := range s.everyRoute(t)[http.MethodPost] {
			v.post(page+aServer, plausible(s)).want(t, page, http.StatusForbidden, "may look and not change")
		}
	})
}

// TestEveryRouteMethods: without a session no page does or shows anything, whatever the method is called (CVE-2013-6492
// was a page of the original that asked for the password with GET alone).
func TestEveryRouteMethods(t *testing.T) {
	s, told := attacked(t)
	b := s.browser()
	methods := []string{"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "post", "GETS", "POST_"}
	unchanged(t, s, told, func() {
		for _, pages := range s.everyRoute(t) {
			for _, page := range pages {
				for _, method := range methods {
					a := b.do(method, page+aServer, strings.NewReader(plausible(s).Encode()), "Content-Type", "application/x-www-form-urlencoded",
						"X-HTTP-Method-Override", "POST", "X-Original-URL", page)
					if a.status < 300 || strings.Contains(a.body, "192.0.2") {
						t.Errorf("%s %s: %d\n%s", method, page, a.status, a.body)
					}
				}
			}
		}
	})
}

// nasty are values that no field may pass on as they are.
var nasty = []string{
	"x\nsend_program = \"/bin/sh -c id\"", "x\r\nactive_cmd = /bin/sh", "x\x00y", "x\u2028active_cmd = /bin/sh", "}", "# x", `"'`, `a" b = "c`,
	`"><script>alert(1)</script><img src=x onerror=alert(1)>`, "javascript:alert(1)", strings.Repeat("<", 5000), "\xff\xfe", "-1", "$(touch /tmp/x)",
}

// TestEveryField: each nasty value in each field of each form is refused beside the field, or becomes that field's value and nothing else.
func TestEveryField(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", "backup_active = 1\nbackup = 192.0.2.2\n"+twoServers)
	b := s.signedIn("piranha")
	before, _ := document(t, s.working()).Config(lvscf.Lookup{})
	for _, page := range []string{"/global", "/redundancy", "/virtual/edit?v=web", "/virtual/scripts?v=web", "/virtual/real/edit" + aServer} {
		form := formOf(t, b.get(page).body)
		if len(form) < 3 {
			t.Fatalf("%s has the fields %v", page, form)
		}
		for field, right := range form {
			for _, value := range nasty {
				what := fmt.Sprintf("%s %s = %.30q", page, field, value)
				form.Set(field, value)
				a := b.post(page, form)
				if a.status != http.StatusUnprocessableEntity && a.status != http.StatusConflict && a.status != http.StatusSeeOther {
					t.Errorf("%s: %d\n%s", what, a.status, a.body)
				}
				harmless(t, what, a)
				if a.status != http.StatusSeeOther {
					continue
				}
				sameBlocks(t, what, before, s.working())
				if strings.ContainsAny(value, "<{:") {
					for _, other := range []string{a.header.Get("Location"), "/control", "/virtual", "/changes", textPage} {
						harmless(t, what, b.get(other))
					}
				}
				discard(t, s)
			}
			form[field] = right
		}
	}
	if strings.Contains(s.log.text(), "crash") {
		t.Error(s.log.text())
	}
	for line := range strings.SplitSeq(s.log.text(), "\n") {
		if !strings.HasPrefix(line, "info: ") && !strings.HasPrefix(line, "warn: ") {
			t.Fatalf("a line of the log was forged: %q", line)
		}
	}
}

// harmless checks that a page has no script or element that a value brought.
func harmless(t *testing.T, what string, a answer) {
	t.Helper()
	for _, bad := range []string{"<script>", "<img", `href="javascript:`} {
		if strings.Contains(a.body, bad) {
			t.Errorf("%s: the page has %s", what, bad)
		}
	}
}

// sameBlocks checks that a file has the blocks that it had, and no command that nobody entered as one.
func sameBlocks(t *testing.T, what string, before *lvscf.Config, text string) {
	t.Helper()
	now, _ := document(t, text).Config(lvscf.Lookup{})
	if now.ActiveCmd != "" || len(now.Virtual) != len(before.Virtual) {
		t.Fatalf("%s made\n%s", what, text)
	}
	for i, v := range now.Virtual {
		if len(v.Servers) != len(before.Virtual[i].Servers) || strings.Contains(v.SendProgram, "/bin/sh") {
			t.Fatalf("%s made\n%s", what, text)
		}
	}
}

func document(t *testing.T, text string) *lvscf.Document {
	t.Helper()
	d, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// discard discards the draft, if there is one.
func discard(t *testing.T, s *site) {
	t.Helper()
	state, _ := s.server.changes.Look()
	if state.Draft == nil {
		return
	}
	if err := s.server.changes.Discard(changes.Sum(state.Draft.Text)); err != nil {
		t.Fatal(err)
	}
}

// TestTogether: of many people who send a form that they all saw at the same time, one is heard. So it is with a button that
// is pressed many times, and with many who apply a draft.
func TestTogether(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	together := func(send func(i int) answer) {
		t.Helper()
		const many = 16
		answers := make([]answer, many)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { answers[i] = send(i) })
		}
		wg.Wait()
		heard := 0
		for i, a := range answers {
			switch a.status {
			case http.StatusSeeOther:
				heard++
			case http.StatusConflict:
			default:
				t.Errorf("%d: %d\n%s", i, a.status, a.body)
			}
		}
		if heard != 1 {
			t.Errorf("%d of %d were heard", heard, many)
		}
	}
	form := formOf(t, b.get("/global").body)
	together(func(i int) answer {
		own := url.Values{"PriLVSIP": {fmt.Sprintf("192.0.2.%d", 100+i)}}
		for name, value := range form {
			if _, set := own[name]; !set {
				own[name] = value
			}
		}
		return b.post("/global", own)
	})
	apply := url.Values{"file": {hidden.FindStringSubmatch(b.get("/changes").body)[1]}}
	together(func(int) answer { return b.post("/changes/apply", apply) })
	remove := plausible(s)
	together(func(int) answer { return b.post("/virtual", remove) })
	b.apply("7")
	if got := s.read("lvs.cf"); strings.Contains(got, "virtual web") || !strings.Contains(got, "virtual mail") || strings.Count(got, "192.0.2.1") != 2 {
		t.Errorf("file:\n%s", got)
	}
}

// TestFixation: a cookie that somebody put into a browser is no session, and becomes none when its owner signs in.
func TestFixation(t *testing.T) {
	s := newSite(t)
	victim := s.browser()
	planted := &http.Cookie{Name: "__Host-piranha", Value: strings.Repeat("A", 43), Path: "/", Secure: true}
	u, err := url.Parse(s.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	victim.client.Jar.SetCookies(u, []*http.Cookie{planted})
	a := victim.post("/login", url.Values{"username": {"piranha"}, "password": {"piranha"}})
	if a.status != http.StatusSeeOther || strings.Contains(a.header.Get("Set-Cookie"), planted.Value) {
		t.Fatalf("signed in: %d, %q", a.status, a.header.Get("Set-Cookie"))
	}
	for _, value := range []string{planted.Value, "", "piranha", strings.Repeat("x", 20_000)} {
		if a := s.browser().do(http.MethodGet, "/control", nil, "Cookie", planted.Name+"="+value); a.status == http.StatusOK {
			t.Errorf("cookie %.50q gets in", value)
		}
	}
	// What the attacker has from his own sign-in, of an account that may look, does not turn into the victim's.
	viewer := s.signedIn("viewer")
	own := viewer.client.Jar.Cookies(u)
	other := s.browser()
	other.client.Jar.SetCookies(u, own)
	if a := other.post("/login", url.Values{"username": {"piranha"}, "password": {"piranha"}}); a.status != http.StatusSeeOther {
		t.Fatal(a.status)
	}
	if a := viewer.post("/global", nil); a.status != http.StatusForbidden && !strings.HasPrefix(a.header.Get("Location"), "/login") {
		t.Errorf("the attacker's session: %d to %q", a.status, a.header.Get("Location"))
	}
}

// FuzzForms: whatever is sent as a form, to any page, is answered, breaks nothing, and changes lvs.cf by no other way than the draft.
func FuzzForms(f *testing.F) {
	pages := []string{"/global", "/redundancy", "/virtual", "/virtual/edit?v=web", "/virtual/scripts?v=web", "/virtual/real?v=web", "/virtual/real/edit" + aServer, textPage, "/changes/discard", "/changes/adopt", "/changes/restore", "/act/weight" + aServer, "/login"}
	const usual = "application/x-www-form-urlencoded"
	f.Add(0, usual, "PriLVSIP=192.0.2.9&network=nat")
	f.Add(0, usual, "PriLVSIP=%zz&;=&&=&%00=%ff")
	f.Add(1, usual, "action=enable")
	f.Add(2, usual, "action=delete&confirm=1&host=v%3Dweb&host=v%3Dweb%26vn%3D-1")
	f.Add(2, usual, "action=add&name=a%0aactive_cmd+%3D+x")
	f.Add(3, usual, "hostname=%7D&address=1&sched=x&persistent=-1")
	f.Add(4, usual, "send=%22%27%5C&expect=%0d%0a")
	f.Add(5, usual, "action=toggle&host=v%3Dweb%26s%3Da")
	f.Add(6, usual, "name=&weight=0x10&port=%2b1")
	f.Add(7, usual, "text=virtual+%7B%7B%7B")
	f.Add(8, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ny\r\n--x--")
	f.Add(9, "text/plain; charset=\"", "how=merge")
	f.Add(10, usual, "id=..%2f1")
	f.Add(11, usual, "weight=65536")
	f.Add(12, usual, "username=piranha&password=%00")
	s := newSite(f)
	b := s.signedIn("piranha")
	u, err := url.Parse(s.http.URL)
	if err != nil {
		f.Fatal(err)
	}
	cookies := b.client.Jar.Cookies(u)
	f.Fuzz(func(t *testing.T, page int, kind, body string) {
		s.t = t
		s.write("lvs.cf", twoServers)
		if kind == usual {
			state, _ := s.server.changes.Look()
			body += "&file=" + version(document(t, string(state.Text([]byte(twoServers)))))
		}
		r := httptest.NewRequest(http.MethodPost, pages[uint(page)%uint(len(pages))], strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		got := w.Result()
		text, _ := io.ReadAll(got.Body)
		if got.StatusCode >= http.StatusInternalServerError && got.StatusCode != http.StatusServiceUnavailable { // lvsd does not run
			t.Errorf("%s %q: %d\n%s\n%s", r.URL, body, got.StatusCode, text, s.log.text())
		}
		if s.read("lvs.cf") != twoServers {
			t.Errorf("%s %q changed lvs.cf", r.URL, body)
		}
		if cfg, _ := document(t, s.working()).Config(lvscf.Lookup{}); cfg.ActiveCmd != "" && r.URL.Path != textPage {
			t.Errorf("%s %q made\n%s", r.URL, body, s.working())
		}
		discard(t, s)
	})
}
