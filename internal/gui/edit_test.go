package gui

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	hidden   = regexp.MustCompile(`<input type="hidden" name="file" value="([0-9a-f]*)">`)
	inputs   = regexp.MustCompile(`<input id="([^"]*)" name="[^"]*" value="([^"]*)"`)
	unticked = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="0">`)
	ticked   = regexp.MustCompile(`<input type="checkbox" id="([^"]*)" name="[^"]*" value="1" checked`)
	radios   = regexp.MustCompile(`<input type="radio" name="([^"]*)" id="[^"]*" value="([^"]*)" checked`)
	selects  = regexp.MustCompile(`(?s)<select id="([^"]*)" name="[^"]*"[^>]*>(.*?)</select>`)
	chosen   = regexp.MustCompile(`<option value="([^"]*)" selected`)
)

// formOf reads the form of a page as a browser does that sends it untouched.
func formOf(t *testing.T, page string) url.Values {
	t.Helper()
	form := url.Values{}
	m := hidden.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no form in\n%s", page)
	}
	unescape := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace
	form.Set("file", m[1])
	for _, list := range [][][]string{inputs.FindAllStringSubmatch(page, -1), radios.FindAllStringSubmatch(page, -1)} {
		for _, m := range list {
			form.Set(m[1], unescape(m[2]))
		}
	}
	for _, m := range unticked.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], "0")
	}
	for _, m := range ticked.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], "1")
	}
	for _, m := range selects.FindAllStringSubmatch(page, -1) {
		if c := chosen.FindStringSubmatch(m[2]); c != nil {
			form.Set(m[1], unescape(c[1]))
		}
	}
	return form
}

// send sends the form of a page with some fields changed, kv in turn.
func (b *browser) send(page string, kv ...string) answer {
	b.site.t.Helper()
	form := formOf(b.site.t.(*testing.T), b.get(page).body)
	for i := 0; i < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	return b.post(page, form)
}

// drafted checks that an answer says that the form went to the draft, or, if nothing is what is wanted, that it changed
// nothing, and follows it.
func (b *browser) drafted(a answer, want string) answer {
	b.site.t.Helper()
	if to := a.header.Get("Location"); a.status != http.StatusSeeOther || !strings.Contains(to, "saved="+want) {
		b.site.t.Fatalf("not %s: %d to %q\n%s\n%s", want, a.status, to, a.body, b.site.log.text())
	}
	return b.get(a.header.Get("Location"))
}

// saved is drafted for a form whose draft is then applied, as that serial.
func (b *browser) saved(a answer, serial string) answer {
	b.site.t.Helper()
	a = b.drafted(a, "draft")
	b.apply(serial)
	return a
}

// apply applies the draft, as that serial.
func (b *browser) apply(serial string, kv ...string) {
	b.site.t.Helper()
	a := b.tryApply(kv...)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/changes?done=applied" {
		b.site.t.Fatalf("not applied: %d to %q\n%s\n%s", a.status, a.header.Get("Location"), a.body, b.site.log.text())
	}
	if got := b.site.read("lvs.cf"); !strings.Contains(got, "serial_no = "+serial+"\n") {
		b.site.t.Fatalf("not serial %s:\n%s", serial, got)
	}
}

// tryApply sends the form that applies the draft.
func (b *browser) tryApply(kv ...string) answer {
	b.site.t.Helper()
	form := url.Values{}
	if m := hidden.FindStringSubmatch(b.get("/changes").body); m != nil {
		form.Set("file", m[1])
	}
	for i := 0; i < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	return b.post("/changes/apply", form)
}

// TestUntouched: a form that is sent as it came changes nothing, however odd the file is, and looking changes nothing either.
func TestUntouched(t *testing.T) {
	s := newSite(t)
	text := `# by hand
serial_no=7
primary = 192.0.2.11   # here
backup_active = 0x1
backup = 192.0.2.12
monitor_links = 2
network=tunnel
nat_router = 10.0.0.1
unknown_key = "x
tcp_timeout = 0x10
virtual "a b" {
	active = 1
	address = 192.0.2.100 eth0:1
	vip_nmask = /24
	scheduler = nonsense
	load_monitor = /usr/bin/load
	send = 'GET / "quoted" \r\n'
	expect = ""
	protocol = UDP
	server one {
		address = 10.0.0.1
		weight = 010
	}
	server one {
	}
}
virtual "a b" {
}
`
	s.write("lvs.cf", text)
	b := s.signedIn("piranha")
	for _, page := range []string{
		"/global", "/redundancy", "/virtual/edit?v=a+b", "/virtual/edit?v=a+b&vn=1", "/virtual/scripts?v=a+b", "/virtual/real/edit?v=a+b&s=one",
		"/virtual/real/edit?v=a+b&s=one&sn=1",
	} {
		b.drafted(b.send(page), "nothing").want(t, page, http.StatusOK, "Nothing was changed.")
	}
	for _, page := range []string{"/virtual", "/virtual/real?v=a+b", "/control", "/redundancy?ask=reset", "/redundancy?ask=disable"} {
		b.get(page).want(t, page, http.StatusOK)
	}
	if got := s.read("lvs.cf"); got != text {
		t.Errorf("the file is now\n%s", got)
	}
}

