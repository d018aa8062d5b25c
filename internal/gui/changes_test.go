package gui

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

func TestChanges(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	b.get("/changes").want(t, "no draft", http.StatusOK, "There is none", "None yet")
	b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft").want(t, "pending", http.StatusOK, "Draft, not applied: 1 edit")
	if got := s.read("lvs.cf"); got != sampleConfig {
		t.Errorf("a draft has changed lvs.cf:\n%s", got)
	}
	b.get("/changes").want(t, "review", http.StatusOK, "begun by piranha", "1 line added, 1 line removed", "Check passed", "No conflict",
		`<tr class="del"><td>3</td><td></td><td><span class="vh">removed</span>−</td><td>primary = 192.0.2.11</td></tr>`,
		`<tr class="ins"><td></td><td>3</td><td><span class="vh">added</span>+</td><td>primary = 192.0.2.99</td></tr>`, "pulse does not run")
	if a := b.get("/changes/download?which=draft"); a.header.Get("Content-Disposition") != `attachment; filename="lvs-draft.cf"` || !strings.Contains(a.body, "primary = 192.0.2.99\n") {
		t.Errorf("download: %v\n%s", a.header, a.body)
	}
	b.apply("43", "comment", `moved <b>it</b>`)
	b.get("/changes?done=applied").want(t, "applied", http.StatusOK, "<b>Applied</b> as serial 43", "moved &lt;b&gt;it&lt;/b&gt;", ">found<", "Serial 42", "Serial 43", "+2 −2")
	b.tryApply().want(t, "applied twice", http.StatusConflict, "There is no draft any more")
	b.get("/changes/compare?from=1&to=2").want(t, "compare", http.StatusOK, "version 1, serial 42", "primary = 192.0.2.11", "primary = 192.0.2.99")
	if a := b.get("/changes/download?which=1"); a.body != sampleConfig {
		t.Errorf("version 1 is\n%s", a.body)
	}
	for _, page := range []string{"/changes/compare?from=9", "/changes/compare?to=draft", "/changes/download?which=../1", "/changes/download?which=-1"} {
		b.get(page).want(t, page, http.StatusNotFound, "no such version")
	}

	if a := b.post("/changes/restore", url.Values{"id": {"1"}}); a.header.Get("Location") != "/changes?done=restored" {
		t.Fatalf("restore: %d\n%s", a.status, a.body)
	}
	b.post("/changes/restore", url.Values{"id": {"1"}}).want(t, "restored over a draft", http.StatusConflict, "There is a draft already")
	b.apply("44")
	if got, want := s.read("lvs.cf"), strings.Replace(sampleConfig, "42", "44", 1); got != want {
		t.Errorf("went back to\n%s\nwant\n%s", got, want)
	}
	for _, part := range []string{"edited the draft account piranha", "applied the draft account piranha address 127.0.0.1 serial_no 43", "went back to version 1, serial 42"} {
		if !strings.Contains(s.log.text(), part) {
			t.Errorf("the log lacks %q:\n%s", part, s.log.text())
		}
	}
}

func TestDiscard(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	if a := b.get("/changes/discard"); a.header.Get("Location") != "/changes" {
		t.Errorf("asked without a draft: %d to %q", a.status, a.header.Get("Location"))
	}
	b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft")
	a := b.get("/changes/discard")
	a.want(t, "asked", http.StatusOK, "Discard the draft?", "1 edit")
	b.post("/changes/discard", url.Values{"file": {"other"}}).want(t, "another draft", http.StatusConflict, "changed the draft meanwhile", "1 edit")
	if a := b.post("/changes/discard", formOf(t, a.body)); a.header.Get("Location") != "/changes?done=discarded" {
		t.Errorf("discard: %d\n%s", a.status, a.body)
	}
	b.get("/global").want(t, "global", http.StatusOK, `value="192.0.2.11"`)
}

