package gui

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/piranha-lvs/piranha/internal/passwd"
)

// testLog keeps what was logged.
type testLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *testLog) Info(msg string, kv ...string)  { l.add("info", msg, kv) }
func (l *testLog) Warn(msg string, kv ...string)  { l.add("warn", msg, kv) }
func (l *testLog) Error(msg string, kv ...string) { l.add("error", msg, kv) }

func (l *testLog) add(severity, msg string, kv []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, severity+": "+msg+" "+strings.Join(kv, " "))
}

func (l *testLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

var hashes sync.Map

// quick is a hash that is compared quickly, and not weak: its cost is the least of those.
func quick(t testing.TB, password string) string {
	t.Helper()
	if hash, ok := hashes.Load(password); ok {
		return hash.(string)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), 10)
	if err != nil {
		t.Fatal(err)
	}
	hashes.Store(password, string(hash))
	return string(hash)
}

// site is a server on a directory of its own.
type site struct {
	t      testing.TB
	dir    string
	server *Server
	http   *httptest.Server
	log    *testLog
}

// newSite has accounts piranha and viewer, with these words as passwords.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), log: new(testLog)}
	s.write("conf/piranha.passwd", "piranha:"+quick(t, "piranha")+"\nviewer:"+quick(t, "viewer")+"\nstranger:"+quick(t, "stranger")+"\n")
	s.write("lvs.cf", sampleConfig)
	var err error
	s.server, err = New(Options{
		ConfigFile: s.path("lvs.cf"), PasswdFile: s.path("conf/piranha.passwd"), RunDir: s.path("run"), StateDir: s.path("state"), Viewers: []string{"viewer"},
		Secure: true, Host: "lb1", Version: "test",
	}, s.log)
	if err != nil {
		t.Fatal(err)
	}
	s.server.signIns.decoy = func() string { return quick(t, "decoy") }
	t.Cleanup(func() { s.server.Close() })
	s.http = httptest.NewTLSServer(s.server)
	t.Cleanup(s.http.Close)
	return s
}

const sampleConfig = `# By hand.
serial_no = 42
primary = 192.0.2.11
backup_active = 0
network = nat
nat_router = 10.11.12.254 eth1:1
tcpfin_timeout   =   60 # kept
`

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *site) setPassword(account, password string) {
	s.t.Helper()
	if err := passwd.Set(s.path("conf/piranha.passwd"), account, quick(s.t, password), nil); err != nil {
		s.t.Fatal(err)
	}
}

// browser keeps cookies and follows no redirect.
type browser struct {
	site   *site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{site: s, client: &http.Client{
		Transport:     s.http.Client().Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a browser in which an account has signed in, without the time that a password takes.
func (s *site) signedIn(account string) *browser {
	s.t.Helper()
	b := s.browser()
	w := httptest.NewRecorder()
	if err := s.server.sessions.Begin(w, httptest.NewRequest(http.MethodGet, "/", nil), account, s.server.accounts.stampOf(account)); err != nil {
		s.t.Fatal(err)
	}
	u, err := url.Parse(s.http.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, w.Result().Cookies())
	return b
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(method, path string, body io.Reader, header ...string) answer {
	b.site.t.Helper()
	r, err := http.NewRequest(method, b.site.http.URL+path, body)
	if err != nil {
		b.site.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.site.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.site.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (b *browser) get(path string) answer {
	b.site.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

// post sends a form as a page of this site does.
func (b *browser) post(path string, form url.Values) answer {
	b.site.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()),
		"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Origin", b.site.http.URL)
}

// want checks an answer's status and that its body has all the texts.
func (a answer) want(t testing.TB, what string, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: status %d, want %d\n%s", what, a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s: no %q in\n%s", what, text, a.body)
		}
	}
}
