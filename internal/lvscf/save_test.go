package lvscf

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
)

const saved = "# one\nserial_no = 3\nkeepalive = 2\n"

// file makes lvs.cf in a directory of its own and reads it.
func file(t *testing.T, text string) (*Document, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lvs.cf")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	d, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

// content checks what the file holds and that nothing lies beside it.
func content(t *testing.T, path, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || string(text) != want {
		t.Errorf("file holds %q, %v, want %q", text, err, want)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("directory holds %v, %v, want one file", entries, err)
	}
}

func set(t *testing.T, d *Document, key, value string) {
	t.Helper()
	if err := d.Set(Path{}, key, value); err != nil {
		t.Fatal(err)
	}
}

func TestSave(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		edit func(t *testing.T, d *Document)
		want string
	}{
		{"nothing", saved, func(*testing.T, *Document) {}, saved},
		{"same value", saved, func(t *testing.T, d *Document) { set(t, d, "keepalive", "2") }, saved},
		{"value", saved, func(t *testing.T, d *Document) { set(t, d, "keepalive", "3") }, "# one\nserial_no = 4\nkeepalive = 3\n"},
		{"no serial", "keepalive = 2\n", func(t *testing.T, d *Document) { set(t, d, "keepalive", "3") }, "keepalive = 3\nserial_no = 1\n"},
		{"own serial", saved, func(t *testing.T, d *Document) { set(t, d, "serial_no", "9"); set(t, d, "keepalive", "3") }, "# one\nserial_no = 9\nkeepalive = 3\n"},
		{"largest serial", "serial_no = 2147483647\n", func(t *testing.T, d *Document) { set(t, d, "keepalive", "3") }, "serial_no = 1\nkeepalive = 3\n"},
		{"bad serial", "serial_no = x\n", func(t *testing.T, d *Document) { set(t, d, "keepalive", "3") }, "serial_no = x\nkeepalive = 3\n"},
		{"comment", saved, func(t *testing.T, d *Document) { replaceText(t, d, "# two\nserial_no = 3\n keepalive=\"2\" # x\n") }, "# two\nserial_no = 3\n keepalive=\"2\" # x\n"},
		{"text", saved, func(t *testing.T, d *Document) { replaceText(t, d, "serial_no = 3\nkeepalive = 4\n") }, "serial_no = 4\nkeepalive = 4\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, path := file(t, tt.text)
			tt.edit(t, d)
			if err := d.Save(); err != nil {
				t.Fatal(err)
			}
			content(t, path, tt.want)
			if string(d.Bytes()) != tt.want {
				t.Errorf("document holds %q, want %q", d.Bytes(), tt.want)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o640 {
				t.Errorf("mode = %v, %v, want 0640", info.Mode(), err)
			}
			// The document goes on from what it has saved.
			set(t, d, "deadtime", "30")
			if err := d.Save(); err != nil {
				t.Error(err)
			}
		})
	}
}

func replaceText(t *testing.T, d *Document, text string) {
	t.Helper()
	if err := d.Replace([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestSaveWritesNothingWithoutChange(t *testing.T) {
	d, path := file(t, saved)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	set(t, d, "keepalive", "3")
	set(t, d, "keepalive", "2")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file was written, %v", err)
	}
}

func TestSaveRefusesChangedFile(t *testing.T) {
	d, path := file(t, saved)
	set(t, d, "keepalive", "3")
	other := "serial_no = 8\n"
	if err := os.WriteFile(path, []byte(other), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(); !errors.Is(err, ErrChanged) {
		t.Errorf("Save = %v, want ErrChanged", err)
	}
	content(t, path, other)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Save of a removed file = %v, want not exist", err)
	}
}

// Of many writers that have read the same file one wins; the others are told.
func TestSaveRace(t *testing.T) {
	_, path := file(t, saved)
	docs := make([]*Document, 8)
	for i := range docs {
		d, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set(t, d, "syncd_id", string(rune('1'+i)))
		docs[i] = d
	}
	var wg sync.WaitGroup
	errs := make([]error, len(docs))
	for i, d := range docs {
		wg.Go(func() { errs[i] = d.Save() })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrChanged) {
			t.Errorf("Save = %v, want ErrChanged", err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won, want 1", won)
	}
}

// TestReadFileTakesRegularFilesOnly: a pipe would have a daemon that reads its file again wait for ever.
func TestReadFileTakesRegularFilesOnly(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "lvs.cf")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, t.TempDir(), os.DevNull} {
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("ReadFile(%s) = %v, want not a regular file", path, err)
		}
	}
}

