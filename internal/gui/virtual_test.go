package gui

import (
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// press presses a button of a list.
func (b *browser) press(page, action string, kv ...string) answer {
	b.site.t.Helper()
	form := url.Values{"file": {hidden.FindStringSubmatch(b.get(page).body)[1]}, "action": {action}}
	for i := 0; i < len(kv); i += 2 {
		form.Add(kv[i], kv[i+1])
	}
	return b.post(page, form)
}

// meaning is what a file says, without its line numbers and its version.
func meaning(t *testing.T, path string) *lvscf.Config {
	t.Helper()
	d, err := lvscf.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg, found := d.Config(lvscf.Lookup{})
	if err := found.Err(); err != nil {
		t.Error(err)
	}
	cfg.SerialNo = 0
	for i := range cfg.Virtual {
		cfg.Virtual[i].Line = 0
		for j := range cfg.Virtual[i].Servers {
			cfg.Virtual[i].Servers[j].Line = 0
		}
	}
	return cfg
}

// TestBuild builds the manual's example from an empty file by the panels alone.
func TestBuild(t *testing.T) {
	s := newSite(t)
	if err := os.Truncate(s.path("lvs.cf"), 0); err != nil {
		t.Fatal(err)
	}
	b := s.signedIn("piranha")
	ok := func(a answer) {
		t.Helper()
		if a.status != http.StatusSeeOther || strings.Contains(a.header.Get("Location"), "saved=nothing") {
			t.Fatalf("%d to %s\n%s", a.status, a.header.Get("Location"), a.body)
		}
	}
	ok(b.send("/global", "PriLVSIP", "192.168.26.9", "primary_private", "10.11.12.9", "network", "nat",
		"NATRtrIP", "10.11.12.10", "nat_nmask", "255.255.255.0", "NATRtrDev", "eth1:1"))
	ok(b.press("/redundancy", "enable"))
	ok(b.send("/redundancy", "redundant", "192.168.26.8", "redundant_private", "10.11.12.8"))
	a := b.press("/virtual", "add", "name", "HTTP")
	ok(a)
	if !strings.HasPrefix(a.header.Get("Location"), "/virtual/edit?") {
		t.Errorf("a new virtual server leads to %s", a.header.Get("Location"))
	}
	ok(b.send("/virtual/edit?v=HTTP", "address", "192.168.26.10", "vip_nmask", "255.255.255.0"))
	for _, real := range [][]string{{"ONE", "10.11.12.1", "", "1"}, {"TWO", "10.11.12.2", "8080", "5"}, {"THREE", "10.11.12.3", "", "1"}} {
		ok(b.press("/virtual/real?v=HTTP", "add", "name", real[0]))
		page := "/virtual/real/edit?v=HTTP&s=" + real[0]
		if a := b.send(page, "address", real[1], "port", real[2], "weight", real[3]); a.status != http.StatusSeeOther {
			t.Fatalf("%d\n%s", a.status, a.body)
		}
	}
	ok(b.press("/virtual/real?v=HTTP", "toggle", "host", "v=HTTP&s=ONE", "host", "v=HTTP&s=TWO"))
	ok(b.press("/virtual", "toggle", "host", "v=HTTP"))

	b.apply("1", "comment", "the manual's example")
	got, want := meaning(t, s.path("lvs.cf")), meaning(t, "../lvscf/testdata/original-nat.cf")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("file:\n%s\ngot  %+v\nwant %+v", s.read("lvs.cf"), got, want)
	}
	if text := s.read("lvs.cf"); !strings.HasPrefix(text, "serial_no = ") || !strings.Contains(text, "\n     server ONE {\n         address = 10.11.12.1\n") {
		t.Errorf("layout:\n%s", text)
	}
}

// working is the draft, or lvs.cf.
func (s *site) working() string {
	state, _ := s.server.changes.Look()
	return string(state.Text([]byte(s.read("lvs.cf"))))
}

