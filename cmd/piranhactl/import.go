package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/piranha-lvs/piranha/internal/importer"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// formats are what can be imported.
var formats = map[string]func(text []byte, o importer.Options) (*importer.Result, error){
	"ipvsadm":    importer.Ipvsadm,
	"keepalived": importer.Keepalived,
	"ldirectord": importer.Ldirectord,
}

const importUsage = "import keepalived|ldirectord|ipvsadm FILE"

// importFile prints an lvs.cf made of another program's file. What it could not carry over stands in it as comments; how
// much that is goes to standard error.
func importFile(format, path, device string, in io.Reader, out, messages io.Writer) error {
	read := formats[format]
	if read == nil {
		return fmt.Errorf("unknown format %q: say %s", format, importUsage)
	}
	text, err := readSource(path, in)
	if err != nil {
		return fmt.Errorf("failed to read %s: %w", path, err)
	}
	name := path
	if path == "-" {
		name = "standard input"
	}
	r, err := read(text, importer.Options{File: name, Device: device, Lookup: lvscf.SystemLookup(lookupTime)})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, r.Text); err != nil {
		return err
	}
	asked := r.Asked()
	_, err = fmt.Fprintf(messages, "piranhactl: import: %d to be set (PLEASE SET), %d not carried over or different; the comments say what\n", asked, len(r.Notes)-asked)
	return err
}

// readSource reads a file, or standard input for -, no further than an importer does.
func readSource(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, importer.MaxSize+1))
}
