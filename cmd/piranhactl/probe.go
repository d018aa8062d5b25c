package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/privilege"
)

// probeNow has nanny check a real server once and print every step. It needs no daemon: it reads lvs.cf itself. What lvs.cf
// names is run as lvsd would run it.
func probeNow(ctx context.Context, file, nanny, virtual, server string, out io.Writer) error {
	doc, err := open(file, nil)
	if err != nil {
		return fmt.Errorf("failed to open %s: %w", file, err)
	}
	cfg, findings := doc.Config(lvscf.SystemLookup(lookupTime))
	if errs := findings.Errors(); len(errs) > 0 {
		return fmt.Errorf("%s; piranhactl check has the rest", errs[0])
	}
	if nanny == "" {
		nanny = findNanny()
	}
	p, err := lvs.NewProbe(cfg, nanny, virtual, server)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	if p.Program != "" {
		path, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		as, _, err := privilege.Command(path, p.Program)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Program, err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	err = cmd.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return errNotPassed
	}
	return err
}

// errNotPassed is the outcome for a real server that did not pass. Nanny has said why.
var errNotPassed = errors.New("")

// findNanny is nanny where it is installed, or else beside this program.
func findNanny() string {
	if _, err := os.Stat(lvs.DefaultNanny); err == nil {
		return lvs.DefaultNanny
	}
	if self, err := os.Executable(); err == nil {
		return filepath.Join(filepath.Dir(self), "nanny")
	}
	return lvs.DefaultNanny
}