// TestOthersChange: lvs.cf was changed by another program since the draft was begun.
func TestOthersChange(t *testing.T) {
	for _, test := range []struct{ name, theirs, how, want string }{
		{"other lines", "tcp_timeout = 900\n", "merge", "primary = 192.0.2.99\nbackup_active = 0\nnetwork = nat\nnat_router = 10.11.12.254 eth1:1\ntcpfin_timeout   =   60 # kept\ntcp_timeout = 900\n"},
		{"undone", "tcp_timeout = 900\n", "mine", "primary = 192.0.2.99\nbackup_active = 0\nnetwork = nat\nnat_router = 10.11.12.254 eth1:1\ntcpfin_timeout   =   60 # kept\n"},
		{"the same line", "", "mine", "primary = 192.0.2.99\n"},
	} {
		s := newSite(t)
		b := s.signedIn("piranha")
		b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft")
		theirs := strings.Replace(sampleConfig, "42", "43", 1) + test.theirs
		if test.theirs == "" {
			theirs = strings.Replace(theirs, "192.0.2.11", "192.0.2.55", 1)
		}
		s.write("lvs.cf", theirs)
		b.get("/global").want(t, test.name, http.StatusOK, "The draft contradicts lvs.cf")
		b.tryApply().want(t, test.name, http.StatusConflict, "changed by someone else", "What somebody else has changed", "serial_no = 43")
		if s.read("lvs.cf") != theirs {
			t.Fatalf("%s: lvs.cf was overwritten", test.name)
		}
		form := formOf(t, b.get("/changes").body)
		form.Set("lvscf", regexp.MustCompile(`name="lvscf" value="([^"]*)"`).FindStringSubmatch(b.get("/changes").body)[1])
		form.Set("how", "merge")
		if test.theirs == "" {
			b.post("/changes/adopt", form).want(t, test.name, http.StatusConflict, "cannot be joined here")
		}
		form.Set("how", test.how)
		if a := b.post("/changes/adopt", form); a.status != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", test.name, a.status, a.body)
		}
		b.post("/changes/adopt", form).want(t, test.name+" twice", http.StatusConflict)
		b.apply("44")
		if got := s.read("lvs.cf"); !strings.Contains(got, test.want) {
			t.Errorf("%s: lvs.cf is\n%s\nwant in it\n%s", test.name, got, test.want)
		}
	}
}

func TestTrialPages(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	begin := func(serial string) url.Values {
		t.Helper()
		b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft")
		b.apply(serial, "try", "1", "seconds", "60")
		b.get("/changes").want(t, "trial", http.StatusOK, "Keep these changes?", "Roll back now", "on trial")
		return url.Values{"serial": {serial}}
	}
	b.drafted(b.send("/global", "PriLVSIP", "192.0.2.98"), "draft")
	for _, seconds := range []string{"", "9", "3601", "x", "-1", "99999999999999"} {
		b.tryApply("try", "1", "seconds", seconds).want(t, seconds, http.StatusUnprocessableEntity, "10 to 3600 seconds")
	}
	trial := begin("43")
	b.send("/global", "PriLVSIP", "192.0.2.1").want(t, "edited", http.StatusConflict, "Changes are on trial")
	b.post("/changes/keep", url.Values{"serial": {"42"}}).want(t, "another trial", http.StatusConflict, "No changes are on trial any more")
	if a := b.post("/changes/back", trial); a.header.Get("Location") != "/changes?done=back" {
		t.Fatalf("back: %d\n%s", a.status, a.body)
	}
	if got, want := s.read("lvs.cf"), strings.Replace(sampleConfig, "42", "44", 1); got != want {
		t.Errorf("went back to\n%s\nwant\n%s", got, want)
	}
	b.post("/changes/back", trial).want(t, "twice", http.StatusConflict)
	trial = begin("45")
	if a := b.post("/changes/keep", trial); a.header.Get("Location") != "/changes?done=kept" {
		t.Fatalf("keep: %d\n%s", a.status, a.body)
	}
	b.post("/changes/keep", trial).want(t, "twice", http.StatusConflict)
	b.get("/changes").want(t, "over", http.StatusOK, `<span class="st up">kept</span>`, "rolled back")
}

