package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
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
	refuse string
	asked  []string
}

func newDaemons(t *testing.T) *daemons {
	t.Helper()
	d := &daemons{dir: t.TempDir()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		control.Reply(w, http.StatusOK, d.pulse)
	})
	mux.HandleFunc("POST /v1/{act}", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked = append(d.asked, r.PathValue("act"))
		if d.refuse != "" {
			control.Fail(w, http.StatusConflict, d.refuse)
			return
		}
		d.follow(r.PathValue("act"))
		control.Reply(w, http.StatusAccepted, map[string]string{})
	})
	serve(t, filepath.Join(d.dir, "pulse.sock"), mux)
	table := http.NewServeMux()
	table.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { control.Reply(w, http.StatusOK, d.lvsd) })
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
	case "reload":
		d.pulse.LoadTried = d.pulse.LoadTried.Add(1)
		if d.pulse.LoadError == "" {
			d.pulse.Loaded, d.pulse.SerialNo = d.pulse.LoadTried, 8
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
	var b bytes.Buffer
	err := run(t.Context(), append([]string{"--run-dir=" + d.dir}, args...), strings.NewReader(""), &b)
	if err != nil {
		failed = strings.ReplaceAll(err.Error(), d.dir, ".")
	}
	return b.String(), failed
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
	d.pulse.Partner.State, d.pulse.Partner.Health = "", "dead"
	want := "switchover has been asked for, but not happened within 100ms: this router is , the other one dead"
	if out, failed := d.do(t, "--timeout=100ms", "switchover"); out != "" || failed != want {
		t.Errorf("a switchover that never happens: %q, %q", out, failed)
	}
	if out, failed := d.do(t, "--no-wait", "switchover"); out != "" || failed != "" {
		t.Errorf("without waiting: %q, %q", out, failed)
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
		"":                    "say one of: status, switchover, standby, resume, reload, check",
		"stat":                `unknown command "stat": say one of: status, switchover, standby, resume, reload, check`,
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
	d.pulse = pair()
	out, failed := d.do(t, "status", "--json")
	var r struct {
		Version int
		Pulse   struct{ State string }
		Lvsd    struct{ Version int }
		Errors  []string
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || failed != "" || r.Version != 1 || r.Pulse.State != "active" || r.Errors == nil {
		t.Errorf("status --json: %v, %q, %s", err, failed, out)
	}
}