func TestSaveFollowsLink(t *testing.T) {
	_, path := file(t, saved)
	link := filepath.Join(t.TempDir(), "link.cf")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	d, err := ReadFile(link)
	if err != nil {
		t.Fatal(err)
	}
	set(t, d, "keepalive", "3")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	content(t, path, "# one\nserial_no = 4\nkeepalive = 3\n")
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("link = %q, %v", target, err)
	}
}

func TestSaveKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	d, path := file(t, saved)
	if err := os.Chown(path, 12, 34); err != nil {
		t.Skip(err)
	}
	if err := os.Chmod(path, 0o664|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	set(t, d, "keepalive", "3")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Uid != 12 || st.Gid != 34 || info.Mode() != 0o664|fs.ModeSetgid {
		t.Errorf("owner %d:%d, mode %v", st.Uid, st.Gid, info.Mode())
	}
}

func TestSaveKeepsLabel(t *testing.T) {
	d, path := file(t, saved)
	const label = "system_u:object_r:etc_t:s0\x00"
	if err := unix.Setxattr(path, "security.selinux", []byte(label), 0); err != nil {
		t.Skipf("no labels here: %v", err)
	}
	set(t, d, "keepalive", "3")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := unix.Getxattr(path, "security.selinux", buf); err != nil || string(buf[:n]) != label {
		t.Errorf("label = %q, %v, want %q", buf[:n], err, label)
	}
}

func TestSaveAs(t *testing.T) {
	d := mustParse(t, saved)
	if err := d.Save(); !errors.Is(err, ErrNoFile) {
		t.Errorf("Save = %v, want ErrNoFile", err)
	}
	path := filepath.Join(t.TempDir(), "new.cf")
	if err := d.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	content(t, path, saved)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	if err := mustParse(t, "#").SaveAs(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("SaveAs over another file = %v, want exists", err)
	}
	set(t, d, "keepalive", "3")
	if err := d.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	content(t, path, "# one\nserial_no = 4\nkeepalive = 3\n")
}

func TestSaveLocked(t *testing.T) {
	d, path := file(t, saved)
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	set(t, d, "keepalive", "3")
	// In a bubble the seconds it waits pass at once.
	synctest.Test(t, func(t *testing.T) {
		if err := d.Save(); !errors.Is(err, ErrBusy) {
			t.Errorf("Save = %v, want ErrBusy", err)
		}
	})
	content(t, path, saved)
}

func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFile(dir); err == nil {
		t.Error("ReadFile of a directory succeeds")
	}
	if _, err := ReadFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFile = %v, want not exist", err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Skip(err)
	}
	var found Findings
	if _, err := ReadFile(large); !errors.As(err, &found) {
		t.Errorf("ReadFile of a huge file = %v", err)
	}
}

// fullDisk names the directory in which the helper process below mounts a small file system.
const fullDisk = "LVSCF_TEST_FULL_DISK"

// TestSaveFailing saves to a full and to a read-only file system. It runs itself again in namespaces of its own, so it
// needs neither root nor luck; where the kernel allows no such namespaces it is skipped.
func TestSaveFailing(t *testing.T) {
	if dir := os.Getenv(fullDisk); dir != "" {
		saveFailing(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSaveFailing$", "-test.v")
	cmd.Env = append(os.Environ(), fullDisk+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case err != nil && len(out) == 0:
		t.Skipf("no namespaces here: %v", err)
	case err != nil:
		t.Errorf("%v:\n%s", err, out)
	}
}

func saveFailing(t *testing.T, dir string) {
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mount: %v", err)
	}
	path := filepath.Join(dir, "lvs.cf")
	if err := os.WriteFile(path, []byte(saved), 0o640); err != nil {
		t.Fatal(err)
	}
	d, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set(t, d, "active_cmd", strings.Repeat("x", 100<<10))
	if err := d.Save(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Save to a full disk = %v", err)
	}
	content(t, path, saved)
	set(t, d, "active_cmd", "x")
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("remount: %v", err)
	}
	if err := d.Save(); !errors.Is(err, unix.EROFS) {
		t.Errorf("Save to a read-only file system = %v", err)
	}
	content(t, path, saved)
}
