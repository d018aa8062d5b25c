package gui

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// lvsd answers as lvsd does, with an order carried out where it says so.
func (s *site) lvsd(status monitor.LvsdStatus, refuse int) *[]string {
	s.t.Helper()
	var calls []string
	s.socket("lvs", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/history":
			control.Reply(w, http.StatusOK, []map[string]any{{"virtual": "service0", "server": "real0", "results": []monitor.Check{{Time: time.Now(), Reason: "connection <refused>"}}}})
		case r.Method == http.MethodGet:
			control.Reply(w, http.StatusOK, status)
		case refuse != 0:
			control.Fail(w, refuse, "no such thing")
		default:
			calls = append(calls, r.URL.RequestURI())
			control.Reply(w, http.StatusOK, map[string]int{"writes": 1})
		}
	})
	return &calls
}

// TestActions: each is asked for first, which does nothing, and then done once.
func TestActions(t *testing.T) {
	s := newSite(t)
	s.write("run/x", "")
	status := cluster(1, 2)
	status.Virtual[0].Real[0].Traffic.Active = 12
	orders := s.lvsd(status, 0)
	pulse := s.pulse(42)
	b := s.signedIn("piranha")
	b.get("/control").want(t, "control", http.StatusOK, "/server?s=real0&amp;v=service0", "/act/switchover", "/act/reload")
	b.get("/server?v=service0&s=real0").want(t, "server", http.StatusOK, "10.0.0.0:80", "/act/drain?s=real0&amp;v=service0", "connection &lt;refused&gt;")
	const server = "?v=service0&s=real0"
	for _, test := range []struct {
		page, says string
		form       url.Values
		want       string
	}{
		{"/act/drain" + server, "New clients of service0 go to 1 other real server.", nil, "/v1/drain?server=real0&virtual=service0"},
		{"/act/drain" + server, "The 12 connections it has go on", url.Values{"limited": {"1"}, "within": {"90"}}, "/v1/drain?server=real0&virtual=service0&within=1h30m0s"},
		{"/act/maint" + server, "are cut", nil, "/v1/maint?server=real0&virtual=service0"},
		{"/act/ready" + server, "it gets new connections at once", nil, "/v1/ready?server=real0&virtual=service0"},
		{"/act/weight" + server, "lvs.cf says 1", url.Values{"weight": {" 007 "}}, "/v1/weight?server=real0&virtual=service0&weight=7"},
		{"/act/weight" + server, "lvs.cf says 1", url.Values{"weight": {"9"}, "default": {"1"}}, "/v1/weight?server=real0&virtual=service0&weight=default"},
		{"/act/switchover", "the other one will", nil, "/v1/switchover"},
		{"/act/standby", "until somebody lets it resume", nil, "/v1/standby"},
		{"/act/resume", "may serve again", nil, "/v1/resume"},
		{"/act/reload", "as it is on disk", nil, "/v1/reload"},
	} {
		*orders, pulse.calls = nil, nil
		b.get(test.page).want(t, test.page, http.StatusOK, test.says, `method="post"`)
		if len(*orders)+len(pulse.calls) > 0 {
			t.Errorf("asking %s does it", test.page)
		}
		if a := b.post(test.page, test.form); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", test.page, a.status, a.body)
		} else {
			b.get(a.header.Get("Location")).want(t, test.page+" done", http.StatusOK, `class="note up"`)
		}
		if got := slices.Concat(*orders, pulse.calls); len(got) != 1 || got[0] != test.want {
			t.Errorf("%s called %q, want %q", test.page, got, test.want)
		}
	}
	for _, part := range []string{"acted account piranha address 127.0.0.1 what drain vs service0 rs real0 how within 1h30m0s", "what weight vs service0 rs real0 how weight 7", "what switchover"} {
		if !strings.Contains(s.log.text(), part) {
			t.Errorf("the log lacks %q:\n%s", part, s.log.text())
		}
	}
	for _, weight := range []string{"", "-1", "65536", "x", "7;"} {
		b.post("/act/weight"+server, url.Values{"weight": {weight}}).want(t, weight, http.StatusUnprocessableEntity, "0 to 65535")
	}
	for _, within := range []string{"", "0", "10081", "-3", "1h"} {
		b.post("/act/drain"+server, url.Values{"limited": {"1"}, "within": {within}}).want(t, within, http.StatusUnprocessableEntity, "1 to 10080 minutes")
	}
	b.get("/act/drain?v=service0&s=none").want(t, "no such server", http.StatusNotFound)
	for _, what := range []string{"start", "stop", "probe", "activate", "reexec", "x"} {
		b.post("/act/"+what+server, nil).want(t, what, http.StatusNotFound)
	}
}

func TestActRefused(t *testing.T) {
	s := newSite(t)
	s.write("run/x", "")
	s.lvsd(cluster(1, 1), http.StatusForbidden)
	b := s.signedIn("piranha")
	b.get("/act/drain?v=service0&s=real0").want(t, "alone", http.StatusOK, "No other real server of service0 takes connections")
	b.post("/act/drain?v=service0&s=real0", nil).want(t, "forbidden", http.StatusForbidden, "may not tell the daemons what to do")
	b.post("/act/switchover", nil).want(t, "no pulse", http.StatusBadGateway, "The daemon does not run.")
	v := s.signedIn("viewer")
	for _, what := range []string{"drain?v=service0&s=real0", "switchover"} {
		if a := v.get("/act/" + what); strings.Contains(a.body, "<button class") {
			t.Errorf("a viewer gets the button:\n%s", a.body)
		}
		v.post("/act/"+what, nil).want(t, "viewer", http.StatusForbidden, "may look and not change")
	}
	if strings.Contains(v.get("/server?v=service0&s=real0").body, "/act/") {
		t.Error("a viewer gets buttons")
	}
}

// TestCommands: what probes, starts and stops are fixed commands; what people enter is never part of a shell's line.
func TestCommands(t *testing.T) {
	s := newSite(t)
	s.write("run/x", "")
	status := cluster(1, 1)
	status.Virtual[0].Real[0].Name = `-x $(touch y) <b>`
	s.lvsd(status, 0)
	s.server.opt.Probe = []string{"/bin/sh", "-c", `printf '%s|' "$@"; exit 1`, "probe"}
	s.server.opt.StartPulse = []string{"/bin/sh", "-c", "exit 0"}
	s.server.opt.StopPulse = []string{"/bin/sh", "-c", "echo no way >&2; exit 3"}
	b := s.signedIn("piranha")
	page := "/act/probe?" + url.Values{"v": {"service0"}, "s": {status.Virtual[0].Real[0].Name}}.Encode()
	b.get(page).want(t, "probe", http.StatusOK, "Clients notice nothing")
	b.post(page, nil).want(t, "probed", http.StatusOK, "service0|-x $(touch y) &lt;b&gt;|")
	if a := b.post("/act/start", nil); a.status != http.StatusSeeOther {
		t.Errorf("start: %d\n%s", a.status, a.body)
	}
	b.get("/act/stop").want(t, "stop", http.StatusOK, "nobody takes over")
	b.post("/act/stop", nil).want(t, "stop", http.StatusBadGateway, "Exit status 3.", "no way")
	if _, err := os.Stat("y"); err == nil {
		t.Error("a shell has seen the name")
	}
	s.server.opt.StartPulse = []string{"/bin/sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"}
	if a := b.post("/act/start", nil); strings.Count(a.body, "x") < commandOutput || len(a.body) > commandOutput+20_000 {
		t.Errorf("long output: %d bytes", len(a.body))
	}
}
