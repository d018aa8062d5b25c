package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// recorded is what piranhactl status --json printed on a router.
func recorded(t *testing.T, name string) *state {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Pulse *pulse.Status `json:"pulse"`
		Lvsd  *lvs.Status   `json:"lvsd"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return &state{pulse: d.Pulse, lvsd: d.Lvsd, lvsdFault: &finding{critical, "lvsd does not run"}}
}

func TestJudge(t *testing.T) {
	half, one := &limit{n: 50, percent: true}, &limit{n: 1}
	nobody := func(s *state) { s.pulse.State, s.pulse.Partner.State, s.lvsd.Active = "inactive", "inactive", false }
	for _, tt := range []struct {
		name, file string
		change     func(*state)
		limits     limits
		level      level
		text       string // that the line begins with, after the level
	}{
		{"all well", "active", nil, limits{}, ok, "active as primary; virtual servers: 1, real servers up: 3 of 3 | heartbeat_age=0.032s;;;0 'web down'=0;0;;0;3\n"},
		{"all well, standing by", "inactive", nil, limits{}, ok, "inactive as backup; virtual servers: 1, real servers up: 3 of 3 | "},
		{"cold standby", "cold", nil, limits{}, ok, "inactive as backup | heartbeat_age="},
		{"one down, one drained", "one-down", nil, limits{}, warning,
			"web has 1 of 3 real servers down: real1, connect refused; active as primary; virtual servers: 1, real servers up: 2 of 3; real2 of web: drain ordered | "},
		{"within the limit", "one-down", nil, limits{warning: one, critical: half}, ok, "active as primary; "},
		{"in figures", "one-down", nil, limits{warning: one, critical: half}, ok, "active as primary; virtual servers: 1, real servers up: 2 of 3; real2 of web: drain ordered | heartbeat_age=0.008s;;;0 'web down'=1;1;1;0;3\n"},
		{"beyond the limit", "one-down", nil, limits{critical: &limit{n: 33, percent: true}}, critical, "web has 1 of 3 real servers down: real1, connect refused; "},
		{"none serving", "none-serving", nil, limits{warning: half, critical: half}, critical, "web has none of 3 real servers in service; "},
		{"all of weight 0", "active", func(s *state) {
			for i := range s.lvsd.VirtualServers[0].RealServers {
				s.lvsd.VirtualServers[0].RealServers[i].Now = 0
			}
		}, limits{}, critical, "web has none of 3 real servers in service; "},
		{"standby would have none", "inactive", func(s *state) {
			zero := 0
			rs := s.lvsd.VirtualServers[0].RealServers
			rs[0].Weight, rs[1].Ordered, rs[2].Order = 0, &zero, "maint"
		}, limits{}, critical, "web has none of 3 real servers in service; "},
		{"weight ordered", "active", func(s *state) {
			five := 5
			s.lvsd.VirtualServers[0].RealServers[2].Ordered = &five
		}, limits{}, ok, "active as primary; virtual servers: 1, real servers up: 3 of 3; real3 of web: weight 5 ordered | "},
		{"nobody serves", "inactive", nobody, limits{}, critical, "no router serves: this one is inactive, the other one is inactive; "},
		{"the other is gone", "inactive", func(s *state) { s.pulse.Partner.Health = "dead" }, limits{}, critical,
			"no router serves: this one is inactive, the other router is not heard; inactive as backup; "},
		{"nobody to take over", "active", func(s *state) { s.pulse.Partner.Health = "left" }, limits{}, warning, "the other router has stopped: nobody would take over; "},
		{"single router", "active", func(s *state) { s.pulse.Partner = pulse.PartnerStatus{Health: "unknown"} }, limits{}, ok,
			"active as primary; virtual servers: 1, real servers up: 3 of 3 | 'web down'=0;"},
		{"single router does not serve", "inactive", func(s *state) { s.pulse.Partner = pulse.PartnerStatus{Health: "unknown"} }, limits{}, critical,
			"no router serves: this one is inactive, there is no other; "},
		{"both active", "active", func(s *state) { s.pulse.Partner.State = "active" }, limits{}, critical, "both routers are active; "},
		{"taking over", "inactive", func(s *state) { s.pulse.State, s.pulse.Partner.Health = "activating", "left" }, limits{}, warning, "this router is becoming active; "},
		{"standby by order", "inactive", func(s *state) { s.pulse.Standby = true }, limits{}, warning, "this router is on standby by an operator's wish; "},
		{"no link", "active", func(s *state) { s.pulse.LostLinks = []string{"private"} }, limits{}, warning, "no link on the device of the private channel; "},
		{"other lvs.cf", "active", func(s *state) { s.pulse.Partner.SameConfig = false }, limits{}, warning, "the lvs.cf of the other router means something else; "},
		{"original partner", "active", func(s *state) { s.pulse.Partner.SameConfig, s.pulse.Partner.Original = false, true }, limits{}, ok, "active as primary; "},
		{"refused reload", "active", func(s *state) { s.pulse.LoadError = "line 3\x1b|" }, limits{}, warning, "the last reload was refused: line 3??; "},
		{"lvsd behind", "active", func(s *state) { s.lvsd.SerialNo++ }, limits{}, warning, "lvsd works with another lvs.cf than pulse; "},
		{"table refused", "active", func(s *state) { s.lvsd.InStep, s.lvsd.Error = false, "no answer" }, limits{}, warning, "the kernel's table is not as it should be: no answer; "},
		{"table late", "active", func(s *state) { s.lvsd.InStep = false }, limits{}, warning, "the kernel's table is being brought up to date; "},
		{"table empty", "active", func(s *state) { s.lvsd.Active = false }, limits{}, critical, "the kernel's table is empty, though this router is active; "},
		{"lvsd gone", "active", func(s *state) { s.lvsd = nil }, limits{}, critical, "lvsd does not run; active as primary | heartbeat_age="},
		{"lvsd hangs on standby", "inactive", func(s *state) { s.lvsd = nil }, limits{}, critical, "lvsd does not run; "},
		{"pulse unknown", "active", func(s *state) { s.pulse, s.pulseFault = nil, &finding{unknown, "may not be opened"} }, limits{}, unknown, "may not be opened; "},
		{"known before unknown", "one-down", func(s *state) { s.pulse, s.pulseFault = nil, &finding{unknown, "may not be opened"} }, limits{}, warning,
			"web has 1 of 3 real servers down: real1, connect refused; may not be opened; "},
		{"lvsd alone", "active", func(s *state) { s.pulse, s.noPulse = nil, true }, limits{}, ok, "virtual servers: 1, real servers up: 3 of 3 | 'web down'=0;0;;0;3\n"},
		{"lvsd alone and idle", "inactive", func(s *state) { s.pulse, s.noPulse = nil, true }, limits{}, critical, "the kernel's table is empty, "},
	} {
		s := recorded(t, tt.file)
		if tt.change != nil {
			tt.change(s)
		}
		if tt.limits.warning == nil {
			tt.limits.warning = &limit{}
		}
		r := s.judge(tt.limits)
		if want := "PIRANHA " + tt.level.String() + " - " + tt.text; r.level != tt.level || !strings.HasPrefix(r.line(), want) {
			t.Errorf("%s: %d, %swant %d, %s", tt.name, r.level, r.line(), tt.level, want)
		}
	}
}

// TestLine: whatever names and reasons are, it stays one line of one text and its figures.
func TestLine(t *testing.T) {
	s := recorded(t, "one-down")
	v := s.lvsd.VirtualServers[0]
	v.Name, v.RealServers[0].Reason = "it's=\n", "a | 'b'=3\n"
	for range 40 {
		s.lvsd.VirtualServers = append(s.lvsd.VirtualServers, v)
	}
	got := s.judge(limits{warning: &limit{}}).line()
	text, figures, _ := strings.Cut(got, " | ")
	if strings.Count(got, "\n") != 1 || strings.Contains(figures, "|") || strings.Count(figures, "'") != 2*41 || !strings.Contains(figures, "'it?s?? down'=1;0;;0;3") {
		t.Errorf("%q", got)
	}
	if !strings.HasSuffix(text, "; and 76 more") || strings.Count(text, "; ") != mostTexts {
		t.Errorf("%q", text)
	}
}

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]limit{"0": {}, "12": {n: 12}, "50%": {n: 50, percent: true}} {
		if got, err := parseLimit(text); err != nil || *got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "-1", "1:2", "3.5", "x", "99999999999"} {
		if got, err := parseLimit(text); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// answer has the daemons of a state answer in a run directory.
func answer(t *testing.T, s *state) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, status := range map[string]any{"pulse.sock": s.pulse, "lvs.sock": s.lvsd} {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { control.Reply(w, http.StatusOK, status) })
		go control.Serve(t.Context(), l, mux)
	}
	return dir
}

func TestRun(t *testing.T) {
	dir := answer(t, recorded(t, "one-down"))
	deaf := t.TempDir()
	for _, name := range []string{"pulse.sock", "lvs.sock"} {
		l, err := net.Listen("unix", filepath.Join(deaf, name))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	for args, want := range map[string]struct {
		level level
		text  string
	}{
		"--run-dir=" + dir:                {warning, "PIRANHA WARNING - web has 1 of 3 real servers down: "},
		"--run-dir=" + dir + " -w 1":      {ok, "PIRANHA OK - active as primary; "},
		"-w1 -c 30% --run-dir=" + dir:     {critical, "PIRANHA CRITICAL - web has 1 of 3 "},
		"--no-pulse -w1 --run-dir=" + dir: {ok, "PIRANHA OK - virtual servers: 1, "},
		"--run-dir=/none":                 {critical, "PIRANHA CRITICAL - pulse does not run (nobody answers on /none/pulse.sock); lvsd does not run ("},
		"--no-pulse --run-dir=/none":      {critical, "PIRANHA CRITICAL - lvsd does not run ("},
		"-t 20ms --run-dir=" + deaf:       {critical, "PIRANHA CRITICAL - pulse does not answer on "},
		"-w x":                            {unknown, "PIRANHA UNKNOWN - bad argument -w: a number expected, or a percentage such as 50%\n"},
		"-t 0":                            {unknown, "PIRANHA UNKNOWN - bad argument --timeout: more than 0 expected\n"},
		"now":                             {unknown, "PIRANHA UNKNOWN - unexpected arguments\n"},
		"-V":                              {unknown, "Program Version:\tcheck_piranha "},
		"--version":                       {unknown, "Program Version:\tcheck_piranha "},
		"-h":                              {unknown, "Usage: check_piranha [OPTION...]\n"},
		"--help":                          {unknown, "Usage: check_piranha [OPTION...]\n"},
	} {
		began := time.Now()
		level, text := run(t.Context(), strings.Fields(args))
		if level != want.level || !strings.HasPrefix(text, want.text) || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %d, %qwant %d, %s", args, level, text, want.level, want.text)
		}
	}
}
