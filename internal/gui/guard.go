package gui

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"runtime/debug"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
)

// The largest forms, in bytes: lvs.cf as text, and any other.
const (
	maxTextBody = changes.MaxText + 64<<10
	maxBody     = 256 << 10
)

// contentPolicy lets a page load what this server has and nothing else: no script or style that somebody managed to put
// into a page runs.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers are on every answer.
func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Without any referrer browsers send "Origin: null" with forms, which looks like another site's.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := int64(maxBody)
		if r.URL.Path == textPage || r.URL.Path == apiTextPage {
			limit = maxTextBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// getHead has GET's handlers answer HEAD.
func getHead(next http.Handler) http.Handler { return middleware.GetHead(next) }

// recover answers when a handler has crashed, which ends nothing but its request.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch crash := recover(); crash {
			case nil:
			case http.ErrAbortHandler:
				panic(crash)
			default:
				s.log.Error("crash", "err", fmt.Sprint(crash), "request", r.Method+" "+r.URL.Path, "stack", string(debug.Stack()))
				s.refuse(w, r, http.StatusInternalServerError, "This is a fault of the program. The log says more.")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses forms that another site's page sends.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(s.recover(s.headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.log.Warn("refused a form of another site", "address", clientAddr(r).String(), "origin", r.Header.Get("Origin"), "path", r.URL.Path)
		s.refuse(w, r, http.StatusForbidden, "The form came from a page of another site. Nothing was changed.")
	}))))
	return protection.Handler(next)
}

// checkAddress keeps out whom .htaccess keeps out.
func (s *Server) checkAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.access.allow(clientAddr(r)) {
			s.refuse(w, r, http.StatusForbidden, "Your address, "+clientAddr(r).String()+", may not reach the panels. The file web/secure/.htaccess beside lvs.cf says which ones may.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkSetup shows how to set a password as long as there is none, and nothing else.
func (s *Server) checkSetup(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ok, refused := s.accounts.ready(); !ok {
			s.setup(w, r, refused)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type accountKey struct{}

// account is who has signed in.
func account(r *http.Request) string {
	name, _ := r.Context().Value(accountKey{}).(string)
	return name
}

// requireSignIn lets those pass who have signed in, and those who may only look do no more than that.
func (s *Server) requireSignIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := s.sessions.Account(r, s.accounts.stampOf)
		if name == "" {
			s.askToSignIn(w, r)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), accountKey{}, name))
		if reads := r.Method == http.MethodGet || r.Method == http.MethodHead; !reads && s.accounts.role(name) != admin {
			s.log.Warn("refused a change", "account", name, "address", clientAddr(r).String(), "path", r.URL.Path)
			s.refuse(w, r, http.StatusForbidden, "The account "+name+" may look and not change.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// quietLog is for what net/http has to say: failed handshakes and the like, at anyone's wish.
func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
