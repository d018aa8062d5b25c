// Package bed holds what the two kinds of test bed share: a kernel that lab boots and the machine's own.
package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// ErrTimeout reports that the command did not end in time.
var ErrTimeout = errors.New("timeout")

// Options says what to run and how.
type Options struct {
	Argv   []string
	Env    []string
	Dir    string
	Out    string // directory of the machine that is writable inside as $LAB_OUT; empty: a temporary one
	Memory string // of a booted kernel, as the kernel takes it: 512M, 1G
	Self   string // program that plays process 1; empty: this one

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Signals        <-chan os.Signal // passed on to the command

	// Line, if not nil, is called when the command starts, with a line whose other end guest.Line is.
	Line func(io.ReadWriteCloser)

	Timeout time.Duration
	Trace   func(format string, args ...any) // receives remarks; may be nil
}

// Tracef passes a remark on.
func (o Options) Tracef(format string, args ...any) {
	if o.Trace != nil {
		o.Trace(format, args...)
	}
}

// Job returns what process 1 is told.
func (o Options) Job() wire.Job {
	return wire.Job{Argv: o.Argv, Env: o.Env, Dir: o.Dir, Out: o.Out}
}

// TimedOut is the error for a command that took too long.
func (o Options) TimedOut() error {
	return fmt.Errorf("%w: %s still running after %v", ErrTimeout, o.Argv[0], o.Timeout)
}

// Program returns the program that plays process 1.
func (o Options) Program() (string, error) {
	if o.Self != "" {
		return o.Self, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find own program: %w", err)
	}
	return self, nil
}

// Asked reports whether err means that somebody wanted the run to end, so that no further explanation is due.
func Asked(err error) bool {
	return errors.Is(err, ErrTimeout) || errors.Is(err, context.Canceled)
}
