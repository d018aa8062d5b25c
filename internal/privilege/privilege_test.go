package privilege

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a file system: names, with an owner, a mode, and a target for symbolic links.
type tree map[string]entry

func (t tree) look(name string) (entry, error) {
	e, ok := t[name]
	if !ok {
		return e, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return e, nil
}

func TestRootOnly(t *testing.T) {
	files := tree{
		"/":                 {mode: 0o755},
		"/usr":              {mode: 0o755},
		"/usr/bin":          {mode: 0o755},
		"/usr/bin/good":     {mode: 0o755},
		"/usr/bin/hers":     {uid: 1000, mode: 0o755},
		"/usr/bin/group":    {mode: 0o775},
		"/usr/bin/world":    {mode: 0o757},
		"/usr/bin/link":     {mode: 0o777 | fs.ModeSymlink, target: "good"},
		"/usr/bin/up":       {mode: 0o777 | fs.ModeSymlink, target: "../bin/good"},
		"/usr/bin/away":     {mode: 0o777 | fs.ModeSymlink, target: "/tmp/prog"},
		"/usr/bin/detour":   {mode: 0o777 | fs.ModeSymlink, target: "/tmp/good"},
		"/usr/bin/her-link": {uid: 1000, mode: 0o777 | fs.ModeSymlink, target: "good"},
		"/usr/bin/loop":     {mode: 0o777 | fs.ModeSymlink, target: "loop"},
		"/bin":              {mode: 0o777 | fs.ModeSymlink, target: "usr/bin"},
		"/tmp":              {mode: 0o777 | fs.ModeSticky},
		"/tmp/prog":         {mode: 0o755},
		"/tmp/good":         {mode: 0o777 | fs.ModeSymlink, target: "/usr/bin/good"},
		"/home":             {mode: 0o755},
		"/home/her":         {uid: 1000, mode: 0o755},
		"/home/her/prog":    {mode: 0o755},
	}
	for path, want := range map[string]string{
		"/usr/bin/good":           "",
		"//usr/./bin/good":        "",
		"/usr/bin/link":           "",
		"/usr/bin/up":             "",
		"/bin/good":               "",
		"/bin/link":               "",
		"/usr/bin/hers":           "/usr/bin/hers belongs to user 1000",
		"/usr/bin/group":          "/usr/bin/group is writable by others (mode 0775)",
		"/usr/bin/world":          "/usr/bin/world is writable by others (mode 0757)",
		"/bin/world":              "/usr/bin/world is writable by others (mode 0757)",
		"/usr/bin/away":           "/tmp is writable by others (mode 0777)",
		"/usr/bin/detour":         "/tmp is writable by others (mode 0777)", // somebody else could put another link there
		"/usr/bin/her-link":       "/usr/bin/her-link belongs to user 1000",
		"/home/her/prog":          "/home/her belongs to user 1000",
		"/usr/bin/../../tmp/prog": "/tmp is writable by others (mode 0777)",
		"/usr/bin/loop":           "/usr/bin/loop leads through too many symbolic links",
		"/usr/bin/none":           "lstat /usr/bin/none: file does not exist",
		"bin/good":                "bin/good is not an absolute path",
		"":                        " is not an absolute path",
	} {
		got := ""
		if err := rootOnly(path, files.look); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("rootOnly(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestRootOnlyOnThisSystem(t *testing.T) {
	if err := RootOnly("/bin/sh"); err != nil {
		t.Errorf("RootOnly(/bin/sh) = %v", err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := RootOnly(program); err == nil || !strings.HasPrefix(err.Error(), "/tmp is writable") && os.TempDir() == "/tmp" {
		t.Errorf("RootOnly(%s) = %v", program, err)
	}
}

func TestCommand(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: another user passes on what it has")
	}
	if c, why, err := Command("/etc/passwd", "/bin/sh"); c != nil || why != nil || err != nil {
		t.Errorf("Command of root's files = %v, %v, %v", c, why, err)
	}
	config := filepath.Join(t.TempDir(), "lvs.cf")
	if err := os.WriteFile(config, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c, why, err := Command(config, "/bin/sh")
	if why == nil || (c == nil) == (err == nil) || c != nil && c.Uid == 0 {
		t.Errorf("Command for a file in a directory of everybody's = %v, %v, %v", c, why, err)
	}
}