const twoServers = `serial_no = 5
primary = 192.0.2.1
virtual web {
     active = 1
     address = 192.0.2.10 eth0:1
     # a comment
     timeout   =   6
     server a {
         address = 10.0.0.1
         active = 1
     }
     server b {
         address = 10.0.0.2
     }
}
virtual mail {
     address = 192.0.2.11 eth0:2
     port = 25
}
`

func TestList(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	b.get("/virtual").want(t, "list", http.StatusOK, "web", "mail", "192.0.2.10", "eth0:1", "Unused", "<b>active</b>", "not watched", "not known", "lvsd does not answer")
	b.get("/virtual/real?v=web").want(t, "real", http.StatusOK, "10.0.0.1", "10.0.0.2", `href="/virtual/real/edit?s=a&amp;v=web"`, "Real server (2)")
	b.press("/virtual", "edit").want(t, "nothing selected", http.StatusUnprocessableEntity, "Select a virtual server first.")
	b.press("/virtual", "toggle").want(t, "nothing selected", http.StatusUnprocessableEntity)
	b.press("/virtual", "delete").want(t, "nothing selected", http.StatusUnprocessableEntity)
	b.press("/virtual", "nonsense").want(t, "no button", http.StatusBadRequest)
	if a := b.press("/virtual", "edit", "host", "v=mail"); a.header.Get("Location") != "/virtual/edit?v=mail" {
		t.Errorf("edit: %d to %s", a.status, a.header.Get("Location"))
	}
	for _, ref := range []string{"v=none", "", "x", "v=web&s=a", "v=web&vn=1", "v=web&vn=-1000", "v=%zz"} {
		if a := b.press("/virtual", "toggle", "host", ref); a.status != http.StatusConflict && ref != "v=web&vn=-1000" {
			t.Errorf("toggle of %q: %d", ref, a.status)
		}
	}
	for _, ref := range []string{"v=web", "v=mail", "v=mail&s=a", "v=web&s=none"} {
		b.press("/virtual/real?v=web", "delete", "host", ref, "confirm", "1").want(t, ref, http.StatusConflict)
	}
}

// TestDelete: deleting asks first, and sent twice it deletes once.
func TestDelete(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	a := b.press("/virtual", "delete", "host", "v=web")
	a.want(t, "asked", http.StatusOK, "Delete web?", "web has 2 real servers", `name="confirm" value="1"`)
	if s.read("lvs.cf") != twoServers {
		t.Fatal("asking deletes")
	}
	form := url.Values{"file": {hidden.FindStringSubmatch(a.body)[1]}, "action": {"delete"}, "confirm": {"1"}, "host": {"v=web"}}
	b.saved(b.post("/virtual", form), "6")
	if got := s.read("lvs.cf"); strings.Contains(got, "web") || !strings.Contains(got, "virtual mail {") {
		t.Errorf("file:\n%s", got)
	}
	after := s.read("lvs.cf")
	b.post("/virtual", form).want(t, "sent twice", http.StatusConflict)
	form.Set("host", "v=mail")
	b.post("/virtual", form).want(t, "with an old version", http.StatusConflict, "changed by someone else")
	if s.read("lvs.cf") != after {
		t.Error("it was deleted twice")
	}
	if !strings.Contains(s.log.text(), `deleted: virtual "web" → (none)`) {
		t.Errorf("log:\n%s", s.log.text())
	}
}

func TestDeleteSameName(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", "virtual a {\n port = 1\n}\nvirtual a {\n port = 2\n}\nvirtual a {\n port = 3\n}\n")
	b := s.signedIn("piranha")
	b.saved(b.press("/virtual", "delete", "confirm", "1", "host", "v=a", "host", "v=a&vn=1", "host", "v=a"), "1")
	if got := s.read("lvs.cf"); strings.Contains(got, "port = 1") || strings.Contains(got, "port = 2") || !strings.Contains(got, "port = 3") {
		t.Errorf("file:\n%s", got)
	}
}

