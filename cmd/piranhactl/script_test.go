package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"piranhactl": main})
}

// TestScripts runs piranhactl as its users do. Daemons answer in the directory $RUN.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			d := newDaemons(t)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.pulse = pair()
			d.lvsd.Active, d.lvsd.InStep, d.lvsd.SerialNo = true, true, 7
			env.Setenv("RUN", d.dir)
			return nil
		},
	})
}
