package gui

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// target is what a form edits: a block of lvs.cf.
type target struct {
	view  string // template
	title string
	tab   string
	panel form.Panel
	at    lvscf.Path
	url   func(at lvscf.Path) string  // of the form
	extra func(d *lvscf.Document) any // what else the page shows; nil: nothing
}

// formView is a form on a page.
type formView struct {
	page
	form.View
	Action     string
	File       string // version of the draft that the form was made of
	Problems   []form.Problem
	Others     []string // problems that are beside no field
	Conflict   bool
	Saved      string // what the page before did: draft, nothing or ""
	NotInForce string // why what is in the file is not what the daemons work with
	Devices    []string
	Masks      []string
	Place      *place // of a virtual server's pages
	Extra      any    // of one panel
}

// How long host names in lvs.cf may take to be found.
const (
	showLookup = time.Second
	saveLookup = 5 * time.Second
)

// block is how findings name a block.
func block(at lvscf.Path) string {
	if at == (lvscf.Path{}) {
		return ""
	}
	return at.String()
}

// showForm shows what the file says, and what is wrong with that.
func (s *Server) showForm(w http.ResponseWriter, r *http.Request, d *lvscf.Document, t target) {
	values, err := t.panel.Load(d, t.at)
	if err != nil {
		s.notFound(w, r)
		return
	}
	_, found := d.Config(lvscf.SystemLookupContext(r.Context(), showLookup))
	mine := slices.DeleteFunc(slices.Clone(found), func(f lvscf.Finding) bool { return f.Block != block(t.at) })
	warnings, others := t.panel.Place(mine, block(t.at))
	v := s.formView(r, d, t)
	var was form.Values // in lvs.cf
	if base := s.base(); base != nil {
		was, _ = t.panel.Load(base, t.at) // one that is new in the draft is compared with nothing
	}
	v.View = t.panel.ViewOf(values, was, nil, warnings, !v.Admin)
	v.Others = others
	v.Saved = savedBefore(r)
	s.render(w, r, http.StatusOK, t.view, v)
}

// savedBefore is what the page before this one did: draft, nothing, or "".
func savedBefore(r *http.Request) string {
	if saved := r.URL.Query().Get("saved"); saved == "draft" || saved == "nothing" {
		return saved
	}
	return ""
}

// formView makes what all forms have.
func (s *Server) formView(r *http.Request, d *lvscf.Document, t target) formView {
	v := formView{
		page: s.page(r, t.title, t.tab), Action: t.url(t.at), File: version(d), Masks: form.Masks(), Devices: devices(),
		NotInForce: s.notInForce(r.Context()), Place: s.placeOf(d, t),
	}
	if t.extra != nil {
		v.Extra = t.extra(d)
	}
	return v
}

// devices are this router's, as suggestions.
func devices() []string {
	interfaces, _ := net.Interfaces() // none is no fault
	var names []string
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			names = append(names, i.Name)
		}
	}
	return names
}

// notInForce compares lvs.cf with what pulse says it works with.
func (s *Server) notInForce(ctx context.Context) string {
	cfg, err := s.config.current()
	p, _ := s.daemons.Ask(ctx)
	if err != nil || !p.Fresh() || cfg.SerialNo == p.Status.SerialNo {
		return ""
	}
	return "serial " + itoa(cfg.SerialNo) + " is not in force, " + itoa(p.Status.SerialNo) + " is"
}
