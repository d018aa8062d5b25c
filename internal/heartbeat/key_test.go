package heartbeat

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := strings.Repeat("k", MinKey)
	long := strings.Repeat("k", MaxKey)
	for _, tt := range []struct{ name, text, want string }{
		{"shortest", good, good},
		{"line end", good + "\n", good},
		{"line end of DOS", good + "\r\n", good},
		{"one line end only", good + "\n\n", good + "\n"},
		{"binary", "\x00" + good + "\xff ", "\x00" + good + "\xff "},
		{"longest", long + "\r\n", long},
	} {
		key, err := ReadKey(file(tt.name, tt.text, 0o600))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if !key.Equal(testKey(t, tt.want)) {
			t.Errorf("%s: another key", tt.name)
		}
	}
	if _, err := ReadKey(file("read-only", good, 0o400)); err != nil {
		t.Error(err)
	}
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.Symlink("shortest", link); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file or directory",
		link:                       "a symbolic link is not followed",
		pipe:                       "not a regular file",
		dir:                        "not a regular file",
		file("group", good, 0o640): "mode is 0640: 0600 or 0400 is needed",
		file("world", good, 0o604): "mode is 0604: 0600 or 0400 is needed",
		file("setuid", good, 0o600|os.ModeSetuid): "mode is 4600: 0600 or 0400 is needed",
		file("short", good[1:]+"\n", 0o600):       "key of 15 bytes: 16 to 1024 are needed",
		file("empty", "", 0o600):                  "key of 0 bytes: 16 to 1024 are needed",
		file("long", long+"k\n", 0o600):           "longer than 1024 bytes",
		file("endless", long+long+long, 0o600):    "longer than 1024 bytes",
	} {
		_, err := ReadKey(path)
		if err == nil || err.Error() != "key file "+path+": "+want {
			t.Errorf("ReadKey = %v, want %q", err, want)
		} else if strings.Contains(err.Error(), "kkk") {
			t.Errorf("%v gives the key away", err)
		}
	}
}

func TestKeyOwner(t *testing.T) {
	st := unix.Stat_t{Mode: unix.S_IFREG | 0o600, Uid: 1000}
	if err := private(&st, 1000); err != nil {
		t.Error(err)
	}
	if err := private(&st, 0); err == nil || err.Error() != "owner is user 1000: root or user 0 is needed" {
		t.Errorf("private = %v", err)
	}
	st.Uid = 0
	if err := private(&st, 1000); err != nil {
		t.Error(err)
	}
}

// TestKeyIsNotShown: not by itself, and not in something else that is printed.
func TestKeyIsNotShown(t *testing.T) {
	const secret = "a very secret key"
	key := testKey(t, secret)
	rules := Rules{Service: LVS, Role: Primary, Stage: Enforce, Key: key}
	guard := newSide(t, rules, new(time.Time)).guard
	p, _ := routers(t, Off)
	p.Rules = rules
	conn := openConn(t, p)
	for _, v := range []any{key, *key, rules, &rules, guard, *guard, conn, p, key.mac()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			text := fmt.Sprintf(verb, v)
			for _, form := range []string{"%s", "%x", "%X", "%d", "%#v", "%q"} {
				leak := strings.Trim(fmt.Sprintf(form, []byte(secret)), `[]"`)
				if strings.Contains(text, leak) {
					t.Errorf("%s of %T shows the key", verb, v)
				}
			}
		}
	}
	if key.String() != "secret" || fmt.Sprintf("%#v", key) != "secret" {
		t.Errorf("String = %q", key)
	}
}

func TestKeyEqual(t *testing.T) {
	a, b := testKey(t, sampleKey), testKey(t, sampleKey)
	other := testKey(t, "another key of some bytes")
	var none *Key
	if !a.Equal(b) || a.Equal(other) || a.Equal(none) || none.Equal(a) || !none.Equal(nil) {
		t.Error("Equal is wrong")
	}
}
