package gui

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/events"
	"github.com/piranha-lvs/piranha/internal/gui/api"
)

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// token makes one of that name and for that, and returns what its holder says.
func (s *site) token(scope string) string {
	s.t.Helper()
	secret, err := s.server.programs.tokens.Make("for-"+scope, []string{scope}, "piranha", time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

// program is what uses a token.
type program struct {
	b      *browser
	secret string
}

func (s *site) program(secret string) program { return program{s.browser(), secret} }

func (p program) do(method, path, body string) answer {
	p.b.site.t.Helper()
	return p.b.do(method, path, strings.NewReader(body), "Content-Type", "application/json", "Authorization", "Bearer "+p.secret)
}

// ask makes a request that must go well, and returns the answer.
func ask[T any](p program, method, path string, request any) (v T) {
	p.b.site.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		p.b.site.t.Fatal(err)
	}
	a := p.do(method, path, string(body))
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		p.b.site.t.Fatalf("%s %s: %d, %v\n%s", method, path, a.status, err, a.body)
	}
	return v
}

// refused is the answer to a request that must not go well.
func (p program) refused(status int, method, path string, request any) (e api.Error) {
	p.b.site.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		p.b.site.t.Fatal(err)
	}
	a := p.do(method, path, string(body))
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != status || e.Error == "" || a.header.Get("Content-Type") != "application/json" {
		p.b.site.t.Errorf("%s %s %s: %d, want %d; %v\n%s", method, path, body, a.status, status, err, a.body)
	}
	return e
}

// TestTokenRequired: nothing is shown or done for somebody without a token, whoever has signed in.
func TestTokenRequired(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	for path, methods := range readOpenAPI(t).Paths {
		for method, op := range methods {
			if len(op.Security) == 0 {
				continue
			}
			for _, authorization := range []string{"", "Bearer", "Bearer ", "Basic cGlyYW5oYTpwaXJhbmhh", "Bearer piranha_x"} {
				s.server.programs.wrong = newPrograms(s.dir, s.log).wrong
				a := b.do(strings.ToUpper(method), path, strings.NewReader("{}"), "Content-Type", "application/json", "Authorization", authorization, "Sec-Fetch-Site", "same-origin")
				if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" || !strings.HasPrefix(a.body, `{"error":`) {
					t.Errorf("%s %s with %q: %d\n%s", method, path, authorization, a.status, a.body)
				}
			}
		}
	}
	secret := s.token("read")
	s.server.programs.wrong = newPrograms(s.dir, s.log).wrong
	for i := range addressBurst + 3 {
		want := http.StatusUnauthorized
		if i >= addressBurst {
			want = http.StatusTooManyRequests
		}
		if a := s.program("piranha_wrong").do(http.MethodGet, "/api/v1/draft", ""); a.status != want || (want == http.StatusTooManyRequests) != (a.header.Get("Retry-After") != "") {
			t.Errorf("wrong token %d: %d", i, a.status)
		}
	}
	ask[api.Changes](s.program(secret), http.MethodGet, "/api/v1/draft", nil) // others' attempts do not matter
	if strings.Contains(s.log.text(), secret) {
		t.Error("the log has the token")
	}
	if err := s.server.programs.tokens.Revoke("for-read", time.Now()); err != nil {
		t.Fatal(err)
	}
	s.server.programs.wrong = newPrograms(s.dir, s.log).wrong
	s.program(secret).refused(http.StatusUnauthorized, http.MethodGet, "/api/v1/draft", nil)
}