func TestGlobal(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	b.saved(b.send("/global", "PriLVSIP", "192.0.2.99", "tcp_timeout", "900", "NATRtrDev", "eth2:1", "network", "direct"), "43").
		want(t, "saved", http.StatusOK, "In the draft.", `value="192.0.2.99"`, "was: 192.0.2.11")
	want := `# By hand.
serial_no = 43
primary = 192.0.2.99
backup_active = 0
network = direct
nat_router = 10.11.12.254 eth2:1
tcpfin_timeout   =   60 # kept
tcp_timeout = 900
`
	if got := s.read("lvs.cf"); got != want {
		t.Errorf("file:\n%s\nwant\n%s", got, want)
	}
	for _, part := range []string{"edited the draft account piranha address 127.0.0.1", "applied the draft account piranha address 127.0.0.1 serial_no 43", "primary: 192.0.2.11 → 192.0.2.99", "tcp_timeout: (none) → 900", "nat_router: 10.11.12.254 eth1:1 → 10.11.12.254 eth2:1"} {
		if !strings.Contains(s.log.text(), part) {
			t.Errorf("the log lacks %q:\n%s", part, s.log.text())
		}
	}
	b.saved(b.send("/global", "NATRtrIP", "", "NATRtrDev", "", "tcp_timeout", ""), "44")
	if got := s.read("lvs.cf"); strings.Contains(got, "nat_router") || strings.Contains(got, "tcp_timeout") {
		t.Errorf("file:\n%s", got)
	}
	// The private address of the other router goes with that of this one.
	s.write("lvs.cf", "serial_no = 1\nprimary = 192.0.2.1\nprimary_private = 10.0.0.1\nbackup = 192.0.2.2\nbackup_private = 10.0.0.2\n")
	b.saved(b.send("/global", "primary_private", ""), "2")
	if got := s.read("lvs.cf"); got != "serial_no = 2\nprimary = 192.0.2.1\nbackup = 192.0.2.2\n" {
		t.Errorf("file:\n%s", got)
	}
}

// TestRefused: what the daemons would refuse is not written, and the message is beside the field.
func TestRefused(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	before := s.working()
	for _, tt := range []struct{ page, field, value string }{
		{"/global", "PriLVSIP", "999.1.1.1"},
		{"/global", "PriLVSIP", "192.0.2.1\nactive_cmd = /bin/sh"},
		{"/global", "PriLVSIP", "192.0.2.1\r\nx"},
		{"/global", "PriLVSIP", "192.0.2.1\x00"},
		{"/global", "PriLVSIP", "192.0.2.1\xff"},
		{"/global", "PriLVSIP", "192.0.2.1\u2028x"},
		{"/global", "PriLVSIP", strings.Repeat("1", 2000)},
		{"/global", "tcp_timeout", "abc"},
		{"/global", "tcp_timeout", "-5"},
		{"/global", "network", "junk"},
		{"/global", "network", "nat\nactive_cmd = /bin/sh"},
		{"/global", "nat_nmask", "255.0.255.0"},
		{"/global", "NATRtrDev", ""},
		{"/global", "NATRtrIP", ""},
		{"/global", "NATRtrIP", "10.0.0.1 eth0"},
		{"/global", "nanny_mode", "x"},
	} {
		a := b.send(tt.page, tt.field, tt.value)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="e-`) && tt.field != "network" {
			t.Errorf("%s = %.40q: %d\n%s", tt.field, tt.value, a.status, a.body)
		}
		if got := s.read("lvs.cf"); got != before {
			t.Fatalf("%s = %.40q was written:\n%s", tt.field, tt.value, got)
		}
	}
	a := b.send("/global", "PriLVSIP", "999.1.1.1")
	a.want(t, "message", a.status, `href="#PriLVSIP"`, `aria-invalid="true"`, `value="999.1.1.1"`, "was: 192.0.2.11")
	if strings.Contains(s.log.text(), "changed lvs.cf") {
		t.Errorf("log:\n%s", s.log.text())
	}
}

