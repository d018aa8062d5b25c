package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/doctor"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// TestDoctorStatus: the status tells the worst.
func TestDoctorStatus(t *testing.T) {
	d := newDaemons(t)
	file := filepath.Join(t.TempDir(), "lvs.cf")
	// A real server that nobody is: what else is wrong with this machine does not matter.
	if err := os.WriteFile(file, []byte("primary = 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, want string }{
		{"doctor --real-server -c " + file, "error: no active real server of lvs.cf has an address of this machine\n"},
		{"doctor -c /none/lvs.cf", "error: open /none/lvs.cf: no such file or directory\n    nothing else can be looked at\n    # piranhactl check /none/lvs.cf\n"},
	} {
		out, failed, err := d.try(t, strings.Fields(tt.args)...)
		var s sick
		if !errors.As(err, &s) || s.status != 2 || failed != "" || !strings.Contains(out, tt.want) {
			t.Errorf("%s: %v, %q, %s", tt.args, err, failed, out)
		}
	}
	var got struct {
		Version  int
		Findings []map[string]string
	}
	out, _ := d.do(t, "doctor", "--json", "-c", "/none/lvs.cf")
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Version != 1 || len(got.Findings) != 1 || got.Findings[0]["severity"] != "error" {
		t.Errorf("%v, %s", err, out)
	}
	if _, failed := d.do(t, "status", "--real-server"); failed != "--real-server is for doctor" {
		t.Errorf("misplaced: %q", failed)
	}
}

func TestPrintFindings(t *testing.T) {
	note := doctor.Finding{Severity: doctor.Note, What: "a", Why: "b"}
	for _, tt := range []struct {
		list   []doctor.Finding
		asJSON bool
		want   string
	}{
		{nil, false, "Nothing is wrong that can be seen from here.\n"},
		{[]doctor.Finding{note}, false, "note: a\n    b\n"},
		{[]doctor.Finding{note, {Severity: doctor.Warning, What: "c\x1b", Why: "d", Command: "sysctl -w e=1"}}, false, `note: a
    b
warning: c?
    d
    # sysctl -w e=1
What sysctl sets is lost at the next boot: write it into a file of /etc/sysctl.d too.
`},
		{[]doctor.Finding{}, true, "{\n  \"version\": 1,\n  \"findings\": []\n}\n"},
	} {
		var b bytes.Buffer
		if err := printFindings(tt.list, tt.asJSON, &b); err != nil || b.String() != tt.want {
			t.Errorf("%v, %s, want %s", err, b.String(), tt.want)
		}
	}
}

// TestStatusOf: only warnings and errors are failures.
func TestStatusOf(t *testing.T) {
	for want, list := range [][]doctor.Severity{{doctor.Note}, {doctor.Warning, doctor.Note}, {doctor.Error, doctor.Warning}} {
		var found []doctor.Finding
		for _, s := range list {
			found = append(found, doctor.Finding{Severity: s})
		}
		if got := statusOf(found); got != want {
			t.Errorf("%v: %d, want %d", list, got, want)
		}
	}
}

func TestKnownOf(t *testing.T) {
	s := pair()
	s.Partner.Expected, s.Partner.SerialNo, s.LoadError = true, 6, "x"
	want := doctor.Pulse{State: "active", Serial: 7, LoadError: "x", Expected: true, Heard: true, SameConfig: true, PartnerSerial: 6}
	if got := knownOf(&s); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if got := knownOf(&pulse.Status{Partner: pulse.PartnerStatus{Health: "dead"}}); got.Heard {
		t.Errorf("a dead partner is heard")
	}
}