// TestProgramGuards: a program is told in JSON what keeps it out.
func TestProgramGuards(t *testing.T) {
	s := newSite(t)
	p := s.program(s.token("configure"))
	p.refused(http.StatusNotFound, http.MethodGet, "/api/v1/none", nil)
	p.refused(http.StatusNotFound, http.MethodGet, "/api/v2/status", nil)
	p.refused(http.StatusMethodNotAllowed, http.MethodPost, "/api/v1/status", nil)
	if a := p.b.do(http.MethodPatch, "/api/v1/draft", strings.NewReader("{}"), "Authorization", "Bearer "+p.secret, "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("not JSON: %d", a.status)
	}
	a := p.b.do(http.MethodPatch, "/api/v1/draft", strings.NewReader("{}"), "Authorization", "Bearer "+p.secret, "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site")
	if a.status != http.StatusForbidden || !strings.HasPrefix(a.body, `{"error":`) {
		t.Errorf("a page of another site: %d %s", a.status, a.body)
	}
	for _, body := range []string{"", "null x", "[]", `{"file":1}`, `{"fil":""}`, `{} {}`, `{"edits":[{"do":1}]}`} {
		if a := p.do(http.MethodPatch, "/api/v1/draft", body); a.status != http.StatusBadRequest {
			t.Errorf("%q: %d\n%s", body, a.status, a.body)
		}
	}
	if a := p.do(http.MethodPatch, "/api/v1/draft", `{"file":"`+strings.Repeat("x", maxBody)+`"}`); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d %s", a.status, a.body)
	}
	s.write("web/secure/.htaccess", "deny from all\n")
	p.refused(http.StatusForbidden, http.MethodGet, "/api/v1/draft", nil)
	s.write("web/secure/.htaccess", "allow from all\n")
	s.write("conf/piranha.passwd", "\n")
	p.refused(http.StatusServiceUnavailable, http.MethodGet, "/api/v1/draft", nil)
}

