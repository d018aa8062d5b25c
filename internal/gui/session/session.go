// Package session keeps who has signed in to the web panels. What a browser holds is a random id and nothing else; here,
// only the id's hash is kept, so that neither memory nor a core dump gives a session away.
//
// Store is a store of github.com/gorilla/sessions.
package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/sessions"
)

// Limits of sessions.
const (
	idBytes = 32
	// max is how many there may be; beyond it the one unused for longest ends. Each began with a password.
	max = 1000
)

// Options say how long sessions last and what their cookie is like.
type Options struct {
	Idle     time.Duration // without a request
	Absolute time.Duration // from the sign-in
	Secure   bool          // the cookie is for TLS only
}

// Account is the key of the session value that says who has signed in.
const Account = "account"

// Store keeps sessions in memory: they end with the program.
type Store struct {
	opt Options

	mu       sync.Mutex
	sessions map[[sha256.Size]byte]*record
}

// record is one session.
type record struct {
	account     string
	stamp       string // of the password it began with
	begun, used time.Time
}

// New returns a store without sessions.
func New(opt Options) *Store {
	return &Store{opt: opt, sessions: map[[sha256.Size]byte]*record{}}
}

// CookieName is the name of the cookie. The prefix makes browsers refuse one that another host or plain HTTP set.
func (s *Store) CookieName() string {
	if s.opt.Secure {
		return "__Host-piranha"
	}
	return "piranha"
}

// Get returns the session of a request. One that is not signed in is new.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New makes the session of a request from its cookie.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: s.opt.Secure, SameSite: http.SameSiteStrictMode}
	session.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil //nolint:nilerr // no cookie is no error
	}
	if rec := s.use(cookie.Value); rec != nil {
		session.ID, session.IsNew = cookie.Value, false
		session.Values[Account] = rec.account
	}
	return session, nil
}

// use finds a session that has not ended and notes that it was used. The caller gets a copy.
func (s *Store) use(id string) *record {
	now, key := time.Now(), hash(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.sessions[key]
	if !ok {
		return nil
	}
	if s.ended(rec, now) {
		delete(s.sessions, key)
		return nil
	}
	rec.used = now
	found := *rec
	return &found
}

func (s *Store) ended(rec *record, now time.Time) bool {
	return now.Sub(rec.used) > s.opt.Idle || now.Sub(rec.begun) > s.opt.Absolute
}

func hash(id string) [sha256.Size]byte { return sha256.Sum256([]byte(id)) }

// Save writes the cookie of a session, or takes it back if the session's MaxAge is negative, which ends the session.
func (s *Store) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.Options.MaxAge < 0 {
		s.end(session.ID)
		session.ID = ""
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID, session.Options))
	return nil
}

func (s *Store) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, hash(id))
}

// Begin signs an account in: the request's own session ends and one with a new id begins. stamp changes when the
// account's password does.
func (s *Store) Begin(w http.ResponseWriter, r *http.Request, account, stamp string) error {
	session, err := s.Get(r, s.CookieName())
	if err != nil {
		return err
	}
	if !session.IsNew {
		s.end(session.ID)
	}
	random := make([]byte, idBytes)
	_, _ = rand.Read(random) // never fails
	session.ID = base64.RawURLEncoding.EncodeToString(random)
	session.Values[Account] = account
	s.add(session.ID, account, stamp)
	return session.Save(r, w)
}

func (s *Store) add(id, account, stamp string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= max {
		s.makeRoom(now)
	}
	s.sessions[hash(id)] = &record{account: account, stamp: stamp, begun: now, used: now}
}

// makeRoom drops the sessions that have ended, or the one unused for longest.
func (s *Store) makeRoom(now time.Time) {
	var oldest [sha256.Size]byte
	last := now.Add(time.Hour)
	for key, rec := range s.sessions {
		if s.ended(rec, now) {
			delete(s.sessions, key)
		} else if rec.used.Before(last) {
			oldest, last = key, rec.used
		}
	}
	if len(s.sessions) >= max {
		delete(s.sessions, oldest)
	}
}

// End signs the session of a request out.
func (s *Store) End(w http.ResponseWriter, r *http.Request) error {
	session, err := s.Get(r, s.CookieName())
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	return session.Save(r, w)
}

// Account returns who has signed in, "" for nobody. stamp says what the stamp of an account is now: a session that began
// with another ends.
func (s *Store) Account(r *http.Request, stamp func(account string) string) string {
	session, err := s.Get(r, s.CookieName())
	if err != nil || session.IsNew {
		return ""
	}
	account, _ := session.Values[Account].(string)
	if !s.began(session.ID, stamp(account)) {
		s.end(session.ID)
		return ""
	}
	return account
}

// began tells whether a session began with that stamp.
func (s *Store) began(id, stamp string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.sessions[hash(id)]
	return ok && rec.stamp == stamp
}

// Revoke ends all sessions of an account and returns how many there were.
func (s *Store) Revoke(account string) (ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, rec := range s.sessions {
		if rec.account == account {
			delete(s.sessions, key)
			ended++
		}
	}
	return ended
}
