package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// defaultFile is what is checked without a name.
const defaultFile = "/etc/sysconfig/ha/lvs.cf"

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

// errFindings is the outcome for a file with errors, which are printed already.
var errFindings = errors.New("")

// check prints what is wrong with a file; warnings alone are no failure. With original it is what the original would
// refuse or read differently.
func check(words []string, original bool, in io.Reader, out io.Writer) error {
	path := defaultFile
	if len(words) > 0 {
		path = words[0]
	}
	findings, err := find(path, original, in)
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

func find(path string, original bool, in io.Reader) (lvscf.Findings, error) {
	doc, err := open(path, in)
	var refused lvscf.Findings
	var cannot *fs.PathError
	switch {
	case errors.As(err, &refused):
		return refused, nil
	case errors.As(err, &cannot):
		return nil, fmt.Errorf("failed to open %s: %w", path, cannot.Err)
	case err != nil:
		return nil, fmt.Errorf("failed to open %s: %w", path, err)
	}
	if original {
		return doc.Original(), nil
	}
	_, findings := doc.Config(lvscf.SystemLookup(lookupTime))
	return findings, nil
}

// open reads a file, or standard input for -.
func open(path string, in io.Reader) (*lvscf.Document, error) {
	if path != "-" {
		return lvscf.ReadFile(path)
	}
	text, err := io.ReadAll(io.LimitReader(in, lvscf.MaxSize+1))
	if err != nil {
		return nil, err
	}
	return lvscf.Parse("standard input", text)
}
