package gui

import (
	"net/http"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

func globalTarget() target {
	return target{
		view: "global", title: "Global Settings", tab: "global", panel: form.Global(),
		url: func(lvscf.Path) string { return "/global" },
	}
}

func (s *Server) global(w http.ResponseWriter, r *http.Request) {
	if d := s.readFile(w, r); d != nil {
		s.showForm(w, r, d, globalTarget())
	}
}

func (s *Server) saveGlobal(w http.ResponseWriter, r *http.Request) {
	if d := s.readForm(w, r); d != nil {
		s.saveForm(w, r, d, globalTarget(), clearPrivate)
	}
}

// clearPrivate takes the private address of the redundant server away if the primary's is gone, as the original did: one
// alone is no second path.
func clearPrivate(d *lvscf.Document) ([]form.Change, error) {
	if _, has, err := d.Get(lvscf.Path{}, "primary_private"); has || err != nil {
		return nil, err
	}
	old, has, err := d.Get(lvscf.Path{}, "backup_private")
	if !has || err != nil {
		return nil, err
	}
	return []form.Change{{Key: "backup_private", Old: old}}, d.Unset(lvscf.Path{}, "backup_private")
}
