package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/piranha-lvs/piranha/internal/passwd"
)

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"piranha-passwd": main})
}

// TestScripts runs piranha-passwd as its users do. "verify FILE ACCOUNT PASSWORD" checks what it has stored.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: func(e *testscript.Env) error { e.Setenv("GORACE", "atexit_sleep_ms=0"); return nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"verify": func(ts *testscript.TestScript, neg bool, args []string) {
				f, err := passwd.Read(ts.MkAbs(args[0]))
				ts.Check(err)
				hash, _ := f.Hash(args[1])
				if ok, err := passwd.Verify(hash, args[2]); ok == neg {
					ts.Fatalf("Verify = %v, %v: %s", ok, err, hash)
				}
			},
			"mode": func(ts *testscript.TestScript, _ bool, args []string) {
				info, err := os.Stat(ts.MkAbs(args[0]))
				ts.Check(err)
				if got := info.Mode().String(); got != args[1] {
					ts.Fatalf("mode = %s, want %s", got, args[1])
				}
			},
		},
	})
}
