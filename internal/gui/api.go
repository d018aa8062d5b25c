package gui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/api"
	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/ratelimit"
	"github.com/piranha-lvs/piranha/internal/gui/token"
	"github.com/piranha-lvs/piranha/web"
)

// Where programs ask. Errors there are JSON, and tokens count instead of sessions.
const (
	apiRoot     = "/api/"
	apiTextPage = "/api/v1/draft/text"
	metricsPage = "/metrics"
)

// programs is what the server has for programs that use it.
type programs struct {
	tokens  *token.Store
	wrong   *ratelimit.Limiter // tokens that are none, by address
	streams chan struct{}
}

func newPrograms(stateDir string, log Log) programs {
	return programs{
		tokens:  token.Open(stateDir, func(text string) { log.Warn(text) }),
		wrong:   ratelimit.New(addressBurst, addressEvery, maxKeys),
		streams: make(chan struct{}, maxEventStreams),
	}
}

// forProgram tells whether a request is answered with JSON.
func forProgram(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, apiRoot) || r.URL.Path == metricsPage
}

// api lists what programs may ask, and what their tokens must be for.
func (s *Server) api(r chi.Router) {
	r.With(s.checkAddress).Get("/api/v1/openapi.json", s.openAPI)
	r.With(s.checkMetrics).Get(metricsPage, s.metrics)
	r.Group(func(r chi.Router) {
		r.Use(s.checkAddress, s.checkPassword)
		r.Group(func(r chi.Router) {
			r.Use(s.requireToken(token.Read))
			r.Get("/api/v1/status", s.apiStatus)
			r.Get("/api/v1/server", s.apiServer)
			r.Get("/api/v1/table", s.apiTable)
			r.Get("/api/v1/events", s.apiEvents)
			r.Get("/api/v1/config", s.apiConfig)
			r.Get("/api/v1/config/text", s.apiConfigText)
			r.Get("/api/v1/diff", s.apiDiff)
			r.Get("/api/v1/versions", s.apiVersions)
			r.Get("/api/v1/draft", s.apiDraft)
			r.Get("/api/v1/partner", s.apiPartner)
		})
		r.With(s.requireToken(token.Operate)).Post("/api/v1/actions/{action}", s.apiAct)
		r.Group(func(r chi.Router) {
			r.Use(s.requireToken(token.Configure))
			r.Patch("/api/v1/draft", s.apiEdit)
			r.Delete("/api/v1/draft", s.apiDiscard)
			r.Put(apiTextPage, s.apiText)
			r.Post("/api/v1/draft/apply", s.apiApply)
			r.Post("/api/v1/draft/adopt", s.apiAdopt)
			r.Post("/api/v1/trial/keep", s.apiKeep)
			r.Post("/api/v1/trial/back", s.apiBack)
			r.Post("/api/v1/versions/{id}/restore", s.apiRestore)
			r.Post("/api/v1/partner/compare", s.apiCompare)
			r.Post("/api/v1/partner/copy", s.apiCopy)
		})
	})
}

// checkPassword is checkSetup for programs.
func (s *Server) checkPassword(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ok, _ := s.accounts.ready(); !ok {
			s.refuse(w, r, http.StatusServiceUnavailable, "No password has been set: run piranha-passwd.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requireToken lets those pass who say a token for the scope. Cookies do not count: no page of another site can have a browser
// say a token, so nothing else is needed against that.
func (s *Server) requireToken(scope string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t, ok := s.tokenOf(w, r)
			switch {
			case !ok:
			case !t.May(scope):
				s.log.Warn("refused a request", "account", programName(t), "address", clientAddr(r).String(), "path", r.URL.Path)
				w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
				s.refuse(w, r, http.StatusForbidden, "The token "+t.Name+" is not for this: it takes one that may "+scope+".")
			default:
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accountKey{}, programName(t))))
			}
		})
	}
}

// programName is how logs and versions name who says a token: no account has a blank in its name.
func programName(t token.Token) string { return "token " + t.Name }

// tokenOf finds the token that a request says. It has answered if there is none.
func (s *Server) tokenOf(w http.ResponseWriter, r *http.Request) (token.Token, bool) {
	now, address := time.Now(), clientAddr(r)
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		s.refuse(w, r, http.StatusUnauthorized, "A token is missing: Authorization: Bearer TOKEN.")
		return token.Token{}, false
	}
	if t, ok := s.programs.tokens.Find(strings.TrimSpace(secret), now); ok {
		return t, true // whatever others have tried from there: nobody guesses 256 bits, and none keeps this one from its work
	}
	if wait := s.programs.wrong.Take(addressKey(address), now); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		s.refuse(w, r, http.StatusTooManyRequests, "Too many wrong tokens came from this address.")
		return token.Token{}, false
	}
	s.log.Warn("a token was refused", "address", address.String())
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	s.refuse(w, r, http.StatusUnauthorized, "There is no such token (any more).")
	return token.Token{}, false
}

// openAPI hands out the description of all this.
func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) {
	text, err := web.Files.ReadFile("openapi.json")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, r, http.StatusOK, text)
}

// tell answers a program.
func (s *Server) tell(w http.ResponseWriter, r *http.Request, answer any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is no part of a page
	if err := e.Encode(answer); err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, r, http.StatusOK, b.Bytes())
}

// refuseProgram is refuse for programs. problems are what is wrong with the request.
func refuseProgram(w http.ResponseWriter, r *http.Request, status int, text string, problems ...api.Field) {
	body, _ := json.Marshal(api.Error{Error: text, Fields: problems}) // it has nothing that JSON lacks
	writeJSON(w, r, status, append(body, '\n'))
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	body = compress(h, r, body)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// decode reads what a program asks for. It has answered if it returns false.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, request any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		s.refuse(w, r, http.StatusUnsupportedMediaType, "The request must be JSON, and say so: Content-Type: application/json.")
		return false
	}
	err := api.Decode(r.Body, request)
	var field *api.FieldError
	var size *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &field):
		refuseProgram(w, r, http.StatusBadRequest, "The request was not understood. Nothing was changed.", field.Field)
	case errors.As(err, &size):
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "The request is too large. Nothing was changed.")
	default:
		s.refuse(w, r, http.StatusBadRequest, "The request was not understood: "+err.Error()+". Nothing was changed.")
	}
	return false
}

// programRefused answers what could not be done.
func (s *Server) programRefused(w http.ResponseWriter, r *http.Request, err error) {
	var refused *refusedDraft
	var field *api.FieldError
	text := changeProblem(err)
	switch {
	case text != "":
		s.refuse(w, r, http.StatusConflict, text)
	case errors.Is(err, errHasDraft):
		s.refuse(w, r, http.StatusConflict, sentence(err.Error()))
	case errors.As(err, &refused):
		refuseProgram(w, r, http.StatusUnprocessableEntity, "The daemons would refuse it. Nothing was changed.", api.Findings(refused.found)...)
	case errors.As(err, &field):
		refuseProgram(w, r, http.StatusUnprocessableEntity, "Nothing was changed.", field.Field)
	default:
		s.log.Error("cannot change lvs.cf", "err", err.Error())
		s.refuse(w, r, http.StatusInternalServerError, "It could not be done: "+err.Error()+".")
	}
}

// textName is the name of a text in diffs.
func textName(t namedText) string {
	if t.Name == "running" {
		return "lvs.cf"
	}
	return "lvs.cf (" + t.Title + ", " + changes.Sum(t.Text)[:8] + ")"
}
