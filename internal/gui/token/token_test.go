package token

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	return Open(dir, func(text string) { t.Error(text) })
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	secret, err := s.Make("backup-job", []string{Configure}, "piranha", now)
	if err != nil || !strings.HasPrefix(secret, "piranha_") || len(secret) < 50 {
		t.Fatalf("%q, %v", secret, err)
	}
	other, err := s.Make("monitoring", []string{Read}, "piranha", now)
	if err != nil || other == secret {
		t.Fatalf("%q, %v", other, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
	info, err2 := os.Stat(filepath.Join(dir, "tokens.json"))
	if err != nil || err2 != nil || strings.Contains(string(text), secret[len("piranha_"):]) || info.Mode().Perm() != 0o600 {
		t.Errorf("file %s, %v, %v", text, info.Mode(), err)
	}
	s = open(t, dir)
	got, ok := s.Find(secret, now.Add(time.Hour))
	if !ok || got.Name != "backup-job" || got.By != "piranha" || !got.May(Read) || !got.May(Configure) || got.May(Operate) || !got.Used.Equal(now.Add(time.Hour)) {
		t.Errorf("found %+v, %v", got, ok)
	}
	for _, wrong := range []string{"", "piranha_", secret + "x", secret[:len(secret)-1], strings.ToUpper(secret), string(got.Sum), strings.Repeat("x", 1<<20)} {
		if got, ok := s.Find(wrong, now); ok {
			t.Errorf("%q is %s", wrong, got.Name)
		}
	}
	if err := s.Revoke("backup-job", now); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Find(secret, now); ok {
		t.Error("a token that was taken back counts")
	}
	if err := s.Revoke("backup-job", now); !errors.Is(err, ErrUnknown) {
		t.Errorf("taken back twice: %v", err)
	}
	s = open(t, dir)
	if list := s.List(); len(list) != 1 || list[0].Name != "monitoring" {
		t.Errorf("left: %+v", list)
	}
}

// TestUsed: when a token was used last is kept, without writing for each use.
func TestUsed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	secret, err := s.Make("a", []string{Read}, "piranha", now)
	if err != nil {
		t.Fatal(err)
	}
	kept := func() time.Time { return open(t, dir).List()[0].Used }
	s.Find(secret, now.Add(59*time.Second))
	if !kept().IsZero() {
		t.Error("written at once")
	}
	s.Find(secret, now.Add(time.Minute))
	if want := now.Add(time.Minute); !kept().Equal(want) {
		t.Errorf("kept %v, want %v", kept(), want)
	}
}

func TestRefused(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []string{"", "a b", "a\nb", "ä", "a\"", strings.Repeat("a", MaxName+1), "<b>", "a/b"} {
		if _, err := s.Make(name, []string{Read}, "piranha", now); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, scopes := range [][]string{nil, {"write"}, {Read, ""}} {
		if _, err := s.Make("a", scopes, "piranha", now); !errors.Is(err, ErrScope) {
			t.Errorf("%q: %v", scopes, err)
		}
	}
	for i := range MaxTokens {
		if _, err := s.Make(fmt.Sprint(i), []string{Read, Read}, "piranha", now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Make("5", []string{Read}, "piranha", now); !errors.Is(err, ErrExists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.Make("more", []string{Read}, "piranha", now); !errors.Is(err, ErrTooMany) {
		t.Errorf("too many: %v", err)
	}
	if !slices.Equal(s.List()[0].Scopes, []string{Read}) {
		t.Errorf("scopes %q", s.List()[0].Scopes)
	}
}

// TestDamaged: what cannot be read lets nobody in.
func TestDamaged(t *testing.T) {
	for _, text := range []string{"", "{}", `[{"name":"a","scopes":["read"],"sum":""}]`, `[{"name":"a b"}]`, strings.Repeat(" ", maxFile+1)} {
		dir := t.TempDir()
		path := filepath.Join(dir, "tokens.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		warned := ""
		s := Open(dir, func(text string) { warned = text })
		if len(s.List()) > 0 || !strings.Contains(warned, "damaged") {
			t.Errorf("%.20q: %v, warned %q", text, s.List(), warned)
		}
		if _, err := os.Stat(path + ".damaged"); err != nil {
			t.Error(err)
		}
		if _, err := s.Make("a", []string{Read}, "piranha", now); err != nil {
			t.Error(err)
		}
	}
}

// FuzzDecode: what is read has tokens that could have been made.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`[{"name":"a","scopes":["read"],"by":"x","made":"2026-11-21T12:00:00Z","sum":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := decode(text)
		for _, token := range list {
			if err != nil || !validName(token.Name) || len(token.Sum) != 32 {
				t.Fatalf("%+v, %v", token, err)
			}
		}
	})
}