// TestTrialEnds: nobody keeps what is on trial, and the program is started again meanwhile.
func TestTrialEnds(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft")
	b.apply("43", "try", "1", "seconds", "10")
	s.server.Close()
	state := strings.NewReplacer(regexp.MustCompile(`"confirm":"[^"]*"`).FindString(s.read("state/changes.json")), `"confirm":"2026-01-01T00:00:00Z"`).
		Replace(s.read("state/changes.json")) // long ago
	s.write("state/changes.json", state)
	again, err := New(s.server.opt, s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { again.watchTrial(ctx) })
	defer watching.Wait()
	defer cancel()
	want := strings.Replace(sampleConfig, "42", "44", 1)
	for end := time.Now().Add(10 * time.Second); s.read("lvs.cf") != want || !strings.Contains(s.log.text(), "nobody has confirmed it in time"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not rolled back:\n%s\n%s", s.read("lvs.cf"), s.log.text())
		}
	}
}

// textForm is the form of the page for experts as a browser sends it.
func (b *browser) textForm(file, text string) answer {
	b.site.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range map[string]string{"file": file, "text": text} {
		if err := w.WriteField(name, value); err != nil {
			b.site.t.Fatal(err)
		}
	}
	w.Close()
	return b.do(http.MethodPost, "/changes/text", &body, "Content-Type", w.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

func TestText(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	a := b.get("/changes/text")
	a.want(t, "text", http.StatusOK, ">\n"+sampleConfig+"</textarea>")
	file := hidden.FindStringSubmatch(a.body)[1]
	edited := sampleConfig + "tcp_timeout = 900\n# end\n"
	if a := b.textForm(file, sampleConfig); a.header.Get("Location") != "/changes" || s.working() != sampleConfig {
		t.Errorf("untouched: %d to %q", a.status, a.header.Get("Location"))
	}
	b.textForm(file, sampleConfig+"nonsense\nprimary = 999.1.1.1\n").want(t, "errors", http.StatusUnprocessableEntity, "would refuse it", "line 9: primary", "nonsense\nprimary", `value="`+file+`"`)
	b.textForm(file, "").want(t, "empty", http.StatusUnprocessableEntity, "empty configuration")
	b.textForm(file, "a\x00b").want(t, "NUL", http.StatusUnprocessableEntity, "NUL")
	b.textForm("x", edited).want(t, "conflict", http.StatusConflict, "changed by someone else", `value="`+file+`"`)
	if a := b.textForm(file, strings.ReplaceAll(edited, "\n", "\r\n")); a.header.Get("Location") != "/changes?done=edited" {
		t.Fatalf("%d\n%s", a.status, a.body)
	}
	if got := s.working(); got != edited {
		t.Errorf("draft:\n%q", got)
	}
	b.apply("43")
	large := sampleConfig + strings.Repeat("# "+strings.Repeat("x", 98)+"\n", 10_000)
	file = hidden.FindStringSubmatch(b.get("/changes/text").body)[1]
	if a := b.textForm(file, large); a.status != http.StatusSeeOther {
		t.Errorf("a text of 1 MB: %d", a.status)
	}
	b.textForm(file, strings.Repeat("#", 5<<20)).want(t, "5 MB", http.StatusBadRequest, "too large")
	b.get("/changes").want(t, "large", http.StatusOK, "There is more")
	for text, why := range map[string]string{"a = \xff\n": "not UTF-8", "a\rb\n": "carriage returns", "a\r\nb\n": "line ends of two kinds"} {
		if got := unfitText(text); !strings.Contains(got, why) {
			t.Errorf("unfitText(%q) = %q", text, got)
		}
	}
	// A file with the line ends of another system keeps them.
	s = newSite(t)
	s.write("lvs.cf", strings.ReplaceAll(sampleConfig, "\n", "\r\n"))
	b = s.signedIn("piranha")
	file = hidden.FindStringSubmatch(b.get("/changes/text").body)[1]
	b.textForm(file, strings.ReplaceAll(edited, "\n", "\r\n"))
	if got := s.working(); got != strings.ReplaceAll(edited, "\n", "\r\n") {
		t.Errorf("draft:\n%q", got)
	}
}

// FuzzText: what a page shows in its text area and a browser sends back untouched is the same text.
func FuzzText(f *testing.F) {
	f.Add("a = 1\nb = 2\n")
	f.Add("\r\na\r\n\r\n")
	f.Add("\n\n x")
	f.Fuzz(func(t *testing.T, text string) {
		if unfitText(text) != "" {
			return
		}
		area := strings.ReplaceAll(text, "\r\n", "\n")
		if got := fromBrowser(strings.ReplaceAll(area, "\n", "\r\n"), text); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}

func TestViewerChanges(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft")
	v := s.signedIn("viewer")
	for _, page := range []string{"/changes", "/changes/text"} {
		if a := v.get(page); a.status != http.StatusOK || strings.Contains(a.body, ">Apply</button>") || strings.Contains(a.body, ">Accept<") {
			t.Errorf("%s: %d\n%s", page, a.status, a.body)
		}
	}
	for _, page := range []string{"apply", "discard", "adopt", "keep", "back", "restore", "text"} {
		v.post("/changes/"+page, url.Values{"id": {"1"}}).want(t, page, http.StatusForbidden, "may look and not change")
	}
}

// fakePulse reads lvs.cf when it is told to, unless it is to refuse.
type fakePulse struct {
	mu     sync.Mutex
	status monitor.PulseStatus
	calls  []string
	refuse string // 403, or what is wrong with lvs.cf
}

func (s *site) pulse(serial int64) *fakePulse {
	s.t.Helper()
	p := &fakePulse{status: monitor.PulseStatus{Pid: 10, Role: "primary", State: "active", SerialNo: serial, LvsdPid: 11, Partner: monitor.Partner{Health: "alive", State: "inactive"}}}
	s.socket("pulse", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if r.Method == http.MethodGet {
			control.Reply(w, http.StatusOK, p.status)
			return
		}
		p.calls = append(p.calls, r.URL.RequestURI())
		switch {
		case p.refuse == "403":
			control.Fail(w, http.StatusForbidden, "only root may do that")
			return
		case r.URL.Path == "/v1/reload" && p.refuse != "":
			p.status.LoadTried, p.status.LoadError = time.Now(), p.refuse
		case r.URL.Path == "/v1/reload":
			p.status.LoadTried, p.status.LoadError, p.status.SerialNo = time.Now(), "", changes.Serial([]byte(s.read("lvs.cf")))
		}
		control.Reply(w, http.StatusAccepted, map[string]string{})
	})
	return p
}

// TestReload: pulse is told to read what was applied, and the page says what came of it.
func TestReload(t *testing.T) {
	for _, test := range []struct{ name, answer, want string }{
		{"taken", "", "in force"},
		{"refused", "no such interface", "refused by pulse"},
		{"forbidden", "403", "not told to read lvs.cf"},
	} {
		s := newSite(t)
		pulse := s.pulse(42)
		pulse.refuse = test.answer
		b := s.signedIn("piranha")
		b.drafted(b.send("/global", "PriLVSIP", "192.0.2.99"), "draft")
		a := b.tryApply()
		if a.status != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", test.name, a.status, a.body)
		}
		b.get(a.header.Get("Location")).want(t, test.name, http.StatusOK, test.want)
		if !strings.Contains(s.read("lvs.cf"), "serial_no = 43\n") {
			t.Errorf("%s: lvs.cf is\n%s", test.name, s.read("lvs.cf"))
		}
	}
}
