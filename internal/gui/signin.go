package gui

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/ratelimit"
	"github.com/piranha-lvs/piranha/internal/passwd"
)

// How often somebody may guess: from one address, and for one account from anywhere. Addresses from which an account has
// signed in are spared the latter, so that nobody can lock the administrator out by guessing.
const (
	addressBurst = 6
	addressEvery = 20 * time.Second
	accountBurst = 20
	accountEvery = 30 * time.Second
	maxKeys      = 10_000
	// checks is how many passwords are compared at a time, which is meant to take long, and checkWait how long others wait.
	checks    = 2
	checkWait = 5 * time.Second
)

// signIns bounds attempts to sign in.
type signIns struct {
	byAddress, byAccount *ratelimit.Limiter
	checking             chan struct{}
	decoy                func() string // the hash that an account without one is compared with: it takes as long

	mu    sync.Mutex
	known map[string]bool // account and address that have signed in
}

func newSignIns() *signIns {
	return &signIns{
		byAddress: ratelimit.New(addressBurst, addressEvery, maxKeys),
		byAccount: ratelimit.New(accountBurst, accountEvery, maxKeys),
		checking:  make(chan struct{}, checks),
		known:     map[string]bool{},
		decoy: sync.OnceValue(func() string {
			hash, _ := passwd.Hash("no account has this")
			return hash
		}),
	}
}

// addressKey is what counts as one address: of IPv6 a client has a whole network.
func addressKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// take counts an attempt and returns how long to wait before it may be made.
func (t *signIns) take(account string, address netip.Addr, now time.Time) time.Duration {
	if wait := t.byAddress.Take(addressKey(address), now); wait > 0 {
		return wait
	}
	t.mu.Lock()
	known := t.known[account+" "+addressKey(address)]
	t.mu.Unlock()
	if known {
		return 0
	}
	return t.byAccount.Take(account, now)
}

// succeed gives the attempt back.
func (t *signIns) succeed(account string, address netip.Addr) {
	key := addressKey(address)
	t.byAddress.Back(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known[account+" "+key] {
		t.byAccount.Back(account)
	}
	if len(t.known) < maxKeys {
		t.known[account+" "+key] = true
	}
}

// verify compares a password with a hash, not more than a few at a time. busy means that it was not compared.
func (t *signIns) verify(ctx context.Context, hash, password string) (ok, busy bool) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	select {
	case t.checking <- struct{}{}:
		defer func() { <-t.checking }()
	case <-ctx.Done():
		return false, true
	}
	ok, err := passwd.Verify(hash, password)
	return ok && err == nil, false
}

// loginView is the sign-in page.
type loginView struct {
	page
	Username, Next, Error string
}

func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if s.sessions.Account(r, s.accounts.stampOf) != "" {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.render(w, r, http.StatusOK, "login", loginView{page: s.page(r, "Sign in", ""), Next: next})
}

// login signs somebody in. What was wrong is not said.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, http.StatusBadRequest, "The form was not understood.")
		return
	}
	name, password, address := r.PostForm.Get("username"), r.PostForm.Get("password"), clientAddr(r)
	v := loginView{page: s.page(r, "Sign in", ""), Username: shorten(name, 64), Next: localPath(r.PostForm.Get("next"))}
	if wait := s.signIns.take(shorten(name, 64), address, time.Now()); wait > 0 {
		seconds := int(wait/time.Second) + 1
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		v.Error = "Too many attempts. Try again in " + plural(seconds, "second") + "."
		s.render(w, r, http.StatusTooManyRequests, "login", v)
		return
	}
	hash, known := s.accounts.hash(name)
	if !known {
		hash = s.signIns.decoy()
	}
	ok, busy := s.signIns.verify(r.Context(), hash, password)
	switch {
	case busy:
		v.Error = "Too many people are signing in at this moment. Try again."
		s.render(w, r, http.StatusServiceUnavailable, "login", v)
	case !ok || !known:
		s.log.Warn("sign-in refused", "account", knownOr(name, known), "address", address.String())
		v.Error = "User name or password is wrong."
		s.render(w, r, http.StatusUnauthorized, "login", v)
	default:
		s.signIns.succeed(name, address)
		s.welcome(w, r, name, password, hash, v.Next)
	}
}

// knownOr hides a name that is no account's: people type passwords into the wrong field.
func knownOr(name string, known bool) string {
	if known {
		return name
	}
	return "(unknown)"
}

// welcome begins a session.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request, name, password, hash, next string) {
	if passwd.Weak(hash) {
		hash = s.upgrade(name, password, hash)
	}
	if err := s.sessions.Begin(w, r, name, hashStamp(hash)); err != nil {
		s.fail(w, r, err)
		return
	}
	s.log.Info("signed in", "account", name, "address", clientAddr(r).String())
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// upgrade stores a better hash of a password that was just verified, and returns the one that is stored now.
func (s *Server) upgrade(name, password, was string) string {
	hash, err := passwd.Hash(password)
	if err == nil {
		err = passwd.Upgrade(s.opt.PasswdFile, name, was, hash)
	}
	if err != nil {
		s.log.Warn("the stored hash of the password stays a weak one; run piranha-passwd", "account", name, "err", err.Error())
		return was
	}
	s.log.Info("stored a bcrypt hash of the password", "account", name)
	return hash
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	name := s.sessions.Account(r, s.accounts.stampOf)
	if err := s.sessions.End(w, r); err != nil {
		s.fail(w, r, err)
		return
	}
	if name != "" {
		s.log.Info("signed out", "account", name, "address", clientAddr(r).String())
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// askToSignIn sends a browser to the sign-in page, and back to this one afterwards.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	// A link on another site's page arrives without the cookie. Asked for by a page of ours, it has it.
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		s.render(w, r, http.StatusOK, "again", againView{page: s.page(r, "Piranha", ""), URL: localPath(r.URL.RequestURI())})
		return
	}
	http.Redirect(w, r, "/login?next="+url.QueryEscape(localPath(r.URL.RequestURI())), http.StatusSeeOther)
}

// againView is a page that opens another one at once.
type againView struct {
	page
	URL string
}

// localPath is a page of this server to go to: what is asked for, if it is one.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || len(next) > 2000 || u.Path == "/login" || u.Path == "/" {
		return "/control"
	}
	return next
}
