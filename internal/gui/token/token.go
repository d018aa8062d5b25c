// Package token keeps the tokens by which programs use the web panels' interface. A token is shown once, when it is made; here only
// its hash is kept. It has 256 random bits: unlike a password's, its hash need not take long.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/replace"
)

// What a token may be for. Each may read.
const (
	Read      = "read"
	Operate   = "operate"   // tell the daemons what to do
	Configure = "configure" // change lvs.cf
)

// Scopes are all there are, in their order.
func Scopes() []string { return []string{Read, Operate, Configure} }

// Limits.
const (
	MaxTokens = 100
	MaxName   = 40 // bytes
	maxFile   = 1 << 20
	maxSecret = 200 // bytes of what may be a token
	secretLen = 32  // bytes
	// noteEvery is how often it is put on disk when tokens were used last.
	noteEvery = time.Minute
)

// prefix lets people, and programs that look for secrets in files, know a token when they see one.
const prefix = "piranha_"

// Errors. They are for people.
var (
	ErrName    = errors.New("a name is 1 to 40 letters, digits, dots, dashes and underscores")
	ErrExists  = errors.New("there is a token of this name")
	ErrScope   = errors.New("a token is for read, operate or configure")
	ErrTooMany = errors.New("there are 100 tokens: revoke one first")
	ErrUnknown = errors.New("there is no such token")
)

// Token is one of them.
type Token struct {
	Name   string    `json:"name"` // each once
	Scopes []string  `json:"scopes"`
	By     string    `json:"by"` // the account that made it
	Made   time.Time `json:"made"`
	Used   time.Time `json:"used,omitzero"` // zero: never
	Sum    []byte    `json:"sum"`           // SHA-256 of what is shown once
}

// May tells whether a token is for something.
func (t *Token) May(scope string) bool { return scope == Read || slices.Contains(t.Scopes, scope) }

// Store keeps the tokens in a file of a directory that is this process's alone. Its methods may be called at the same time.
type Store struct {
	path string
	warn func(text string)

	mu    sync.Mutex
	list  []Token
	noted time.Time // when the file was written
}

// Open reads the tokens. If they cannot be read there are none, and warn is told why.
func Open(dir string, warn func(text string)) *Store {
	s := &Store{path: filepath.Join(dir, "tokens.json"), warn: warn}
	text, err := s.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s
	case err == nil:
		s.list, err = decode(text)
	}
	if err != nil {
		warn(fmt.Sprintf("%s is damaged, and put aside; no token counts: %v", s.path, err))
		_ = os.Rename(s.path, s.path+".damaged")
	}
	return s
}

func (s *Store) read() ([]byte, error) {
	f, err := replace.OpenExact(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("it is too large")
	}
	return text, err
}

// decode reads what save wrote, and nothing else.
func decode(text []byte) ([]Token, error) {
	var list []Token
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	for i := range list {
		t := &list[i]
		if !validName(t.Name) || len(t.Sum) != sha256.Size || !validScopes(t.Scopes) || find(list[:i], t.Name) >= 0 {
			return nil, errors.New("it says what cannot be")
		}
	}
	return list, nil
}

func validName(name string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
	}
	return name != "" && len(name) <= MaxName && !slices.ContainsFunc([]rune(name), func(r rune) bool { return !plain(r) })
}

func validScopes(scopes []string) bool {
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(Scopes(), scope) })
}

func find(list []Token, name string) int {
	return slices.IndexFunc(list, func(t Token) bool { return t.Name == name })
}

// List returns the tokens in the order in which they were made.
func (s *Store) List() []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// Make makes a token and returns what its holder has to say.
func (s *Store) Make(name string, scopes []string, by string, now time.Time) (secret string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !validName(name):
		return "", ErrName
	case !validScopes(scopes):
		return "", ErrScope
	case find(s.list, name) >= 0:
		return "", ErrExists
	case len(s.list) >= MaxTokens:
		return "", ErrTooMany
	}
	random := make([]byte, secretLen)
	_, _ = rand.Read(random) // it never fails
	secret = prefix + base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(secret))
	t := Token{Name: name, By: by, Made: now.UTC().Round(0), Sum: sum[:]}
	for _, scope := range Scopes() {
		if t.May(scope) || slices.Contains(scopes, scope) {
			t.Scopes = append(t.Scopes, scope)
		}
	}
	return secret, s.save(append(slices.Clone(s.list), t), now)
}

// Revoke takes a token back.
func (s *Store) Revoke(name string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := find(s.list, name)
	if i < 0 {
		return ErrUnknown
	}
	return s.save(slices.Delete(slices.Clone(s.list), i, i+1), now)
}

// Find returns the token that a holder says, and notes that it was used. Which one it is takes as long as that it is none.
func (s *Store) Find(secret string, now time.Time) (Token, bool) {
	if len(secret) > maxSecret {
		return Token{}, false
	}
	sum := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	at := -1
	for i := range s.list {
		if subtle.ConstantTimeCompare(sum[:], s.list[i].Sum) == 1 {
			at = i
		}
	}
	if at < 0 {
		return Token{}, false
	}
	s.list[at].Used = now.UTC().Round(0)
	if now.Sub(s.noted) >= noteEvery {
		s.noted = now // also if it fails: the next attempt is in a minute
		if err := s.save(s.list, now); err != nil {
			s.warn("when tokens were used last is not kept: " + err.Error())
		}
	}
	return s.list[at], true
}

// save puts a list on disk, and takes it.
func (s *Store) save(list []Token, now time.Time) error {
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	old, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		err = replace.Create(s.path, string(text), replace.Mode(0o600))
	} else if err == nil {
		err = replace.Exact(s.path, string(old), string(text))
	}
	if err == nil {
		s.list, s.noted = list, now
	}
	return err
}
