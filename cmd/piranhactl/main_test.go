package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// daemons answer on the sockets of a run directory.
type daemons struct {
	dir string

	mu     sync.Mutex
	pulse  pulse.Status
	lvsd   lvs.Status
	news   string // a field of the status that this piranhactl does not know
	stuck  string // what pulse accepts and does not do
	refuse string

	history []lvs.HistoryStatus
	asked   []string
	ordered time.Time             // when lvsd was last told something
	meter   func(d time.Duration) // sees to the traffic of lvsd's status, that long after
}

func newDaemons(t *testing.T) *daemons {
	t.Helper()
	d := &daemons{dir: t.TempDir()}
	d.lvsd.Pid = 2 // as in pair
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		control.Reply(w, http.StatusOK, struct {
			pulse.Status
			News string `json:"news,omitempty"`
		}{d.pulse, d.news})
	})
	mux.HandleFunc("POST /v1/{act}", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked = append(d.asked, r.PathValue("act"))
		if d.refuse != "" {
			control.Fail(w, http.StatusConflict, d.refuse)
			return
		}
		if act := r.PathValue("act"); act != d.stuck {
			d.follow(act)
		}
		control.Reply(w, http.StatusAccepted, map[string]string{})
	})
	serve(t, filepath.Join(d.dir, "pulse.sock"), mux)
	table := http.NewServeMux()
	table.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.meter != nil {
			d.meter(time.Since(d.ordered))
		}
		control.Reply(w, http.StatusOK, d.lvsd)
	})
	table.HandleFunc("GET /v1/history", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		list := slices.DeleteFunc(slices.Clone(d.history), func(h lvs.HistoryStatus) bool {
			return h.Virtual != r.FormValue("virtual") || r.FormValue("server") != "" && h.Server != r.FormValue("server")
		})
		if len(list) == 0 {
			control.Fail(w, http.StatusNotFound, "no active virtual server or real server of that name")
			return
		}
		control.Reply(w, http.StatusOK, list)
	})
	table.HandleFunc("POST /v1/{verb}", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked = append(d.asked, r.PathValue("verb")+"?"+r.URL.RawQuery)
		if d.refuse != "" {
			control.Fail(w, http.StatusNotFound, d.refuse)
			return
		}
		d.ordered = time.Now()
		control.Reply(w, http.StatusOK, map[string]int{"writes": 1})
	})
	serve(t, filepath.Join(d.dir, "lvs.sock"), table)
	return d
}

// follow is what pulse does.
func (d *daemons) follow(act string) {
	switch act {
	case "switchover":
		d.pulse.State, d.pulse.Partner.State = d.pulse.Partner.State, d.pulse.State
	case "standby":
		d.pulse.Standby, d.pulse.State, d.pulse.Partner.State = true, "inactive", "active"
	case "resume":
		d.pulse.Standby = false
	case "reexec":
		d.pulse.Loaded, d.pulse.LvsdPid = d.pulse.Loaded.Add(1), d.pulse.LvsdPid+1
	case "reload":
		d.pulse.LoadTried = d.pulse.LoadTried.Add(1)
		if d.pulse.LoadError == "" {
			d.pulse.Loaded, d.pulse.SerialNo = d.pulse.LoadTried, 8
			if d.stuck != "lvsd" {
				d.lvsd.ConfigLoaded = d.pulse.LoadTried
			}
		}
	}
}

func serve(t *testing.T, path string, h http.Handler) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
}

// do runs the program and returns what it prints and its error, in the directory's place a dot.
func (d *daemons) do(t *testing.T, args ...string) (out, failed string) {
	t.Helper()
	out, failed, _ = d.try(t, args...)
	return out, failed
}

// try is do, which cannot tell success from an error without words.
func (d *daemons) try(t *testing.T, args ...string) (out, failed string, err error) {
	t.Helper()
	var b bytes.Buffer
	err = run(t.Context(), append([]string{"--run-dir=" + d.dir}, args...), strings.NewReader(""), &b)
	if err != nil {
		failed = strings.ReplaceAll(err.Error(), d.dir, ".")
	}
	return b.String(), failed, err
}

func ago(seconds float64) *float64 { return &seconds }

func pair() pulse.Status {
	return pulse.Status{
		Version: 1, Pid: 1, Role: "primary", State: "active", LvsdPid: 2, SerialNo: 7, Servers: &pulse.Servers{Up: 2, Configured: 3},
		Partner: pulse.PartnerStatus{Health: "alive", State: "inactive", SerialNo: 7, SameConfig: true, Servers: &pulse.Servers{Up: 3, Configured: 3},
			Public: ago(0.42), Private: ago(12)},
	}
}

