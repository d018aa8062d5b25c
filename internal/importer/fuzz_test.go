package importer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// sources adds the files of a format to a fuzz test.
func sources(f *testing.F, format string) {
	files, err := filepath.Glob(filepath.Join("testdata", format, "*.in"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "")
		f.Add(text, "eth0")
	}
}

// judge reads a source: either it is refused with a line of it, or what comes out passes check, and no word of the source has
// become a statement where a note was meant.
func judge(t *testing.T, read func([]byte, Options) (*Result, error), text []byte, device string) {
	r, err := read(text, Options{File: "source", Device: device, Lookup: names})
	if err != nil {
		var e *Error
		switch {
		case r != nil:
			t.Errorf("a result and %v", err)
		case !errors.As(err, &e) || e.File != "source" || strings.ContainsAny(err.Error(), "\n\r"):
			t.Errorf("%q", err)
		case e.Line == 0 && !strings.HasPrefix(e.Text, "no virtual server") && !strings.HasPrefix(e.Text, "device "):
			t.Errorf("no line: %v", err)
		case e.Line > strings.Count(string(text), "\n")+1:
			t.Errorf("no such line: %v", err)
		}
		return
	}
	doc, err := lvscf.Parse("result", []byte(r.Text))
	if err != nil {
		t.Fatal(err)
	}
	if _, findings := doc.Config(names); len(findings.Errors()) > 0 {
		t.Errorf("%v in\n%s", findings.Errors(), r.Text)
	}
	for _, n := range r.Notes {
		if strings.ContainsAny(n.String(), "\n\r") {
			t.Errorf("a note of several lines: %q", n)
		}
	}
}

func FuzzIpvsadm(f *testing.F) {
	sources(f, "ipvsadm")
	f.Fuzz(func(t *testing.T, text []byte, device string) { judge(t, Ipvsadm, text, device) })
}

func FuzzKeepalived(f *testing.F) {
	sources(f, "keepalived")
	f.Fuzz(func(t *testing.T, text []byte, device string) { judge(t, Keepalived, text, device) })
}

func FuzzLdirectord(f *testing.F) {
	sources(f, "ldirectord")
	f.Fuzz(func(t *testing.T, text []byte, device string) { judge(t, Ldirectord, text, device) })
}
