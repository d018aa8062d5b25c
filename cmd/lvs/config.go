package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

var errUnexpected = errors.New("unexpected arguments")

// errFindings is the outcome of --check on a file with errors, which are printed already.
var errFindings = errors.New("")

// read reads and checks the file. The findings may hold errors; there is no configuration if the file is no text.
func read(path string) (*lvscf.Config, lvscf.Findings, error) {
	doc, err := lvscf.ReadFile(path)
	var refused lvscf.Findings
	var cannot *fs.PathError
	switch {
	case errors.As(err, &refused):
		return nil, refused, nil
	case errors.As(err, &cannot):
		return nil, nil, fmt.Errorf("failed to open %s: %w", path, cannot.Err)
	case err != nil:
		return nil, nil, fmt.Errorf("failed to open %s: %w", path, err)
	}
	cfg, findings := doc.Config(lvscf.SystemLookup(lookupTime))
	return cfg, findings, nil
}

// load is read for those who need a file without errors: the error lists all findings, and the others
// are the warnings.
func load(path string) (*lvscf.Config, lvscf.Findings, error) {
	cfg, findings, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	if errs := findings.Errors(); len(errs) > 0 {
		lines := []string{fmt.Sprintf("error parsing %s on line %d.", path, errs[0].Line)}
		for _, f := range findings {
			lines = append(lines, f.String())
		}
		return nil, nil, errors.New(strings.Join(lines, "\n"))
	}
	return cfg, findings.Warnings(), nil
}

// check prints every finding. Warnings alone are no failure.
func check(path string, out io.Writer) error {
	_, findings, err := read(path)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if _, err := fmt.Fprintln(out, f); err != nil {
			return err
		}
	}
	if len(findings.Errors()) > 0 {
		return errFindings
	}
	return nil
}

// printTable prints the table on out and the warnings, some of which say what is not in it, on errs.
func printTable(path string, out, errs io.Writer) error {
	cfg, warnings, err := load(path)
	if err != nil {
		return err
	}
	for _, f := range warnings {
		if _, err := fmt.Fprintln(errs, f); err != nil {
			return err
		}
	}
	for _, line := range lvs.Table(cfg).Lines() {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
