package gui

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/api"
	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// apiEdit makes edits of the draft.
func (s *Server) apiEdit(w http.ResponseWriter, r *http.Request) {
	var request api.Edits
	if s.decode(w, r, &request) {
		s.editByProgram(w, r, request.File, request.Make)
	}
}

// apiText makes a text the draft.
func (s *Server) apiText(w http.ResponseWriter, r *http.Request) {
	var request api.Text
	if !s.decode(w, r, &request) {
		return
	}
	s.editByProgram(w, r, request.File, func(d *lvscf.Document) ([]form.Change, error) {
		if err := d.Replace([]byte(request.Text)); err != nil {
			return nil, &api.FieldError{Field: api.Field{Field: "text", Message: err.Error()}}
		}
		return []form.Change{{Key: "as text", New: plural(strings.Count(request.Text, "\n"), "line")}}, nil
	})
}

// editByProgram has a text edited, checks it as the forms of the pages are checked, and makes it the draft.
func (s *Server) editByProgram(w http.ResponseWriter, r *http.Request, file string, does edit) {
	r.PostForm = url.Values{"file": {file}} // as the forms name it
	d, err := s.open()
	if err != nil {
		s.programRefused(w, r, err)
		return
	}
	if file != version(d) {
		s.programRefused(w, r, changes.ErrChanged)
		return
	}
	lookup, before, err := beginEdit(r, d)
	if err != nil {
		s.programRefused(w, r, err)
		return
	}
	made, err := does(d)
	if err != nil {
		s.programRefused(w, r, err)
		return
	}
	if fresh := freshErrors(before, d, lookup, lvscf.Path{}, lvscf.Path{}); len(fresh) > 0 {
		s.programRefused(w, r, &refusedDraft{fresh})
		return
	}
	a := s.commit(r, d, attempt{changes: made}, "")
	switch {
	case a.conflict:
		s.programRefused(w, r, changes.ErrChanged)
	case a.status != 0:
		s.refuse(w, r, a.status, strings.Join(a.others, " "))
	default:
		s.tellChanges(w, r, "")
	}
}

// afterwards answers after something was done to lvs.cf or the draft.
func (s *Server) afterwards(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.programRefused(w, r, err)
		return
	}
	s.tellChanges(w, r, "")
}

// afterWriting is afterwards for what has changed lvs.cf: pulse reads it.
func (s *Server) afterWriting(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.programRefused(w, r, err)
		return
	}
	notice := ""
	if err := s.reloaded(r); err != nil {
		notice = notReloaded(err)
	}
	s.tellChanges(w, r, notice)
}

func (s *Server) apiDiscard(w http.ResponseWriter, r *http.Request) {
	var request api.File
	if s.decode(w, r, &request) {
		s.afterwards(w, r, s.discardDraft(r, request.File))
	}
}

func (s *Server) apiApply(w http.ResponseWriter, r *http.Request) {
	var request api.Apply
	if !s.decode(w, r, &request) {
		return
	}
	trial := time.Duration(request.Trial) * time.Second
	if request.Trial != 0 && (request.Trial < 0 || request.Trial > 1<<16 || trial < changes.MinTrial || trial > changes.MaxTrial) {
		s.programRefused(w, r, &api.FieldError{Field: api.Field{Field: "trial_seconds", Message: "a trial lasts 10 to 3600 seconds"}})
		return
	}
	s.afterWriting(w, r, s.applyDraft(r, request.File, request.Comment, trial))
}

func (s *Server) apiAdopt(w http.ResponseWriter, r *http.Request) {
	var request api.Adopt
	if !s.decode(w, r, &request) {
		return
	}
	if request.How != "merge" && request.How != "mine" {
		s.programRefused(w, r, &api.FieldError{Field: api.Field{Field: "how", Message: "merge or mine expected"}})
		return
	}
	s.afterwards(w, r, s.adoptFile(r, request.File, request.Running, request.How == "merge"))
}

func (s *Server) apiKeep(w http.ResponseWriter, r *http.Request) {
	var request api.Serial
	if s.decode(w, r, &request) {
		s.afterwards(w, r, s.keepTrial(r, itoa(request.Serial)))
	}
}

func (s *Server) apiBack(w http.ResponseWriter, r *http.Request) {
	var request api.Serial
	if s.decode(w, r, &request) {
		s.afterWriting(w, r, s.endTrial(r, itoa(request.Serial)))
	}
}

func (s *Server) apiRestore(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "id")
	if _, err := strconv.Atoi(id); err != nil {
		s.refuse(w, r, http.StatusNotFound, "There is no such version of lvs.cf (any more).")
		return
	}
	if text, ok := s.apiNamed(w, r, id); ok {
		s.afterwards(w, r, s.restoreText(r, text))
	}
}

// apiAct has the daemons do what a button of CONTROL/MONITORING has them do.
func (s *Server) apiAct(w http.ResponseWriter, r *http.Request) {
	a, ok := s.actionNamed(chi.URLParam(r, "action"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "There is no such action here.")
		return
	}
	var request api.Order
	if !s.decode(w, r, &request) {
		return
	}
	at, status, problem := s.findSubject(r.Context(), a.real, request.Virtual, request.Server)
	if at == nil {
		s.refuse(w, r, status, problem)
		return
	}
	r.PostForm = orderForm(request)
	out, err := s.carryOut(r, a, at)
	if err == nil {
		s.tell(w, r, api.Done{Output: out})
		return
	}
	status, problem = actProblem(err)
	if out != "" {
		problem += " It said: " + out
	}
	switch {
	case errors.Is(err, errWeight):
		refuseProgram(w, r, status, problem, api.Field{Field: "weight", Message: err.Error()})
	case errors.Is(err, errWithin):
		refuseProgram(w, r, status, problem, api.Field{Field: "within_minutes", Message: err.Error()})
	default:
		s.refuse(w, r, status, problem)
	}
}

// orderForm is an order as a form of the pages has it.
func orderForm(o api.Order) url.Values {
	form := url.Values{}
	if o.Weight == nil {
		form.Set("default", "1")
	} else {
		form.Set("weight", strconv.Itoa(*o.Weight))
	}
	if o.Within != 0 {
		form.Set("limited", "1")
		form.Set("within", strconv.Itoa(o.Within))
	}
	return form
}