func TestAdd(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	b.press("/virtual", "add", "name", "web").want(t, "a name that is used", http.StatusUnprocessableEntity, "the name is used already")
	for _, name := range []string{"a\nactive_cmd = x", "x {", "a\x00b", "}", "#x", `a"b`, strings.Repeat("n", 200), "<script>alert(1)</script>", "a=b", "virtual", "ä ö", `'`, `"'`} {
		before := s.working()
		a := b.press("/virtual", "add", "name", name)
		if a.status == http.StatusUnprocessableEntity {
			if s.working() != before {
				t.Errorf("%q was refused and written", name)
			}
			continue
		}
		// If it was taken, it is one block of that name and nothing else has changed.
		d, err := lvscf.Parse("lvs.cf", []byte(s.working()))
		if err != nil {
			t.Fatal(err)
		}
		cfg, _ := d.Config(lvscf.Lookup{})
		last := cfg.Virtual[len(cfg.Virtual)-1]
		if last.Name != strings.ReplaceAll(name, " ", "_") || cfg.ActiveCmd != "" || last.Enabled {
			t.Errorf("%q became %q:\n%s", name, last.Name, s.working())
		}
		if body := b.get("/virtual").body; strings.Contains(body, "<script>") {
			t.Errorf("the list has a script:\n%s", body)
		}
		if a := b.get(a.header.Get("Location")); a.status != http.StatusOK || strings.Contains(a.body, "<script>") {
			t.Errorf("%q: its page: %d", name, a.status)
		}
	}
	a := b.press("/virtual/real?v=web", "add")
	if to := a.header.Get("Location"); a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/virtual/real/edit?s=%5Bunnamed%5D") {
		t.Errorf("without a name: %d to %s\n%s", a.status, to, a.body)
	}
}

