package gui

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strconv"
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
	File       string // version of lvs.cf that the form was made of
	Problems   []form.Problem
	Others     []string // problems that are beside no field
	Conflict   bool
	Saved      string // the serial number it was saved with; "": it was not
	NotInForce string // why what is in the file is not what the daemons work with
	Devices    []string
	Masks      []string
	Place      *place // of a virtual server's pages
	Extra      any    // of one panel
}

// open reads lvs.cf to show or to edit it.
func (s *Server) open() (*lvscf.Document, error) { return lvscf.OpenFile(s.opt.ConfigFile) }

// version changes when a document does.
func version(d *lvscf.Document) string {
	sum := sha256.Sum256(d.Bytes())
	return hex.EncodeToString(sum[:16])
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
	v.View = t.panel.ViewOf(values, nil, nil, warnings, !v.Admin)
	v.Others = others
	v.Saved = savedSerial(r)
	s.render(w, r, http.StatusOK, t.view, v)
}

// savedSerial is the number that the page before this one saved the file with.
func savedSerial(r *http.Request) string {
	n, err := strconv.ParseUint(r.URL.Query().Get("saved"), 10, 31)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// formView makes what all forms have.
func (s *Server) formView(r *http.Request, d *lvscf.Document, t target) formView {
	v := formView{
		page: s.page(r, t.title, t.tab), Action: t.url(t.at), File: version(d), Masks: form.Masks(), Devices: devices(),
		NotInForce: s.notInForce(r.Context(), d), Place: s.placeOf(d, t),
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

// serialOf is the number a document has.
func serialOf(d *lvscf.Document) string {
	serial, _, _ := d.Get(lvscf.Path{}, "serial_no")
	return serial
}

// notInForce compares the file with what pulse says it works with.
func (s *Server) notInForce(ctx context.Context, d *lvscf.Document) string {
	p, _ := s.daemons.Ask(ctx)
	serial := serialOf(d)
	if !p.Fresh() || serial == "" || serial == strconv.FormatInt(p.Status.SerialNo, 10) {
		return ""
	}
	return "serial " + serial + " is not in force, " + strconv.FormatInt(p.Status.SerialNo, 10) + " is"
}
