package gui

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/api"
	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// apiStatus answers with what CONTROL/MONITORING shows.
func (s *Server) apiStatus(w http.ResponseWriter, r *http.Request) {
	_, v, err := s.live.now(r.Context(), s, 0)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.tell(w, r, api.StatusOf(v.View, v.Time))
}

// apiServer answers with a real server and its last checks.
func (s *Server) apiServer(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	at, status, problem := s.findSubject(r.Context(), true, query.Get("virtual"), query.Get("server"))
	if at == nil {
		s.refuse(w, r, status, problem)
		return
	}
	answer := api.Server{Fresh: at.Lvsd.Fresh(), Checks: []api.Check{}}
	cfg, _ := s.config.current()
	for _, service := range monitor.Build(monitor.Input{Lvsd: at.Lvsd, Pulse: at.Pulse, Config: cfg, Now: time.Now()}).Services {
		for _, known := range service.Servers {
			if service.Name == at.Virtual && known.Name == at.Server {
				answer.Server = api.RealOf(known)
			}
		}
	}
	if list, err := s.daemons.Checks(r.Context(), at.Virtual, at.Server); err == nil {
		answer.Checks = api.ChecksOf(list)
	}
	s.tell(w, r, answer)
}

func (s *Server) apiTable(w http.ResponseWriter, r *http.Request) {
	v := nowView{}
	v.readTable()
	s.tell(w, r, api.Table{Text: v.Table, Error: v.TableError})
}

// apiNamed finds the text that a parameter names. It has answered if it returns false.
func (s *Server) apiNamed(w http.ResponseWriter, r *http.Request, name string) (namedText, bool) {
	text, err := s.findText(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.refuse(w, r, http.StatusNotFound, "There is no such version of lvs.cf (any more): running, draft or the id of a version expected.")
	case err != nil:
		s.refuse(w, r, http.StatusInternalServerError, "lvs.cf cannot be read: "+err.Error()+".")
	}
	return text, err == nil
}

// apiConfig answers with an lvs.cf by its blocks.
func (s *Server) apiConfig(w http.ResponseWriter, r *http.Request) {
	text, ok := s.apiNamed(w, r, r.URL.Query().Get("of"))
	if !ok {
		return
	}
	answer, err := s.configOf(r.Context(), text.Text)
	if err != nil {
		s.refuse(w, r, http.StatusInternalServerError, "lvs.cf cannot be read: "+err.Error()+".")
		return
	}
	s.tell(w, r, answer)
}

func (s *Server) configOf(ctx context.Context, text []byte) (api.Config, error) {
	d := new(lvscf.Document) // without a line, as a file that is not there
	if len(text) > 0 {
		var err error
		if d, err = lvscf.Parse(s.opt.ConfigFile, text); err != nil {
			return api.Config{}, err
		}
	}
	_, found := d.Config(lvscf.SystemLookupContext(ctx, showLookup))
	return api.ConfigOf(d, found)
}

// apiConfigText answers with an lvs.cf as it is.
func (s *Server) apiConfigText(w http.ResponseWriter, r *http.Request) {
	text, ok := s.apiNamed(w, r, r.URL.Query().Get("of"))
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("ETag", `"`+changes.Sum(text.Text)+`"`)
	_, _ = w.Write(text.Text)
}

func (s *Server) apiDiff(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	from, ok := s.apiNamed(w, r, query.Get("from"))
	if !ok {
		return
	}
	to, ok := s.apiNamed(w, r, query.Get("to"))
	if !ok {
		return
	}
	s.tell(w, r, api.DiffOf(from.Text, to.Text, textName(from), textName(to)))
}

func (s *Server) apiVersions(w http.ResponseWriter, r *http.Request) {
	_, versions := s.changes.Look()
	s.tell(w, r, api.VersionsOf(versions))
}

// apiDraft answers with how lvs.cf, the draft and a trial are.
func (s *Server) apiDraft(w http.ResponseWriter, r *http.Request) { s.tellChanges(w, r, "") }

// tellChanges answers what apiDraft does, after something was done as well.
func (s *Server) tellChanges(w http.ResponseWriter, r *http.Request, notice string) {
	file, err := lvscf.OpenFile(s.opt.ConfigFile)
	if err != nil {
		s.refuse(w, r, http.StatusInternalServerError, "lvs.cf cannot be read: "+err.Error()+".")
		return
	}
	state, _ := s.changes.Look()
	force := s.inForceNow(r.Context())
	text := file.Bytes()
	s.tell(w, r, api.Changes{
		File:    changes.Sum(state.Text(text)),
		Running: api.Running{File: changes.Sum(text), Serial: changes.Serial(text), State: api.State(force.State), Text: force.Text},
		Draft:   s.apiDraftOf(r.Context(), state.Draft, text),
		Trial:   api.TrialOf(state.Trial()),
		Notice:  notice,
	})
}

// apiDraftOf compares the draft with lvs.cf.
func (s *Server) apiDraftOf(ctx context.Context, d *changes.Draft, file []byte) *api.Draft {
	if d == nil {
		return nil
	}
	v := &api.Draft{
		Begun: api.Who(d.Begun), Edits: api.MadeOf(d.Edits), Diff: api.DiffOf(d.Base, d.Text, "lvs.cf", "lvs.cf (draft)"),
		Errors: []api.Field{}, Warnings: []api.Field{},
	}
	if text, err := lvscf.Parse(s.opt.ConfigFile, d.Text); err == nil {
		lookup := lvscf.SystemLookupContext(ctx, showLookup)
		_, found := text.Config(lookup)
		v.Errors, v.Warnings = api.Findings(found.Errors()), api.Findings(form.Fresh(s.warningsOf(d.Base, lookup), found.Warnings()))
	}
	if string(file) != string(d.Base) {
		theirs := api.DiffOf(d.Base, file, "lvs.cf (when the draft was begun)", "lvs.cf")
		v.Conflict = &theirs
		_, v.Mergeable = merged(d, file)
	}
	return v
}
