package gui

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/gui/api"
	"github.com/piranha-lvs/piranha/internal/gui/sshdtest"
)

// twins is an lvs.cf of two routers on this machine, the other of which is reached by ssh at a port.
func twins(port string) string {
	return "serial_no = 42\nprimary = 127.0.0.1\nbackup = 127.0.0.2\nbackup_active = 1\nrsh_command = \"ssh -p " + port + "\"\n"
}

var (
	shownKey   = regexp.MustCompile(`value="restrict (ssh-ed25519 [^"]+)"`)
	hiddenName = func(name string) *regexp.Regexp { return regexp.MustCompile(`name="` + name + `" value="([^"]+)"`) }
)

// TestCopyToOther: a key is made, the host key compared, the difference shown, and only then lvs.cf copied.
func TestCopyToOther(t *testing.T) {
	s := newSite(t)
	sshd := sshdtest.Start(t, "127.0.0.2") // it has the files of this router: only its lvs.cf is at another place
	port := sshd.Port
	s.write("lvs.cf", twins(port))
	s.server.other.path = s.path("there/lvs.cf")
	s.write("there/lvs.cf", "serial_no = 41\n# old\n")
	s.server.other.link.Reload = []string{"touch", s.path("there/read")}
	b := s.signedIn("piranha")
	b.get("/redundancy").want(t, "the link", http.StatusOK, `href="/partner"`)
	b.get("/partner").want(t, "at first", http.StatusOK, "There is no key yet.", "@lb1")
	b.post("/partner/compare", nil).want(t, "no key", http.StatusConflict, "There is no key yet.")
	key := shownKey.FindStringSubmatch(b.post("/partner/key", nil).body)
	if key == nil {
		t.Fatal("no key is shown")
	}
	sshd.Authorize("restrict " + strings.ReplaceAll(key[1], "&#43;", "+"))
	b.post("/partner/compare", nil).want(t, "no host key", http.StatusConflict, "Nobody has accepted")
	asked := b.post("/partner/hostkey", nil)
	asked.want(t, "host key", http.StatusOK, "SHA256:", "ssh-keygen -lf")
	offered := hiddenName("key").FindStringSubmatch(asked.body)
	b.post("/partner/accept", url.Values{"key": {"ssh-ed25519 x"}}).want(t, "no key", http.StatusBadGateway, "no host key")
	b.post("/partner/accept", url.Values{"key": {strings.ReplaceAll(offered[1], "&#43;", "+")}}).want(t, "accepted", http.StatusOK, "Host key accepted")
	compared := b.post("/partner/compare", nil)
	compared.want(t, "compared", http.StatusOK, "serial 41 there, 42 here", "# old", "rsh_command = ", "Copy to the other router")
	if s.read("there/lvs.cf") != "serial_no = 41\n# old\n" {
		t.Error("comparing has changed it")
	}
	form := url.Values{"here": {hiddenName("here").FindStringSubmatch(compared.body)[1]}, "there": {hiddenName("there").FindStringSubmatch(compared.body)[1]}}
	s.write("there/lvs.cf", "serial_no = 41\n# by somebody else\n")
	b.post("/partner/copy", form).want(t, "changed there", http.StatusConflict, "compare them again", "# by somebody else")
	b.post("/partner/copy", nil).want(t, "blindly", http.StatusConflict, "compare them again")
	if s.read("there/lvs.cf") != "serial_no = 41\n# by somebody else\n" {
		t.Error("it was overwritten")
	}
	form.Set("there", hiddenName("there").FindStringSubmatch(b.post("/partner/compare", nil).body)[1])
	b.post("/partner/copy", form).want(t, "copied", http.StatusOK, "<b>Copied.</b>", "They do not differ.")
	if s.read("there/lvs.cf") != twins(port) {
		t.Errorf("there is %q", s.read("there/lvs.cf"))
	}
	if _, err := os.Stat(s.path("there/read")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.log.text(), "copied lvs.cf to the other router account piranha address 127.0.0.1 host 127.0.0.2 serial_no 42 was 41") {
		t.Error(s.log.text())
	}
	if a := b.post("/partner/hostkey", nil); strings.Contains(a.body, "accepted before") {
		t.Error("the same host key looks like another one")
	}
	other := "ssh-ed25519 " + strings.Repeat("A", 68)
	b.post("/partner/accept", url.Values{"key": {other}}).want(t, "another host key", http.StatusOK, "Host key accepted")
	b.post("/partner/hostkey", nil).want(t, "another host key", http.StatusOK, "not the one that was accepted before")
	b.post("/partner/compare", nil).want(t, "another host key", http.StatusBadGateway, "Host key verification failed")
	b.post("/partner/accept", url.Values{"key": {strings.ReplaceAll(offered[1], "&#43;", "+")}}).want(t, "accepted", http.StatusOK, "Host key accepted")
	v := s.signedIn("viewer")
	v.get("/partner").want(t, "viewer", http.StatusOK, "Host key accepted")
	v.post("/partner/compare", nil).want(t, "viewer", http.StatusForbidden)
	s.copyByProgram(port)
}

