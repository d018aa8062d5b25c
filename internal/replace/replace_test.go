package replace

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// alone checks that a directory holds nothing but the names given.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(names) {
		t.Errorf("directory = %v, want %v", entries, names)
	}
}

func content(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s = %q, %v, want %q", path, got, err, want)
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Create(path, "one\n", Mode(0o640)); err != nil {
		t.Fatal(err)
	}
	content(t, path, "one\n")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	if err := Create(path, "two\n", Mode(0o640)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file = %v, want exists", err)
	}
	refused := errors.New("refused")
	if err := Create(filepath.Join(dir, "b"), "", func(*os.File) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("Create = %v, want what prepare says", err)
	}
	content(t, path, "one\n")
	alone(t, dir, "a")
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(path, 0o2664); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", link); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, "one\n", "two\n"); err != nil {
		t.Fatal(err)
	}
	content(t, path, "two\n")
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&0o7777 != 0o2664 {
		t.Errorf("mode = %o, %v, want 2664", st.Mode&0o7777, err)
	}
	if err := Exact(link, "two\n", "three\n"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("Exact of a link = %v", err)
	}
	for _, old := range []string{"one\n", "two", "two\n\n", ""} {
		if err := Replace(path, old, "three\n"); !errors.Is(err, ErrChanged) {
			t.Errorf("Replace of %q = %v, want ErrChanged", old, err)
		}
	}
	if err := Replace(filepath.Join(dir, "none"), "", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Replace of no file = %v, want not exist", err)
	}
	if err := Replace(dir, "", "x"); err == nil {
		t.Error("Replace of a directory succeeds")
	}
	content(t, path, "two\n")
	alone(t, dir, "a", "link")
}

// TestReplaceTakesTurns has many writers add a line each: none is lost.
func TestReplaceTakesTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Create(path, "", Mode(0o600)); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for {
				old, err := os.ReadFile(path)
				if err == nil {
					err = Replace(path, string(old), string(old)+"x")
				}
				if err == nil {
					return
				}
				if !errors.Is(err, ErrChanged) {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	content(t, path, "xxxxxxxxxxxxxxxxxxxx")
}