// TestProgramEdits: from the first edit to lvs.cf, and what is refused on the way.
func TestProgramEdits(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	pulse := s.pulse(42)
	p := s.program(s.token("configure"))
	cfg := ask[api.Config](p, http.MethodGet, "/api/v1/config", nil)
	if cfg.File == "" || len(cfg.Virtual) == 0 || cfg.Virtual[0].Name != "web" || len(cfg.Virtual[0].Servers) == 0 || cfg.Virtual[0].Keys["address"] != "192.0.2.10 eth0:1" {
		t.Fatalf("config %+v", cfg)
	}
	edit := func(file string, list ...api.Edit) api.Edits { return api.Edits{File: file, Edits: list} }
	now := ask[api.Changes](p, http.MethodPatch, "/api/v1/draft", edit(cfg.File,
		api.Edit{Do: "set", Key: "tcp_timeout", Value: "7"},
		api.Edit{Do: "add", Virtual: "web", Server: "new"},
		api.Edit{Do: "set", Virtual: "web", Server: "new", Key: "address", Value: "10.11.12.77"},
		api.Edit{Do: "set", Virtual: "web", Server: "new", Key: "weight", Value: "3"},
		api.Edit{Do: "rename", Virtual: "web", Server: "new", Name: "c"}))
	if now.Draft == nil || now.Draft.Diff.Added != 5 || now.Draft.Begun.Account != "token for-configure" || now.File == cfg.File || !strings.Contains(now.Draft.Diff.Text, "+tcp_timeout = 7\n") {
		t.Fatalf("draft %+v", now.Draft)
	}
	if s.read("lvs.cf") != twoServers {
		t.Error("lvs.cf was changed")
	}
	for _, test := range []struct {
		edits  api.Edits
		status int
		field  string
	}{
		{edit(cfg.File, api.Edit{Do: "set", Key: "tcp_timeout", Value: "8"}), http.StatusConflict, ""},
		{edit(now.File), http.StatusUnprocessableEntity, "edits"},
		{edit(now.File, api.Edit{Do: "set", Key: "tcp_timeout", Value: "8"}, api.Edit{Do: "burn"}), http.StatusUnprocessableEntity, "edits[1].virtual"},
		{edit(now.File, api.Edit{Do: "burn", Virtual: "web"}), http.StatusUnprocessableEntity, "edits[0].do"},
		{edit(now.File, api.Edit{Do: "set", Key: "tcp_timeout", Value: "8\nactive_cmd = x"}), http.StatusUnprocessableEntity, "edits[0].value"},
		{edit(now.File, api.Edit{Do: "set", Key: "no_such_key", Value: "8"}), http.StatusUnprocessableEntity, "edits[0].key"},
		{edit(now.File, api.Edit{Do: "unset", Key: "tcp_timeout", Value: "8"}), http.StatusUnprocessableEntity, "edits[0].value"},
		{edit(now.File, api.Edit{Do: "remove", Virtual: "none"}), http.StatusUnprocessableEntity, "edits[0]"},
		{edit(now.File, api.Edit{Do: "add", Virtual: "a {\n"}), http.StatusUnprocessableEntity, "edits[0].virtual"},
		{edit(now.File, api.Edit{Do: "set", Virtual: "web", Key: "port", Value: "99999"}), http.StatusUnprocessableEntity, `virtual "web" port`},
	} {
		e := p.refused(test.status, http.MethodPatch, "/api/v1/draft", test.edits)
		if test.field != "" && (len(e.Fields) == 0 || e.Fields[0].Field != test.field || e.Fields[0].Message == "") {
			t.Errorf("%+v: fields %+v, want %s", test.edits.Edits, e.Fields, test.field)
		}
	}
	p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/draft/apply", api.Apply{File: now.File, Trial: 9})
	p.refused(http.StatusConflict, http.MethodPost, "/api/v1/draft/apply", api.Apply{File: cfg.File})
	now = ask[api.Changes](p, http.MethodPost, "/api/v1/draft/apply", api.Apply{File: now.File, Comment: "by a program", Trial: 60})
	if now.Trial == nil || now.Draft != nil || now.Notice != "" || len(pulse.calls) != 1 || !strings.Contains(s.read("lvs.cf"), "tcp_timeout = 7\n") {
		t.Fatalf("on trial: %+v, pulse got %q", now, pulse.calls)
	}
	p.refused(http.StatusConflict, http.MethodPost, "/api/v1/trial/back", api.Serial{Serial: now.Trial.Serial + 1})
	now = ask[api.Changes](p, http.MethodPost, "/api/v1/trial/back", api.Serial{Serial: now.Trial.Serial})
	if now.Trial != nil || strings.Contains(s.read("lvs.cf"), "tcp_timeout") {
		t.Errorf("rolled back: %+v\n%s", now, s.read("lvs.cf"))
	}
	versions := ask[api.Versions](p, http.MethodGet, "/api/v1/versions", nil).Versions
	if len(versions) < 2 || versions[1].Comment != "by a program" || versions[1].Result != "rolled back" {
		t.Fatalf("versions %+v", versions)
	}
	p.refused(http.StatusNotFound, http.MethodPost, "/api/v1/versions/99/restore", nil)
	now = ask[api.Changes](p, http.MethodPost, "/api/v1/versions/2/restore", nil)
	if now.Draft == nil || !strings.Contains(now.Draft.Diff.Text, "+tcp_timeout = 7\n") {
		t.Fatalf("restored %+v", now.Draft)
	}
	p.refused(http.StatusConflict, http.MethodPost, "/api/v1/versions/2/restore", nil)
	p.refused(http.StatusConflict, http.MethodDelete, "/api/v1/draft", api.File{File: cfg.File})
	if now = ask[api.Changes](p, http.MethodDelete, "/api/v1/draft", api.File{File: now.File}); now.Draft != nil {
		t.Errorf("discarded: %+v", now.Draft)
	}
	text := p.do(http.MethodGet, "/api/v1/config/text", "")
	if text.body != s.read("lvs.cf") || text.header.Get("ETag") != `"`+now.File+`"` {
		t.Errorf("text %s\n%s", text.header.Get("ETag"), text.body)
	}
	e := p.refused(http.StatusUnprocessableEntity, http.MethodPut, "/api/v1/draft/text", api.Text{File: now.File, Text: "virtual a {\n  port = 99999\n}\n"})
	if len(e.Fields) == 0 {
		t.Errorf("broken text: %+v", e)
	}
	ask[api.Changes](p, http.MethodPut, "/api/v1/draft/text", api.Text{File: now.File, Text: text.body + "# seen\n"})
	if d := ask[api.Diff](p, http.MethodGet, "/api/v1/diff?to=draft", nil); d.Added != 1 || !strings.HasSuffix(d.Text, "+# seen\n") {
		t.Errorf("diff %+v", d)
	}
	s.write("lvs.cf", text.body+"virtual_by_hand_is_wrong = 1\n")
	now = ask[api.Changes](p, http.MethodGet, "/api/v1/draft", nil)
	if now.Draft.Conflict == nil || now.Draft.Conflict.Added != 1 {
		t.Fatalf("conflict %+v", now.Draft)
	}
	p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/draft/adopt", api.Adopt{File: now.File, Running: now.Running.File, How: "x"})
	now = ask[api.Changes](p, http.MethodPost, "/api/v1/draft/adopt", api.Adopt{File: now.File, Running: now.Running.File, How: "mine"})
	if now.Draft.Conflict != nil {
		t.Errorf("adopted: %+v", now.Draft)
	}
	ask[api.Changes](p, http.MethodPost, "/api/v1/draft/apply", api.Apply{File: now.File})
	for _, part := range []string{"edited the draft account token for-configure address 127.0.0.1", "applied the draft account token for-configure", "rolled back lvs.cf account token for-configure"} {
		if !strings.Contains(s.log.text(), part) {
			t.Errorf("the log lacks %q:\n%s", part, s.log.text())
		}
	}
}

