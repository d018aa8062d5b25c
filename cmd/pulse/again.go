package main

import (
	"os"
	"syscall"
)

// variable tells a program that pulse has executed itself as what that was before: active or inactive.
const variable = "PIRANHA_PULSE_WAS"

// again is what it takes to execute the installed program in this process.
type again struct {
	before      string // what this process was, as another run of pulse; empty: it was not
	path        string // once the file is replaced the kernel calls it deleted
	environment []string
}

// takeVariable returns the variable and removes it: children shall not believe that they are meant.
func takeVariable() string {
	value := os.Getenv(variable)
	_ = os.Unsetenv(variable)
	return value
}

// prepare notes what the next run needs, before systemd's variables are taken out of the environment.
func (a *again) prepare() (err error) {
	a.environment = os.Environ()
	a.path, err = os.Executable()
	return err
}

// exec does not return if it works. Every descriptor but the standard ones is closed by it, and with them the lock and the sockets.
func (a *again) exec(active bool) error {
	was := "inactive"
	if active {
		was = "active"
	}
	return &os.PathError{Op: "execute", Path: a.path, Err: syscall.Exec(a.path, os.Args, append(a.environment, variable+"="+was))}
}
