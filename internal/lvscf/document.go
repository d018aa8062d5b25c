package lvscf

import (
	"fmt"
	"io"
	"strings"

	"github.com/piranha-lvs/piranha/internal/replace"
)

// MaxSize is the largest file that is read, in bytes. The largest sensible configuration is a few megabytes.
const MaxSize = 32 << 20

// Document is a file with every byte of it. It is not safe for use by several goroutines while one of them edits;
// reading alone is.
type Document struct {
	name  string // for findings
	text  string
	path  string // the file it came from, "" if it was not read from one
	saved string // the text that file had

	missing bool // there was no file: Save makes one
}

// Parse makes a document of a text. name stands for the file in findings. The error, of type Findings, says that the
// text cannot be a configuration at all: empty, larger than MaxSize, or with a NUL byte.
func Parse(name string, text []byte) (*Document, error) {
	if len(text) > MaxSize {
		return nil, refuse(name, 0, CodeIO, fmt.Sprintf("larger than %d MB", MaxSize>>20))
	}
	return parse(name, string(text))
}

func parse(name, text string) (*Document, error) {
	if text == "" {
		return nil, refuse(name, 0, CodeEmpty, "empty configuration")
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		all, no := newLines(text), 1
		for ln, ok := all.next(); ok && ln.start <= i; ln, ok = all.next() {
			no = ln.no
		}
		return nil, refuse(name, no, CodeIO, "a NUL byte: this is not a text file")
	}
	return &Document{name: name, text: text}, nil
}

func refuse(name string, line int, code Code, text string) error {
	return Findings{{File: name, Line: line, Severity: Error, Code: code, Text: text}}
}

// ReadFile reads a file. The document remembers where it came from, for Save.
func ReadFile(path string) (*Document, error) {
	f, err := replace.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1)) // one more shows that it is too large
	if err != nil {
		return nil, err
	}
	d, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	d.path, d.saved = path, d.text
	return d, nil
}

// Name returns the name given to Parse or ReadFile.
func (d *Document) Name() string { return d.name }

// Bytes returns the text as it stands: after Parse, every byte it was given.
func (d *Document) Bytes() []byte { return []byte(d.text) }

// Replace takes a whole new text, as from an editor; the document stays that of the same file. What Parse refuses is
// refused here too and changes nothing.
func (d *Document) Replace(text []byte) error {
	n, err := Parse(d.name, text)
	if err != nil {
		return err
	}
	d.text = n.text
	return nil
}