// TestProgramActs: the daemons are told what the buttons tell them.
func TestProgramActs(t *testing.T) {
	s := newSite(t)
	s.write("run/x", "")
	orders := s.lvsd(cluster(1, 2), 0)
	pulse := s.pulse(42)
	p := s.program(s.token("operate"))
	five := 5
	real := api.Order{Virtual: "service0", Server: "real0"}
	with := func(change func(*api.Order)) api.Order {
		o := real
		change(&o)
		return o
	}
	for _, test := range []struct {
		action string
		order  api.Order
		want   string
	}{
		{"drain", real, "/v1/drain?server=real0&virtual=service0"},
		{"drain", with(func(o *api.Order) { o.Within = 90 }), "/v1/drain?server=real0&virtual=service0&within=1h30m0s"},
		{"weight", real, "/v1/weight?server=real0&virtual=service0&weight=default"},
		{"weight", with(func(o *api.Order) { o.Weight = &five }), "/v1/weight?server=real0&virtual=service0&weight=5"},
		{"switchover", api.Order{}, "/v1/switchover"},
		{"reload", api.Order{}, "/v1/reload"},
	} {
		*orders, pulse.calls = nil, nil
		ask[api.Done](p, http.MethodPost, "/api/v1/actions/"+test.action, test.order)
		if got := slices.Concat(*orders, pulse.calls); len(got) != 1 || got[0] != test.want {
			t.Errorf("%s called %q, want %q", test.action, got, test.want)
		}
	}
	*orders = nil
	minus := -1
	if e := p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/actions/weight", with(func(o *api.Order) { o.Weight = &minus })); len(e.Fields) != 1 || e.Fields[0].Field != "weight" {
		t.Errorf("%+v", e)
	}
	if e := p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/actions/drain", with(func(o *api.Order) { o.Within = -5 })); len(e.Fields) != 1 || e.Fields[0].Field != "within_minutes" {
		t.Errorf("%+v", e)
	}
	p.refused(http.StatusNotFound, http.MethodPost, "/api/v1/actions/drain", api.Order{Virtual: "service0", Server: "none"})
	p.refused(http.StatusNotFound, http.MethodPost, "/api/v1/actions/start", api.Order{})
	if len(*orders) > 0 || !strings.Contains(s.log.text(), "acted account token for-operate address 127.0.0.1 what drain vs service0 rs real0 how within 1h30m0s") {
		t.Errorf("orders %q\n%s", *orders, s.log.text())
	}
	st := ask[api.Status](p, http.MethodGet, "/api/v1/status", nil)
	if len(st.Virtual) != 1 || st.Virtual[0].Servers[0].State.Class != "up" || st.Routers[0].Doing.Word != "active" || !st.Fresh {
		t.Errorf("status %+v", st)
	}
	if one := ask[api.Server](p, http.MethodGet, "/api/v1/server?virtual=service0&server=real0", nil); one.Server.Name != "real0" || len(one.Checks) != 1 {
		t.Errorf("server %+v", one)
	}
	ask[api.Table](p, http.MethodGet, "/api/v1/table", nil)
}

