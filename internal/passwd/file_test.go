package passwd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	md5Hash = "$apr1$saltstrg$DiWn091nlGCxM/4XMRf8v0" // of a
	shaHash = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
)

func TestParse(t *testing.T) {
	text := "# kept by hand\n\npiranha:" + md5Hash + "\nviewer:" + shaHash + ":a comment\r\nplain:password\nnothing\n:x\npiranha:" + shaHash +
		"\nbad name:" + md5Hash + "\n" + strings.Repeat("x", maxLine+1) + "\nempty:\n"
	f := Parse(text)
	for account, want := range map[string]string{"piranha": md5Hash, "viewer": shaHash, "plain": "password", "empty": ""} {
		if got, ok := f.Hash(account); !ok || got != want {
			t.Errorf("Hash(%s) = %q, %v, want %q", account, got, ok, want)
		}
	}
	for _, account := range []string{"", "nobody", "nothing", "bad name", "# kept by hand"} {
		if got, ok := f.Hash(account); ok {
			t.Errorf("Hash(%q) = %q, want none", account, got)
		}
	}
	var got []string
	for _, p := range f.Problems() {
		got = append(got, p.Error())
	}
	want := []string{
		"line 5: account plain: " + ErrScheme.Error(),
		"line 6: " + errNoColon.Error(),
		"line 7: " + ErrAccount.Error(),
		"line 8: account piranha: " + errTwice.Error(),
		"line 9: " + ErrAccount.Error(),
		"line 10: " + errLongLine.Error(),
		"line 11: account empty: " + ErrScheme.Error(),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestValidAccount(t *testing.T) {
	for name, want := range map[string]bool{
		"piranha": true, "a": true, "a@b.c-d_e": true, strings.Repeat("x", 64): true,
		"": false, "a b": false, "a:b": false, "a\nb": false, "#a": false, "é": false, "a\x7f": false, strings.Repeat("x", 65): false,
	} {
		if got := ValidAccount(name); got != want {
			t.Errorf("ValidAccount(%q) = %v", name, got)
		}
	}
}

func written(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("file = %q, %v, want %q", got, err, want)
	}
}

func TestSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "piranha.passwd")
	if err := Set(path, "piranha", "one", nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of a new file = %v, %v", info.Mode(), err)
	}
	written(t, path, "piranha:one\n")
	text := "# kept\r\n\nviewer:x:comment\nnonsense\npiranha:one:comment\npiranha:later\nend:x"
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Set(path, "piranha", "two", nil); err != nil {
		t.Fatal(err)
	}
	written(t, path, "# kept\r\n\nviewer:x:comment\nnonsense\npiranha:two\npiranha:later\nend:x\n")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode = %v, %v, want it kept", info.Mode(), err)
	}
	for _, account := range []string{"", "a:b", "a\nb:c"} {
		if err := Set(path, account, "x", nil); !errors.Is(err, ErrAccount) {
			t.Errorf("Set(%q) = %v", account, err)
		}
	}
	if err := Set(filepath.Join(t.TempDir(), "none", "x"), "piranha", "x", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Set in no directory = %v", err)
	}
}

func TestUpgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "piranha.passwd")
	if err := Upgrade(path, "piranha", "one", "two"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Upgrade of no file = %v", err)
	}
	if err := Set(path, "piranha", "one", nil); err != nil {
		t.Fatal(err)
	}
	if err := Upgrade(path, "piranha", "one", "two"); err != nil {
		t.Fatal(err)
	}
	written(t, path, "piranha:two\n")
	if err := Upgrade(path, "piranha", "one", "three"); err != nil {
		t.Fatal(err)
	}
	written(t, path, "piranha:two\n")
}

// TestSetTogether has many programs set a password each: none is lost.
func TestSetTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "piranha.passwd")
	var group sync.WaitGroup
	for _, account := range []string{"a", "b", "c", "d", "e"} {
		group.Go(func() {
			if err := Set(path, account, "x", nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	f, err := Read(path)
	if err != nil || len(f.accounts) != 5 {
		t.Errorf("accounts = %v, %v", f.accounts, err)
	}
}

func TestReadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); !errors.Is(err, ErrLarge) {
		t.Errorf("Read = %v, want ErrLarge", err)
	}
	if _, err := Read("/dev/null"); err == nil {
		t.Error("a device is read")
	}
}

// FuzzWith: setting one account's hash changes no other's.
func FuzzWith(f *testing.F) {
	f.Add("piranha:x\nviewer:y\n", "piranha")
	f.Add("a:b\r\n\n#c\npiranha", "b")
	f.Fuzz(func(t *testing.T, text, account string) {
		if !ValidAccount(account) {
			return
		}
		before := Parse(text)
		after := Parse(before.with(account, "$hash"))
		if got, ok := after.Hash(account); !ok || got != "$hash" {
			t.Errorf("Hash = %q, %v", got, ok)
		}
		for other := range before.accounts {
			want, _ := before.Hash(other)
			if got, ok := after.Hash(other); other != account && (!ok || got != want) {
				t.Errorf("%s: %q became %q", other, want, got)
			}
		}
	})
}
