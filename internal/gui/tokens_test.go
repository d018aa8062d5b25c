package gui

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/gui/api"
)

var shownToken = regexp.MustCompile(`value="(piranha_[^"]+)"`)

// TestTokenPage: a token is made, shown once, used, and taken back.
func TestTokenPage(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	b.get("/control").want(t, "the header", http.StatusOK, `href="/tokens"`)
	b.get("/tokens").want(t, "none", http.StatusOK, "There are none.")
	for _, name := range []string{"", "a b", `"><script>`, strings.Repeat("a", 41)} {
		b.post("/tokens", url.Values{"name": {name}}).want(t, name, http.StatusUnprocessableEntity, "A name is 1 to 40")
	}
	b.post("/tokens", url.Values{"name": {"job"}, "scope": {"everything"}}).want(t, "scope", http.StatusUnprocessableEntity, "A token is for")
	made := b.post("/tokens", url.Values{"name": {"job"}, "scope": {"operate"}})
	made.want(t, "made", http.StatusOK, "This is the token job.", "read, operate", "never")
	found := shownToken.FindStringSubmatch(made.body)
	if found == nil {
		t.Fatal(made.body)
	}
	b.post("/tokens", url.Values{"name": {"job"}}).want(t, "twice", http.StatusConflict, "There is a token of this name.")
	p := s.program(found[1])
	ask[api.Changes](p, http.MethodGet, "/api/v1/draft", nil)
	p.refused(http.StatusForbidden, http.MethodPatch, "/api/v1/draft", api.Edits{})
	list := b.get("/tokens?ask=job")
	list.want(t, "asked", http.StatusOK, "Revoke the token job?")
	if strings.Contains(list.body, found[1]) || strings.Contains(list.body, "never") {
		t.Error("the token is shown again, or was never used")
	}
	if a := b.post("/tokens/revoke", url.Values{"name": {"job"}}); a.status != http.StatusSeeOther {
		t.Errorf("revoked: %d", a.status)
	}
	p.refused(http.StatusUnauthorized, http.MethodGet, "/api/v1/draft", nil)
	b.post("/tokens/revoke", url.Values{"name": {"job"}}).want(t, "gone", http.StatusConflict, "There is no such token.")
	v := s.signedIn("viewer")
	if strings.Contains(v.get("/control").body, "/tokens") {
		t.Error("a viewer has the link")
	}
	v.get("/tokens").want(t, "viewer", http.StatusForbidden)
	v.post("/tokens", url.Values{"name": {"job"}}).want(t, "viewer", http.StatusForbidden)
	for _, part := range []string{"made a token account piranha address 127.0.0.1 token job scopes operate read", "revoked a token account piranha"} {
		if !strings.Contains(s.log.text(), part) {
			t.Errorf("the log lacks %q:\n%s", part, s.log.text())
		}
	}
}
