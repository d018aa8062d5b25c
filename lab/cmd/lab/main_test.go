package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseRun(t *testing.T) {
	t.Setenv("LAB_OUT", "")
	t.Setenv("PIRANHA_BIN", "/bins")
	f, err := parseRun([]string{"--kernel=uml", "-mem", "2G", "--", "cmd", "-v", "--", "x"})
	if err != nil || strings.Join(f.argv, " ") != "cmd -v -- x" || f.kernel != "uml" || f.memory != "2G" || f.bin != "/bins" || f.timeout != 10*time.Minute {
		t.Errorf("parseRun = %+v, %v", f, err)
	}
	for args, want := range map[string]time.Duration{
		"/tmp/x.test -test.v -test.timeout=5m0s":            5*time.Minute + 30*time.Second,
		"/tmp/x.test -test.timeout=0s":                      10 * time.Minute,
		"-timeout 3s -- /tmp/x.test -test.timeout=5m0s":     3 * time.Second,
		"--timeout=1h -- sh -c true":                        time.Hour,
		"/tmp/x.test -test.run=A -test.timeout=1m -test.v=": time.Minute + 30*time.Second,
	} {
		f, err := parseRun(strings.Fields(args))
		if err != nil || f.timeout != want {
			t.Errorf("parseRun(%q): timeout %v, %v, want %v", args, f.timeout, err, want)
		}
	}
	for _, args := range []string{"", "--", "-kernel=vm -- true", "-nosuch -- true"} {
		if _, err := parseRun(strings.Fields(args)); err == nil {
			t.Errorf("parseRun(%q) succeeded", args)
		}
	}
}

func TestSetenv(t *testing.T) {
	got := strings.Join(setenv([]string{"A=1", "AB=2", "A=3"}, "A", "4"), " ")
	if got != "AB=2 A=4" {
		t.Errorf("setenv = %q", got)
	}
}
