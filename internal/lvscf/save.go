package lvscf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/piranha-lvs/piranha/internal/replace"
)

// Errors of Save and SaveAs; errors.Is finds them.
var (
	ErrChanged = replace.ErrChanged
	ErrBusy    = replace.ErrBusy
	ErrNoFile  = errors.New("the document was not read from a file")
)

// maxSerial is the largest serial_no every version of the suite can read.
const maxSerial = 1<<31 - 1

// Save puts the document in place of the file it was read from, in one step: a reader sees the old file or the new one.
// Owner, mode and SELinux label stay; a symbolic link stays and its target is replaced. A document without changes is
// not written. If statements have changed, serial_no is raised by one, unless it was among the changes.
//
// Save fails with ErrChanged if the file no longer has the bytes the document was read from. On any failure the old
// file is still there and nothing is left beside it.
func (d *Document) Save() error {
	if d.path == "" {
		return ErrNoFile
	}
	if d.text == d.saved {
		return nil
	}
	text, err := d.withSerial()
	if err != nil {
		return err
	}
	if d.missing {
		return d.write(d.path, text, nil)
	}
	return d.write(d.path, text, &d.saved)
}

// SaveAs writes the document to a new file, mode 0644, which becomes the one Save replaces. For the path the document
// was read from it is Save; any other file that exists is left alone: the error is fs.ErrExist.
func (d *Document) SaveAs(path string) error {
	if path == d.path {
		return d.Save()
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("save %s: %w", path, fs.ErrExist)
	}
	return d.write(path, d.text, nil)
}

// write replaces the file at path, whose text must be *old; nil says that there must be no file.
func (d *Document) write(path, text string, old *string) error {
	var err error
	if old == nil {
		err = replace.Create(path, text, replace.Mode(0o644))
	} else {
		err = replace.Replace(path, *old, text)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	d.path, d.text, d.saved, d.missing = path, text, text, false
	return nil
}

// withSerial returns the text with serial_no raised if what the file says has changed.
func (d *Document) withSerial() (string, error) {
	before := Document{name: d.name, text: d.saved}
	old, _ := before.Config(Lookup{})
	now, found := d.Config(Lookup{})
	if before.Digest() == d.Digest() || old.SerialNo != now.SerialNo || serialRefused(found) {
		return d.text, nil
	}
	next := now.SerialNo + 1
	if next > maxSerial {
		next = 1
	}
	raised := *d
	if err := raised.Set(Path{}, "serial_no", strconv.FormatInt(next, 10)); err != nil {
		return "", fmt.Errorf("save %s: %w", d.path, err)
	}
	return raised.text, nil
}

// serialRefused reports whether there is a serial_no that is no number: it is left for its author to see.
func serialRefused(found Findings) bool {
	for _, f := range found {
		if f.Severity == Error && f.Block == "" && f.Key == "serial_no" {
			return true
		}
	}
	return false
}
