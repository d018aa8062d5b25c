package gui

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/token"
)

// tokenPages are about the tokens of programs. They are for those who may change.
func (s *Server) tokenPages(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(s.requireAdmin)
		r.Get("/tokens", s.tokens)
		r.Post("/tokens", s.makeToken)
		r.Post("/tokens/revoke", s.revokeToken)
	})
}

// requireAdmin keeps out those who may only look.
func (s *Server) requireAdmin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.accounts.role(account(r)) != admin {
			s.refuse(w, r, http.StatusForbidden, "The account "+account(r)+" may look and not change.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tokensView is the page about tokens.
type tokensView struct {
	page
	Tokens  []token.Token
	Scopes  []scopeView
	Name    string
	Problem string
	Done    string
	Made    string // the name of the token that was just made
	Secret  string // what its holder says; it is shown once
	Confirm string // a token to be revoked: it is asked whether to
}

// scopeView is a box to tick.
type scopeView struct {
	Name, Text string
	On, Always bool
}

func (s *Server) tokensView(r *http.Request) tokensView {
	v := tokensView{page: s.page(r, "Tokens", ""), Tokens: s.programs.tokens.List(), Name: shorten(r.PostForm.Get("name"), token.MaxName)}
	texts := map[string]string{token.Read: "see everything", token.Operate: "drain, switch over, reload and the like", token.Configure: "change lvs.cf"}
	for _, scope := range token.Scopes() {
		v.Scopes = append(v.Scopes, scopeView{scope, texts[scope], slices.Contains(r.PostForm["scope"], scope), scope == token.Read})
	}
	return v
}

func (s *Server) tokens(w http.ResponseWriter, r *http.Request) {
	v := s.tokensView(r)
	query := r.URL.Query()
	if query.Get("done") == "revoked" {
		v.Done = "revoked"
	}
	for _, t := range v.Tokens {
		if t.Name == query.Get("ask") {
			v.Confirm = t.Name
		}
	}
	s.render(w, r, http.StatusOK, "tokens", v)
}

// makeToken makes a token and shows it. Sent again, the form is refused: there is one of that name then.
func (s *Server) makeToken(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	name, scopes := strings.TrimSpace(r.PostForm.Get("name")), append(r.PostForm["scope"], token.Read)
	secret, err := s.programs.tokens.Make(name, scopes, account(r), time.Now())
	if err != nil {
		v := s.tokensView(r)
		v.Problem = sentence(err.Error())
		s.render(w, r, s.tokenStatus(err), "tokens", v)
		return
	}
	s.audit(r, "made a token", "token", name, "scopes", strings.Join(scopes, " "))
	r.PostForm = nil
	v := s.tokensView(r)
	v.Made, v.Secret = name, secret
	s.render(w, r, http.StatusOK, "tokens", v)
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) {
	if !s.parse(w, r) {
		return
	}
	name := r.PostForm.Get("name")
	if err := s.programs.tokens.Revoke(name, time.Now()); err != nil {
		v := s.tokensView(r)
		v.Name, v.Problem = "", sentence(err.Error())
		s.render(w, r, s.tokenStatus(err), "tokens", v)
		return
	}
	s.audit(r, "revoked a token", "token", name)
	http.Redirect(w, r, "/tokens?done=revoked", http.StatusSeeOther)
}

// tokenStatus is that of an answer about an error of package token, or of the disk, which the log is told of.
func (s *Server) tokenStatus(err error) int {
	switch {
	case errors.Is(err, token.ErrName), errors.Is(err, token.ErrScope):
		return http.StatusUnprocessableEntity
	case errors.Is(err, token.ErrExists), errors.Is(err, token.ErrTooMany), errors.Is(err, token.ErrUnknown):
		return http.StatusConflict
	}
	s.log.Error("cannot keep the tokens", "err", err.Error())
	return http.StatusInternalServerError
}