// TestConflict: what somebody else has saved meanwhile is not overwritten.
func TestConflict(t *testing.T) {
	s := newSite(t)
	one, two := s.signedIn("piranha"), s.signedIn("piranha")
	form := formOf(t, one.get("/global").body)
	form.Set("PriLVSIP", "192.0.2.1")
	two.saved(two.send("/global", "PriLVSIP", "192.0.2.2"), "43")
	a := one.post("/global", form)
	a.want(t, "conflict", http.StatusConflict, "changed by someone else", `value="192.0.2.1"`, "was: 192.0.2.2")
	if got := s.read("lvs.cf"); !strings.Contains(got, "primary = 192.0.2.2\n") {
		t.Errorf("file:\n%s", got)
	}
	form = formOf(t, a.body) // again, knowing it
	one.saved(one.post("/global", form), "44")
	for _, file := range []string{"", "x", strings.Repeat("0", 32)} {
		form.Set("file", file)
		one.post("/global", form).want(t, "forged version", http.StatusConflict)
	}
}

func TestViewerForms(t *testing.T) {
	s := newSite(t)
	v := s.signedIn("viewer")
	a := v.get("/global")
	a.want(t, "viewer", http.StatusOK, "disabled", "may look and not change")
	if strings.Contains(a.body, ">Accept<") {
		t.Error("a viewer gets the button")
	}
	before := s.working()
	form := url.Values{"file": {hidden.FindStringSubmatch(a.body)[1]}, "PriLVSIP": {"192.0.2.5"}, "action": {"add"}, "name": {"x"}}
	for _, page := range []string{"/global", "/redundancy", "/virtual"} {
		v.post(page, form).want(t, page, http.StatusForbidden, "may look and not change")
	}
	if s.working() != before {
		t.Error("a viewer has changed the file")
	}
}

func TestRedundancy(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	a := b.get("/redundancy")
	a.want(t, "inactive", http.StatusOK, `<span class="st down">inactive</span>`, `value="enable"`)
	form := url.Values{"file": {hidden.FindStringSubmatch(a.body)[1]}, "action": {"enable"}}
	a = b.saved(b.post("/redundancy", form), "43")
	a.want(t, "active", http.StatusOK, `<span class="st up">active</span>`, `name="hb_interval" value="6"`, `name="dead_after" value="18"`, `name="hb_port" value="539"`)
	if strings.Contains(a.body, "redundant_private") {
		t.Error("a private address is asked for, and the primary has none")
	}
	b.post("/redundancy", form).want(t, "pressed twice", http.StatusConflict)
	b.saved(b.send("/redundancy", "redundant", "192.0.2.12", "monitor_links", "1", "syncdaemon", "1", "syncd_iface", "eth1"), "44")
	got := s.read("lvs.cf")
	for _, line := range []string{"backup_active = 1", "heartbeat = 1", "backup = 192.0.2.12", "keepalive = 6", "deadtime = 18", "heartbeat_port = 539", "monitor_links = 1", "syncdaemon = 1", "syncd_iface = eth1"} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	b.send("/redundancy", "hb_interval", "20").want(t, "interval above deadtime", http.StatusUnprocessableEntity)
	b.send("/redundancy", "hb_port", "99999").want(t, "port", http.StatusUnprocessableEntity, `id="e-hb_port"`)

	b.get("/redundancy?ask=disable").want(t, "asked", http.StatusOK, "Disable redundancy?")
	if !strings.Contains(s.read("lvs.cf"), "backup_active = 1\n") {
		t.Error("asking disables it")
	}
	a = b.get("/redundancy?ask=reset")
	a.want(t, "asked", http.StatusOK, "Reset to the defaults?")
	form = url.Values{"file": {hidden.FindStringSubmatch(a.body)[1]}, "action": {"reset"}}
	b.saved(b.post("/redundancy", form), "45")
	if got := s.read("lvs.cf"); !strings.Contains(got, "backup = 0.0.0.0\n") || !strings.Contains(got, "monitor_links = 1\n") {
		t.Errorf("after reset:\n%s", got)
	}
	form = url.Values{"file": {hidden.FindStringSubmatch(b.get("/redundancy").body)[1]}, "action": {"disable"}}
	b.saved(b.post("/redundancy", form), "46").want(t, "disabled", http.StatusOK, `<span class="st down">inactive</span>`)
}

// TestUnreadable: the original's only message is still there.
func TestUnreadable(t *testing.T) {
	s := newSite(t)
	s.server.opt.ConfigFile = s.path("conf") // a directory
	b := s.signedIn("piranha")
	for _, page := range []string{"/global", "/redundancy", "/virtual", "/virtual/edit?v=x"} {
		b.get(page).want(t, page, http.StatusInternalServerError, "lvs.cf cannot be read", "chmod 660")
	}
}