func TestEditVirtual(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	a := b.saved(b.send("/virtual/edit?v=web", "hostname", "new name", "sched", "mh", "persistent", "300", "quiesce_server", "1", "sorry_server", "10.0.0.9",
		"fwmark", "7", "load", "rup", "vip_nmask", "unused", "rise", "3"), "6")
	a.want(t, "renamed", http.StatusOK, "new_name", `action="/virtual/edit?v=new_name"`)
	want := `virtual new_name {
     active = 1
     address = 192.0.2.10 eth0:1
     # a comment
     timeout   =   6
`
	got := s.read("lvs.cf")
	if !strings.Contains(got, want) {
		t.Errorf("file:\n%s", got)
	}
	for _, line := range []string{"scheduler = mh", "persistent = 300", "quiesce_server = 1", "sorry_server = 10.0.0.9", "fwmark = 7", "load_monitor = rup", "rise = 3"} {
		if !strings.Contains(got, "\n     "+line+"\n") {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	b.send("/virtual/edit?v=new_name", "hostname", "mail").want(t, "name in use", http.StatusUnprocessableEntity, "the name is used already")
	for field, value := range map[string]string{
		"port": "99999", "address": "192.0.2.300", "vip_nmask": "255.0.1.0", "sorry_server": "x", "fwmark": "x", "device": "", "reentry": "-5", "timeout": "0",
		"sched": "quick", "protocol": "junk", "persistent": "-1", "pmask": "1.2.3.4", "rise": "0",
	} {
		before := s.working()
		a := b.send("/virtual/edit?v=new_name", field, value)
		if a.status != http.StatusUnprocessableEntity || s.working() != before {
			t.Errorf("%s = %s: %d", field, value, a.status)
		}
		if !strings.Contains(a.body, `id="e-`+field+`"`) {
			t.Errorf("%s = %s: the message is not beside the field:\n%s", field, value, a.body)
		}
	}
	b.get("/virtual/edit?v=web").want(t, "its old name", http.StatusNotFound)
}

func TestEditReal(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	a := b.saved(b.send("/virtual/real/edit?v=web&s=a", "name", "a2", "weight", "7", "port", "8080"), "6")
	a.want(t, "saved", http.StatusOK, `<a href="/virtual/real?v=web">web</a>`, "<h2>a2</h2>", `value="8080"`)
	if got := s.read("lvs.cf"); !strings.Contains(got, "     server a2 {\n         address = 10.0.0.1\n         active = 1\n") {
		t.Errorf("file:\n%s", got)
	}
	b.saved(b.send("/virtual/real/edit?v=web&s=a2", "port", ""), "7")
	if got := s.read("lvs.cf"); strings.Contains(got, "8080") {
		t.Errorf("file:\n%s", got)
	}
	for field, value := range map[string]string{"weight": "-1", "address": "junk..", "port": "x", "upper_threshold": "-3"} {
		if a := b.send("/virtual/real/edit?v=web&s=a2", field, value); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="e-`+field+`"`) {
			t.Errorf("%s = %s: %d\n%s", field, value, a.status, a.body)
		}
	}
	for _, page := range []string{"/virtual/real/edit?v=web", "/virtual/real/edit?v=web&s=none", "/virtual/real/edit?s=a", "/virtual/real?v=none", "/virtual/edit", "/virtual/scripts?v="} {
		if a := b.get(page); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", page, a.status)
		}
	}
}

func TestScripts(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	b := s.signedIn("piranha")
	b.saved(b.send("/virtual/scripts?v=web", "send", ` GET / HTTP/1.0\r\n\r\n `, "expect", `say "hi"`, "use_regex", "1", "check_path", "/health"), "6").
		want(t, "saved", http.StatusOK, `value=" GET / HTTP/1.0\r\n\r\n "`, `value="say &#34;hi&#34;"`, `use_regex" value="1" checked`)
	if got := s.read("lvs.cf"); !strings.Contains(got, `send = " GET / HTTP/1.0\r\n\r\n "`) {
		t.Errorf("file:\n%s", got)
	}
	b.saved(b.send("/virtual/scripts?v=web", "send_program", "/bin/check %h"), "7")
	b.saved(b.send("/virtual/scripts?v=web", "send_program", "", "send", "", "expect", "", "use_regex", "0", "check_path", ""), "8")
	if got := s.read("lvs.cf"); strings.Contains(got, "send") || strings.Contains(got, "expect") || strings.Contains(got, "check_path") {
		t.Errorf("file:\n%s", got)
	}
	b.send("/virtual/scripts?v=web", "send", "x\nsend_program = \"/bin/sh\"").want(t, "line injection", http.StatusUnprocessableEntity, `id="e-send"`)
	b.saved(b.send("/virtual/scripts?v=web", "send", `"' x`), "9").want(t, "both quotes", http.StatusOK, `value="&#34;&#39; x"`)
}

// TestOldFaults: what was wrong before does not keep anyone from mending something else, or switching something off. It is
// applied when all is mended: the daemons would refuse it before.
func TestOldFaults(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", "serial_no = 1\nprimary = 999.1.1.1\nvirtual a {\n active = 1\n port = x\n}\n")
	b := s.signedIn("piranha")
	b.drafted(b.send("/global", "tcp_timeout", "5"), "draft").want(t, "another field", http.StatusOK, `class="st warn">`)
	b.drafted(b.press("/virtual", "toggle", "host", "v=a"), "draft")
	b.drafted(b.send("/virtual/edit?v=a", "hostname", "b"), "draft")
	b.tryApply().want(t, "faults left", http.StatusUnprocessableEntity, "would refuse", "line 2: primary", `port &#34;x&#34;`)
	b.drafted(b.send("/global", "PriLVSIP", "192.0.2.1"), "draft")
	b.saved(b.send("/virtual/edit?v=b", "port", "80"), "2")
}