func TestAct(t *testing.T) {
	for _, tt := range []struct{ command, out string }{
		{"switchover", "this router is inactive, the other one serves\n"},
		{"standby", "this router is inactive, the other one serves\n"},
		{"resume", "this router is active and may serve again\n"},
		{"reload", "lvs.cf with serial_no 8 is in force\n"},
		{"reexec", "this router is active\n"},
	} {
		d := newDaemons(t)
		d.pulse = pair()
		if out, failed := d.do(t, tt.command); out != tt.out || failed != "" {
			t.Errorf("%s: %q, %q, want %q", tt.command, out, failed, tt.out)
		}
		d.refuse = "there is no other router"
		if out, failed := d.do(t, tt.command); out != "" || failed != "pulse: there is no other router" {
			t.Errorf("%s refused: %q, %q", tt.command, out, failed)
		}
		if strings.Join(d.asked, " ") != tt.command+" "+tt.command {
			t.Errorf("%s: pulse was asked for %v", tt.command, d.asked)
		}
	}
}

func TestActFails(t *testing.T) {
	d := newDaemons(t)
	d.pulse = pair()
	d.pulse.LoadError = "error parsing lvs.cf at line 3: x"
	if _, failed := d.do(t, "reload"); failed != "error parsing lvs.cf at line 3: x" {
		t.Errorf("reload of a bad file: %q", failed)
	}
	d.pulse.LoadError, d.stuck = "", "lvsd"
	// Enough for a look in which pulse has taken it, on any machine.
	if _, failed := d.do(t, "--timeout=3s", "reload"); failed != "reload has been asked for, but not happened within 3s: lvsd has not taken it" {
		t.Errorf("reload that lvsd does not follow: %q", failed)
	}
	d.lvsd.Pid = 3
	if _, failed := d.do(t, "reload"); failed != "" {
		t.Errorf("reload beside an lvsd that is not pulse's: %q", failed)
	}
	d.pulse, d.stuck = pair(), "switchover"
	want := "switchover has been asked for, but not happened within 100ms: this router is active, the other one inactive"
	if out, failed := d.do(t, "--timeout=100ms", "switchover"); out != "" || failed != want {
		t.Errorf("a switchover that never happens: %q, %q", out, failed)
	}
	if out, failed := d.do(t, "--no-wait", "switchover"); out != "" || failed != "" {
		t.Errorf("without waiting: %q, %q", out, failed)
	}
}

// TestHappened: what was asked for is over only when somebody serves.
func TestHappened(t *testing.T) {
	state := func(own, other string, standby bool) view {
		p := pair()
		p.State, p.Partner.State, p.Standby = own, other, standby
		return view{pulse: &p}
	}
	for _, tt := range []struct {
		command     string
		before, now view
		want        bool
	}{
		{"switchover", state("active", "inactive", false), state("deactivating", "inactive", false), false},
		{"switchover", state("active", "inactive", false), state("inactive", "inactive", false), false},
		{"switchover", state("active", "inactive", false), state("inactive", "active", false), true},
		{"switchover", state("inactive", "active", false), state("inactive", "inactive", false), false},
		{"switchover", state("inactive", "active", false), state("activating", "inactive", false), false},
		{"switchover", state("inactive", "active", false), state("active", "inactive", false), true},
		{"standby", state("active", "inactive", false), state("inactive", "inactive", true), false},
		{"standby", state("active", "inactive", false), state("inactive", "active", true), true},
		{"standby", state("inactive", "active", false), state("inactive", "active", false), false},
		{"standby", state("inactive", "inactive", false), state("inactive", "inactive", true), true},
		{"resume", state("inactive", "active", true), state("inactive", "active", true), false},
		{"resume", state("inactive", "active", true), state("inactive", "active", false), true},
	} {
		if got := happened(tt.command, tt.before, tt.now); got != tt.want {
			t.Errorf("%s, %s/%s -> %s/%s: %v", tt.command, tt.before.pulse.State, tt.before.pulse.Partner.State,
				tt.now.pulse.State, tt.now.pulse.Partner.State, got)
		}
	}
	if got := outcome("standby", state("inactive", "inactive", true).pulse); got != "this router is inactive, the other one inactive: nobody serves" {
		t.Error(got)
	}
}

