package lvs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// stateFile is a file of the state directory: what lvsd must not forget with its process.
type stateFile struct {
	path    string // "": there is none
	durable bool   // it is to outlive a crash of the machine, too
	unsaved bool   // the file has something else, or may have
}

// newStateFile is the file of that name; of none if there is no directory.
func newStateFile(dir, name string) stateFile {
	if dir == "" {
		return stateFile{}
	}
	return stateFile{path: filepath.Join(dir, name)}
}

// read understands the file. One that is missing leaves into as it is.
func (f *stateFile) read(into any) error {
	if f.path == "" {
		return nil
	}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &fs.PathError{Op: "read", Path: f.path, Err: err}
	}
	return nil
}

// save writes the file if it does not have its content yet, because that has changed or because it could not be written.
func (f *stateFile) save(content func() ([]byte, error)) error {
	if !f.unsaved {
		return nil
	}
	if f.path != "" {
		text, err := content()
		if err != nil {
			return err
		}
		if err := f.write(text); err != nil {
			return err
		}
	}
	f.unsaved = false
	return nil
}

// write replaces the file atomically.
func (f *stateFile) write(text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*") // a name nobody can have put a link at
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil && f.durable {
		err = file.Sync() // the name must not be there before what it names
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // half a file at most
	}
	return err
}
