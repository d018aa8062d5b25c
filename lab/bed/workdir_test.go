package bed

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweepTakesOnlyWhatWasLeft(t *testing.T) {
	parent := t.TempDir()
	used, err := newWorkDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	left, err := newWorkDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	left.lock.Close() // as the kernel does for a process that is killed
	fresh := filepath.Join(parent, workPrefix+"fresh")
	other := filepath.Join(parent, "other")
	file := filepath.Join(parent, workPrefix+"file")
	for _, dir := range []string{fresh, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for _, path := range []string{used.Path, left.Path, other, file} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sweep(parent)
	for path, want := range map[string]bool{used.Path: true, left.Path: false, fresh: true, other: true, file: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("after the sweep %s exists = %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
	used.Remove()
	if _, err := os.Stat(used.Path); !os.IsNotExist(err) {
		t.Errorf("after Remove: %v, want it gone", err)
	}
}
