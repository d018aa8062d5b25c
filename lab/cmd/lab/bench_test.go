package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseBench(t *testing.T) {
	f, err := parseBench(strings.Fields("-bin /b -runs 3 -settings 100ms,10ms -kind crash -period 10ms"))
	if err != nil || f.bin != "/b" || f.runs != 3 || f.period != 10*time.Millisecond || len(f.settings) != 2 || len(f.kinds) != 1 {
		t.Errorf("parseBench: %+v, %v", f, err)
	}
	if f, err = parseBench(nil); err != nil || f.runs != 15 || len(f.settings) != 3 || len(f.kinds) != 2 {
		t.Errorf("parseBench without flags: %+v, %v", f, err)
	}
	for _, args := range []string{"-settings 2s", "-kind reboot", "-runs 0", "-period 0s", "more"} {
		if _, err := parseBench(strings.Fields(args)); err == nil {
			t.Errorf("parseBench(%q) succeeded", args)
		}
	}
}