// copyByProgram does it once more as programs do.
func (s *site) copyByProgram(port string) {
	t := s.t
	t.Helper()
	p := s.program(s.token("configure"))
	known := ask[api.Partner](p, http.MethodGet, "/api/v1/partner", nil)
	if known.Host != "127.0.0.2" || !strings.HasPrefix(known.HostKey, "SHA256:") || known.Key == "" || len(known.Routers) != 2 {
		t.Errorf("partner %+v", known)
	}
	s.write("lvs.cf", twins(port)+"# new\n")
	s.server.other.link.Reload = []string{"false"}
	c := ask[api.Comparison](p, http.MethodPost, "/api/v1/partner/compare", nil)
	if c.Here == c.There || c.Diff.Added != 1 || c.Missing {
		t.Errorf("comparison %+v", c)
	}
	p.refused(http.StatusConflict, http.MethodPost, "/api/v1/partner/copy", api.Copy{Here: c.There, There: c.There})
	after := ask[api.Comparison](p, http.MethodPost, "/api/v1/partner/copy", api.Copy{Here: c.Here, There: c.There})
	if after.There != c.Here || !strings.Contains(after.Notice, "was not told to read it") || s.read("there/lvs.cf") != s.read("lvs.cf") {
		t.Errorf("copied %+v", after)
	}
	s.write("lvs.cf", twins(port)+"keepalive = x\n")
	c = ask[api.Comparison](p, http.MethodPost, "/api/v1/partner/compare", nil)
	e := p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/partner/copy", api.Copy{Here: c.Here, There: c.There})
	if len(e.Fields) != 1 || e.Fields[0].Field != "keepalive" {
		t.Errorf("refused %+v", e)
	}
}

// TestOtherUnfit: what keeps the other router from being reached is said, and nothing is run.
func TestOtherUnfit(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	for _, test := range []struct{ text, want string }{
		{sampleConfig, "There is no other router in lvs.cf."},
		{strings.Replace(twins("22"), "ssh -p 22", "rsh", 1), "The other router is reached by ssh only"},
		{strings.Replace(twins("22"), "ssh -p 22", "ssh -o ProxyCommand=x", 1), "The other router is reached by ssh only"},
		{strings.Replace(twins("22"), "127.0.0.1", "192.0.2.11", 1) + "backup_private = 127.0.0.1\nprimary_private = 127.0.0.1\n", "It is not known which of the two"},
	} {
		s.write("lvs.cf", test.text)
		b.get("/partner").want(t, test.want, http.StatusOK, test.want)
		if a := b.post("/partner/hostkey", nil); a.status != http.StatusConflict {
			t.Errorf("%s: %d", test.want, a.status)
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "state", "ssh")); err == nil {
		t.Error("looking has made files")
	}
}
