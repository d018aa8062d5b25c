package gui

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// open reads the draft to show or to edit it: lvs.cf, if there is none.
func (s *Server) open() (*lvscf.Document, error) {
	d, err := lvscf.OpenFile(s.opt.ConfigFile)
	if err != nil {
		return nil, err
	}
	if state, _ := s.changes.Look(); state.Draft != nil {
		err = d.Replace(state.Draft.Text)
	}
	return d, err
}

// base is the lvs.cf that the draft was made of; nil: there is no draft, or there was no lvs.cf.
func (s *Server) base() *lvscf.Document {
	state, _ := s.changes.Look()
	if state.Draft == nil {
		return nil
	}
	d, err := lvscf.Parse(s.opt.ConfigFile, state.Draft.Base)
	if err != nil {
		return nil
	}
	return d
}

// version changes when a document does.
func version(d *lvscf.Document) string { return changes.Sum(d.Bytes()) }

// who sends a request.
func who(r *http.Request) changes.Who {
	return changes.Who{Account: account(r), Address: clientAddr(r).String(), At: time.Now().Round(0)}
}

// commit makes an edited document the draft and logs who did what.
func (s *Server) commit(r *http.Request, d *lvscf.Document, a attempt, where string) attempt {
	if len(a.changes) == 0 {
		return a
	}
	what := make([]string, len(a.changes))
	for i, c := range a.changes {
		what[i] = c.String()
	}
	if where == "" {
		where = "global part"
	}
	list := strings.Join(what, "; ")
	err := s.changes.Edit(r.PostForm.Get("file"), d.Bytes(), changes.Edit{Who: who(r), What: where + ": " + list})
	if err != nil {
		return s.notEdited(err)
	}
	s.audit(r, "edited the draft", "block", where, "changes", list)
	return a
}

// notEdited says why an edit was not made.
func (s *Server) notEdited(err error) attempt {
	switch {
	case errors.Is(err, changes.ErrChanged):
		return attempt{status: http.StatusConflict, conflict: true}
	case errors.Is(err, changes.ErrTrial):
		return attempt{status: http.StatusConflict, others: []string{"Changes are on trial: keep them or roll them back first, under Changes."}}
	case errors.Is(err, changes.ErrTooLarge):
		return attempt{status: http.StatusUnprocessableEntity, others: []string{"lvs.cf is too large to be edited here: it has more than 4 MB."}}
	}
	s.log.Error("cannot keep the draft", "err", err.Error())
	return attempt{status: http.StatusInternalServerError, others: []string{"The draft cannot be kept: " + err.Error()}}
}

// audit logs what somebody has done.
func (s *Server) audit(r *http.Request, what string, kv ...string) {
	s.log.Info(what, append([]string{"account", account(r), "address", clientAddr(r).String()}, kv...)...)
}

// pending is what every page says of the draft.
type pending struct {
	Edits    int
	By       string
	Conflict bool
	Trial    int64 // serial_no on trial; 0: none is
	Left     time.Duration
}

// pendingNow is nil if there is nothing to say.
func (s *Server) pendingNow(now time.Time) *pending {
	state, _ := s.changes.Look()
	if t := state.Trial(); t != nil {
		return &pending{Trial: changes.Serial(t.After), Left: max(t.Confirm.Sub(now), 0).Round(time.Second)}
	}
	if state.Draft == nil {
		return nil
	}
	sum := s.config.sum()
	return &pending{Edits: len(state.Draft.Edits), By: state.Draft.Begun.Account, Conflict: sum != "" && sum != changes.Sum(state.Draft.Base)}
}
