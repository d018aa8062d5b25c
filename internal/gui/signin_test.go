package gui

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/ratelimit"
	"github.com/piranha-lvs/piranha/internal/passwd"
)

func TestSignIn(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	a := b.get("/control?show=down")
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != "/login?next=%2Fcontrol%3Fshow%3Ddown" {
		t.Fatalf("without a session: %d to %q", a.status, got)
	}
	b.get(a.header.Get("Location")).want(t, "sign-in page", http.StatusOK, `name="username"`, `name="password"`, `value="/control?show=down"`, `action="/login"`)

	for _, wrong := range [][2]string{{"piranha", "x"}, {"piranha", ""}, {"nobody", "piranha"}, {"stranger", "stranger"}} {
		a := b.post("/login", url.Values{"username": {wrong[0]}, "password": {wrong[1]}})
		a.want(t, wrong[0], http.StatusUnauthorized, "User name or password is wrong.")
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%v gets a cookie", wrong)
		}
	}
	a = b.post("/login", url.Values{"username": {"piranha"}, "password": {"piranha"}, "next": {"/control?show=down"}})
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != "/control?show=down" {
		t.Fatalf("signed in: %d to %q", a.status, got)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, word := range []string{"__Host-piranha=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict"} {
		if !strings.Contains(cookie, word) {
			t.Errorf("cookie %q lacks %q", cookie, word)
		}
	}
	b.get("/control").want(t, "panel", http.StatusOK, "Control / Monitoring", "piranha<span")
	if a := b.get("/login"); a.header.Get("Location") != "/control" {
		t.Errorf("the sign-in page of somebody signed in: %d to %q", a.status, a.header.Get("Location"))
	}
	if a := b.post("/logout", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/login" {
		t.Errorf("logout: %d", a.status)
	}
	if a := b.get("/control"); a.status != http.StatusSeeOther {
		t.Errorf("after logout: %d", a.status)
	}
	for _, line := range []string{
		"warn: sign-in refused account piranha address 127.0.0.1", "warn: sign-in refused account (unknown) address",
		"info: signed in account piranha address 127.0.0.1", "info: signed out account piranha",
	} {
		if !strings.Contains(s.log.text(), line) {
			t.Errorf("log lacks %q:\n%s", line, s.log.text())
		}
	}
}

func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"/global": "/global", "/virtual/edit?v=a%20b": "/virtual/edit?v=a%20b",
		"": "/control", "/": "/control", "/login": "/control", "/login?next=x": "/control", "global": "/control",
		"//evil.example": "/control", "/\\evil.example": "/control", "https://evil.example/": "/control", "javascript:alert(1)": "/control",
		"/\t/evil.example": "/control", "/a\r\nX: y": "/control", "\\\\evil.example": "/control", "/" + strings.Repeat("x", 3000): "/control",
	} {
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) = %q, want %q", next, got, want)
		}
	}
}

// TestPasswordChange: sessions end when the password they began with is no longer the account's.
func TestPasswordChange(t *testing.T) {
	s := newSite(t)
	b, v := s.signedIn("piranha"), s.signedIn("viewer")
	s.setPassword("piranha", "another")
	if a := b.get("/control"); a.status != http.StatusSeeOther {
		t.Errorf("after a new password: %d", a.status)
	}
	v.get("/control").want(t, "the other account", http.StatusOK)
	if err := os.Remove(s.path("conf/piranha.passwd")); err != nil {
		t.Fatal(err)
	}
	v.get("/control").want(t, "without the file", http.StatusServiceUnavailable, "piranha-passwd")
}

func TestSetup(t *testing.T) {
	s := newSite(t)
	for _, file := range []string{"", "# nothing\n", "stranger:" + quick(t, "stranger") + "\n", "piranha:\n", "piranha:plaintext\n", "piranha:abJnggxhB/yWI\n"} {
		s.write("conf/piranha.passwd", file)
		b := s.browser()
		for _, path := range []string{"/", "/login", "/control", "/secure/control.php"} {
			b.get(path).want(t, file+" "+path, http.StatusServiceUnavailable, "# piranha-passwd")
		}
		b.post("/login", url.Values{"username": {"piranha"}, "password": {strings.TrimSpace(strings.TrimPrefix(file, "piranha:"))}}).
			want(t, file, http.StatusServiceUnavailable, "# piranha-passwd")
		b.get("/static/piranha.css").want(t, "style", http.StatusOK)
	}
	s.browser().get("/").want(t, "DES", http.StatusServiceUnavailable, "in an old way that is no longer accepted")
	s.setPassword("piranha", "piranha")
	s.signedIn("piranha")
}

// TestUpgrade: who signs in with a weak hash has a better one afterwards, and is signed in.
func TestUpgrade(t *testing.T) {
	s := newSite(t)
	s.write("conf/piranha.passwd", "# kept\npiranha:$apr1$saltstrg$DiWn091nlGCxM/4XMRf8v0\n")
	b := s.browser()
	if a := b.post("/login", url.Values{"username": {"piranha"}, "password": {"a"}}); a.status != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", a.status)
	}
	b.get("/control").want(t, "signed in", http.StatusOK)
	text := s.read("conf/piranha.passwd")
	if !strings.HasPrefix(text, "# kept\npiranha:$2a$") {
		t.Errorf("file = %q", text)
	}
	hash, _ := passwd.Parse(text).Hash("piranha")
	if ok, err := passwd.Verify(hash, "a"); !ok || err != nil {
		t.Errorf("the new hash: %v, %v", ok, err)
	}
}

func TestViewer(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("viewer")
	b.get("/control").want(t, "viewer looks", http.StatusOK, "this account may look and not change")
	for _, path := range []string{"/global", "/control", "/virtual", "/nonsense"} {
		if a := b.post(path, url.Values{"x": {"1"}}); a.status != http.StatusForbidden && a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			t.Errorf("viewer posts to %s: %d", path, a.status)
		}
	}
	if a := b.post("/logout", nil); a.status != http.StatusSeeOther {
		t.Errorf("viewer cannot log out: %d", a.status)
	}
}

func TestGuessing(t *testing.T) {
	s := newSite(t)
	s.server.signIns.byAddress = ratelimit.New(addressBurst, time.Hour, maxKeys) // however long a comparison takes here
	b := s.browser()
	var last answer
	for range addressBurst + 1 {
		last = b.post("/login", url.Values{"username": {"piranha"}, "password": {"wrong"}})
	}
	last.want(t, "after many guesses", http.StatusTooManyRequests, "Too many attempts")
	if last.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	// Even the right password must wait.
	b.post("/login", url.Values{"username": {"piranha"}, "password": {"piranha"}}).want(t, "right password", http.StatusTooManyRequests)
}

func TestSignInLimits(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newSignIns()
	home := netip.MustParseAddr("192.0.2.1")
	if l.take("piranha", home, now) != 0 {
		t.Fatal("the first attempt must wait")
	}
	l.succeed("piranha", home)
	stopped := 0
	for i := range 100 {
		if l.take("piranha", netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), now) > 0 {
			stopped++
		}
	}
	if stopped != 100-accountBurst {
		t.Errorf("%d of 100 addresses are stopped", stopped)
	}
	if l.take("piranha", home, now) != 0 {
		t.Error("guesses elsewhere keep the administrator out")
	}
	if a, b := addressKey(netip.MustParseAddr("2001:db8::1")), addressKey(netip.MustParseAddr("2001:db8::ffff:1")); a != b {
		t.Errorf("addresses of one network count apart: %s, %s", a, b)
	}
}
