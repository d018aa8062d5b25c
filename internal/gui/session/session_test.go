package session

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var options = Options{Idle: time.Hour, Absolute: 12 * time.Hour, Secure: true}

// begin signs in and returns the cookie. with is what the browser had before.
func begin(t *testing.T, s *Store, account string, with *http.Cookie) *http.Cookie {
	t.Helper()
	w, r := httptest.NewRecorder(), request(with)
	if err := s.Begin(w, r, account, "stamp"); err != nil {
		t.Fatal(err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies = %v", cookies)
	}
	return cookies[0]
}

func request(cookie *http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if cookie != nil {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	return r
}

func stamp(string) string { return "stamp" }

func who(s *Store, cookie *http.Cookie) string { return s.Account(request(cookie), stamp) }

func TestCookie(t *testing.T) {
	c := begin(t, New(options), "piranha", nil)
	if c.Name != "__Host-piranha" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(c.Value) != 43 {
		t.Errorf("cookie = %v", c)
	}
	plain := begin(t, New(Options{Idle: time.Hour, Absolute: time.Hour}), "piranha", nil)
	if plain.Name != "piranha" || plain.Secure {
		t.Errorf("cookie without TLS = %v", plain)
	}
}

func TestSessions(t *testing.T) {
	s := New(options)
	if got := who(s, nil); got != "" {
		t.Errorf("without a cookie: %q", got)
	}
	for _, forged := range []string{"", "x", "piranha", strings.Repeat("A", 43), strings.Repeat("A", 5000)} {
		if got := who(s, &http.Cookie{Name: s.CookieName(), Value: forged}); got != "" {
			t.Errorf("forged cookie %q: %q", forged, got)
		}
	}
	a, b := begin(t, s, "piranha", nil), begin(t, s, "viewer", nil)
	if who(s, a) != "piranha" || who(s, b) != "viewer" || a.Value == b.Value {
		t.Errorf("signed in: %q, %q", who(s, a), who(s, b))
	}
	w := httptest.NewRecorder()
	if err := s.End(w, request(a)); err != nil {
		t.Fatal(err)
	}
	if c := w.Result().Cookies()[0]; c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("cookie after the end = %v", c)
	}
	if who(s, a) != "" || who(s, b) != "viewer" {
		t.Error("the wrong session has ended")
	}
	if n := s.Revoke("viewer"); n != 1 || who(s, b) != "" {
		t.Errorf("Revoke = %d, %q", n, who(s, b))
	}
}

// TestFixation: an id that the browser brought never becomes that of a session, and the session it had ends.
func TestFixation(t *testing.T) {
	s := New(options)
	planted := &http.Cookie{Name: s.CookieName(), Value: strings.Repeat("A", 43)}
	first := begin(t, s, "piranha", planted)
	if first.Value == planted.Value || who(s, planted) != "" {
		t.Error("the planted id is signed in")
	}
	second := begin(t, s, "piranha", first)
	if second.Value == first.Value || who(s, first) != "" || who(s, second) != "piranha" {
		t.Error("the earlier session goes on")
	}
}

func TestStamp(t *testing.T) {
	s := New(options)
	c := begin(t, s, "piranha", nil)
	if got := s.Account(request(c), func(account string) string { return "other stamp of " + account }); got != "" {
		t.Errorf("after a new password: %q", got)
	}
	if got := who(s, c); got != "" {
		t.Error("the session comes back with the old password")
	}
}

func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(options)
		idle, busy := begin(t, s, "piranha", nil), begin(t, s, "piranha", nil)
		for range 12 {
			time.Sleep(59 * time.Minute)
			if who(s, busy) == "" {
				t.Fatal("a session in use has ended")
			}
		}
		if who(s, idle) != "" {
			t.Error("an idle session goes on")
		}
		time.Sleep(13 * time.Minute)
		if who(s, busy) != "" {
			t.Error("a session lasts for more than 12 hours")
		}
		if len(s.sessions) != 0 {
			t.Errorf("%d sessions left", len(s.sessions))
		}
	})
}

func TestMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(options)
		first := begin(t, s, "piranha", nil)
		var last *http.Cookie
		for range max {
			time.Sleep(time.Millisecond)
			last = begin(t, s, "piranha", nil)
		}
		if len(s.sessions) != max || who(s, first) != "" || who(s, last) == "" {
			t.Errorf("%d sessions, first %q, last %q", len(s.sessions), who(s, first), who(s, last))
		}
	})
}