func TestInterrupted(t *testing.T) {
	d := newDaemons(t)
	d.pulse, d.stuck = pair(), "switchover"
	ctx, cancel := context.WithCancel(t.Context())
	c := newCluster(d.dir)
	before, err := c.look(ctx, "switchover")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = c.await(ctx, "switchover", before, time.Minute)
	if err == nil || err.Error() != "interrupted: switchover has been asked for and may still happen" {
		t.Error(err)
	}
}

// TestPlain: one line each, whatever a daemon says.
func TestPlain(t *testing.T) {
	c := control.Client{Name: "pulse", Socket: "/run/piranha/pulse.sock"}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{os.ErrPermission, "/run/piranha/pulse.sock may not be opened: only root and group piranha may"},
		{context.DeadlineExceeded, "pulse does not answer on /run/piranha/pulse.sock"},
		{fmt.Errorf("pulse: %w", &control.Refusal{Status: http.StatusForbidden, Text: "only root may do that"}), "pulse: only root may do that"},
		{&control.Refusal{Status: http.StatusConflict, Text: "no\x1b[2J\n"}, "no?[2J?"},
	} {
		if got := plain(c, tt.err).Error(); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

// TestLvsdGone: pulse serves, and its lvsd does not run.
func TestLvsdGone(t *testing.T) {
	d := newDaemons(t)
	d.pulse = pair()
	if err := os.Remove(filepath.Join(d.dir, "lvs.sock")); err != nil {
		t.Fatal(err)
	}
	d.pulse.LvsdPid = 0
	if out, failed := d.do(t, "status"); !strings.Contains(out, "lvsd does not run.") || !strings.HasPrefix(failed, "lvsd does not run here") {
		t.Errorf("active: %q, %q", out, failed)
	}
	d.pulse.State = "inactive"
	if _, failed := d.do(t, "status"); failed != "" {
		t.Errorf("inactive, perhaps with a cold standby: %q", failed)
	}
}

func TestNobodyAnswers(t *testing.T) {
	d := &daemons{dir: t.TempDir()}
	if _, failed := d.do(t, "switchover"); failed != "pulse does not run here (nobody answers on ./pulse.sock)" {
		t.Errorf("switchover without pulse: %q", failed)
	}
	out, failed := d.do(t, "status")
	want := "pulse does not run here (nobody answers on ./pulse.sock)\nlvsd does not run here (nobody answers on ./lvs.sock)"
	if out != "" || failed != want {
		t.Errorf("status without daemons: %q, %q", out, failed)
	}
}

func TestCommandLine(t *testing.T) {
	d := &daemons{dir: "/none"}
	for args, want := range map[string]string{
		"":                    "say one of: status, history, events, top, connections, probe, drain, maint, ready, weight, switchover, standby, resume, reload, reexec, check, doctor, import, help",
		"stat":                `unknown command "stat": say one of: status, history, events, top, connections, probe, drain, maint, ready, weight, switchover, standby, resume, reload, reexec, check, doctor, import, help`,
		"status now":          "unexpected arguments",
		"check a b":           "unexpected arguments",
		"--timeout=0 resume":  "bad argument --timeout: more than 0 expected",
		"check /no/such/file": "failed to open /no/such/file: no such file or directory",
		"--frobnicate status": "bad argument --frobnicate: unknown option",
	} {
		if _, failed := d.do(t, strings.Fields(args)...); failed != want {
			t.Errorf("%s: %q, want %q", args, failed, want)
		}
	}
}

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lvs.cf")
	text := "primary = 192.0.2.1\nkeepalive = 250ms\nkeepaliev = 3\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, want string }{
		{"check " + file, file + ":3: keepaliev: unknown command; did you mean keepalive?"},
		{"check --original " + file, file + ":2: keepalive: integer expected"},
		{"check -", "standard input:3: "},
	} {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(tt.args), strings.NewReader(text), &out)
		if !errors.Is(err, errFindings) || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: %v, %q, want %s", tt.args, err, out.String(), tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	d := newDaemons(t)
	d.pulse, d.news = pair(), "of a later version"
	out, failed := d.do(t, "status", "--json")
	var r struct {
		Version int
		Pulse   struct{ State, News string }
		Lvsd    struct{ Version int }
		Errors  []string
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || failed != "" || r.Version != 1 || r.Pulse.State != "active" || r.Pulse.News == "" || r.Errors == nil {
		t.Errorf("status --json: %v, %q, %s", err, failed, out)
	}
}
