package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lvs": main})
}

// TestScripts runs lvs as its users do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await},
		Condition: func(name string) (bool, error) {
			if name != "ipvs" {
				return false, errors.New("unknown condition")
			}
			_, err := os.Stat("/proc/net/ip_vs")
			return err == nil, nil
		},
	})
}

// await FILE TEXT goes on as soon as a program in the background has written TEXT into FILE.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(text), args[1]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: no %q in %q", args[0], args[1], text)
		}
	}
}