// TestProgramEvents: what both daemons tell comes in one stream, which goes on when one of them comes late, and ends with its token.
func TestProgramEvents(t *testing.T) {
	s := newSite(t)
	s.write("run/x", "")
	ring := events.NewRing("lvsd", time.Now())
	ring.Publish(time.Now(), "reload", "read lvs.cf", map[string]int{"serial_no": 42})
	s.socket("lvs", func(w http.ResponseWriter, r *http.Request) { ring.Handler()(w, r) })
	p := s.program(s.token("read"))
	p.refused(http.StatusBadRequest, http.MethodGet, "/api/v1/events?last=1001", nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+"/api/v1/events?last=5", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.secret)
	resp, err := p.b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() (e api.Event) {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(text), &e); err != nil {
					t.Fatal(err)
				}
				return e
			}
		}
		t.Fatal("the stream has ended")
		return e
	}
	seen := map[string]api.Event{}
	for range 2 {
		e := next()
		seen[e.Daemon+" "+e.Type] = e
	}
	if seen["lvsd reload"].Text != "read lvs.cf" || seen["pulse gone"].Text != "pulse does not run" {
		t.Errorf("seen %+v", seen)
	}
	ring.Publish(time.Now(), "order", "drain", nil)
	if e := next(); e.Type != "order" || e.ID == "" {
		t.Errorf("got %+v", e)
	}
	s.socket("pulse", func(w http.ResponseWriter, r *http.Request) { events.NewRing("pulse", time.Now()).Handler()(w, r) })
	if e := next(); e.Daemon != "pulse" || e.Type != api.EventBack {
		t.Errorf("got %+v", e)
	}
}

// TestMetrics: lvsd's figures, with a token or from an address that is named.
func TestMetrics(t *testing.T) {
	s := newSite(t)
	s.write("run/x", "")
	p := s.program(s.token("read"))
	p.refused(http.StatusServiceUnavailable, http.MethodGet, "/metrics", nil)
	s.socket("lvs", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/metrics" {
			control.Fail(w, http.StatusNotFound, "no")
			return
		}
		_, _ = w.Write([]byte("# EOF\n"))
	})
	if a := p.do(http.MethodGet, "/metrics", ""); a.status != http.StatusOK || a.body != "# EOF\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/openmetrics-text") {
		t.Errorf("%d %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	b := s.browser()
	b.get("/metrics").want(t, "no token", http.StatusUnauthorized, `{"error":`)
	s.server.opt.MetricsAllow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	b.get("/metrics").want(t, "another address", http.StatusUnauthorized)
	s.server.opt.MetricsAllow = append(s.server.opt.MetricsAllow, netip.MustParsePrefix("127.0.0.0/8"))
	s.write("web/secure/.htaccess", "deny from all\n")
	b.get("/metrics").want(t, "allowed", http.StatusOK, "# EOF")
	b.do(http.MethodGet, "/api/v1/status", nil).want(t, "nothing else", http.StatusForbidden)
}
