package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"piranha-gui": main})
}

// TestScripts runs piranha-gui as its users do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: func(e *testscript.Env) error { e.Setenv("GORACE", "atexit_sleep_ms=0"); return nil },
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor},
	})
}

// waitFor waits until the program in the background has made a file: it minds signals by then.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no %s", args[0])
		}
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7": "[192.0.2.7/32]", "192.0.2.0/24, 2001:db8::/32,::1": "[192.0.2.0/24 2001:db8::/32 ::1/128]",
		"": "", "192.0.2": "", "192.0.2.0/33": "", "host": "", "fe80::1%eth0": "", "192.0.2.7,": "", "::ffff:192.0.2.7": "",
	} {
		list, err := networks(text)
		if got := fmt.Sprint(list); (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("networks(%q) = %s, %v", text, got, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:3636": true, "127.9.9.9:1": true, "[::1]:3636": true, "localhost:3636": true, "[::ffff:127.0.0.1]:1": true,
		":3636": false, "0.0.0.0:3636": false, "[::]:3636": false, "192.0.2.1:3636": false, "localhost.example:1": false, "127.0.0.1": false,
	} {
		if got := loopback(listen); got != want {
			t.Errorf("loopback(%q) = %v", listen, got)
		}
	}
}
