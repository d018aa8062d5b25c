package gui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// list is a page of blocks of one kind: the virtual servers, or the real servers of one.
type list struct {
	view, title string
	parent      lvscf.Path // the zero one for virtual servers
	page        string     // its address
	editPage    string     // of a block's form
	kind        string     // of block, for people
	rows        func(cfg *lvscf.Config, health health) []row
	fresh       [][2]string // keys of a new block and their values
	unnamed     string      // name of a new block
}

// row is a block in a list.
type row struct {
	Ref                                   string // for the form that acts on the list
	Name, URL                             string
	Enabled                               bool
	Health                                monitor.State
	HealthText                            string
	Address, Mask, Port, Protocol, Device string
	Mark, Scheduler, Persistence, Weight  string
	Servers                               int
}

// listView is a list as a page shows it.
type listView struct {
	page
	Rows       []row
	Action     string
	File       string
	Saved      string
	NotInForce string
	Problems   []string
	Conflict   bool
	Confirm    []row // to be deleted: it is asked whether to
	Place      *place
	Stale      bool // what is shown of health is not known to hold
}

func (s *Server) showList(w http.ResponseWriter, r *http.Request, d *lvscf.Document, l list) {
	v := s.listView(r, d, l)
	v.Saved = savedBefore(r)
	s.render(w, r, http.StatusOK, l.view, v)
}

func (s *Server) listView(r *http.Request, d *lvscf.Document, l list) listView {
	cfg, _ := d.Config(lvscf.SystemLookupContext(r.Context(), showLookup))
	_, lvsd := s.daemons.Ask(r.Context())
	v := listView{
		page: s.page(r, l.title, "virtual"), Action: l.page, File: version(d), NotInForce: s.notInForce(r.Context()),
		Rows: l.rows(cfg, healthOf(lvsd)), Stale: !lvsd.Fresh(), Place: s.placeOf(d, target{at: l.parent, view: "real"}),
	}
	return v
}

// act does what a button of a list says.
func (s *Server) act(w http.ResponseWriter, r *http.Request, d *lvscf.Document, l list) {
	chosen, err := l.chosen(d, r.PostForm["host"])
	action := r.PostForm.Get("action")
	switch {
	case err != nil:
		s.listAgain(w, r, l, attempt{status: http.StatusConflict, others: []string{err.Error()}})
	case action == "add":
		s.addBlock(w, r, d, l)
	case action != "edit" && action != "toggle" && action != "delete":
		s.refuse(w, r, http.StatusBadRequest, "There is no such button.")
	case len(chosen) == 0:
		s.listAgain(w, r, l, attempt{status: http.StatusUnprocessableEntity, others: []string{"Select a " + l.kind + " first."}})
	case action == "edit":
		http.Redirect(w, r, pageOf(l.editPage, chosen[0]), http.StatusSeeOther)
	case action == "toggle":
		s.actOn(w, r, d, l, func(d *lvscf.Document) ([]form.Change, error) { return toggle(d, chosen) })
	case r.PostForm.Get("confirm") == "":
		s.askToDelete(w, r, d, l, chosen)
	default:
		s.actOn(w, r, d, l, func(d *lvscf.Document) ([]form.Change, error) { return remove(d, chosen) })
	}
}

var errGone = errors.New("what was selected is no longer in the file")

// chosen are the blocks that were selected. Each must be in the list.
func (l *list) chosen(d *lvscf.Document, refs []string) ([]lvscf.Path, error) {
	var paths []lvscf.Path
	for _, ref := range refs {
		at := pathOf(&http.Request{URL: &url.URL{RawQuery: ref}})
		if real := l.parent != (lvscf.Path{}); at.Virtual.Name == "" || real != (at.Server.Name != "") || real && at.Virtual != l.parent.Virtual {
			return nil, errGone
		}
		if _, _, err := d.Get(at, "active"); err != nil {
			return nil, errGone
		}
		paths = append(paths, at)
	}
	return paths, nil
}

// actOn edits the draft and shows the list again.
func (s *Server) actOn(w http.ResponseWriter, r *http.Request, d *lvscf.Document, l list, does edit) {
	if a := s.tryEdit(r, d, does, block(l.parent)); a.status != 0 {
		s.listAgain(w, r, l, a)
	} else {
		redirectSaved(w, r, l.page, a.changes)
	}
}

// tryEdit makes an edit of the draft, and checks it.
func (s *Server) tryEdit(r *http.Request, d *lvscf.Document, does edit, where string) attempt {
	if r.PostForm.Get("file") != version(d) {
		return attempt{status: http.StatusConflict, conflict: true}
	}
	lookup, before, err := beginEdit(r, d)
	if err != nil {
		return attempt{status: http.StatusInternalServerError, others: []string{err.Error()}}
	}
	changes, err := does(d)
	if err != nil {
		return attempt{status: http.StatusUnprocessableEntity, others: []string{err.Error()}}
	}
	if fresh := freshErrors(before, d, lookup, lvscf.Path{}, lvscf.Path{}); len(fresh) > 0 {
		_, others := form.Panel{}.Place(fresh, "-")
		return attempt{status: http.StatusUnprocessableEntity, others: others}
	}
	return s.commit(r, d, attempt{changes: changes}, where)
}

// listAgain shows the list with what kept an act from being done.
func (s *Server) listAgain(w http.ResponseWriter, r *http.Request, l list, a attempt) {
	d, err := s.open()
	if err != nil {
		s.cannotRead(w, r, err)
		return
	}
	v := s.listView(r, d, l)
	v.Problems, v.Conflict = a.others, a.conflict
	s.render(w, r, a.status, l.view, v)
}

// addBlock adds a block and opens its form.
func (s *Server) addBlock(w http.ResponseWriter, r *http.Request, d *lvscf.Document, l list) {
	name := strings.ReplaceAll(strings.TrimSpace(r.PostForm.Get("name")), " ", "_")
	if name == "" {
		name = l.unnamed
	}
	at := lvscf.VirtualPath(name)
	if l.parent != (lvscf.Path{}) {
		at = l.parent.In(name)
	}
	a := s.tryEdit(r, d, func(d *lvscf.Document) ([]form.Change, error) {
		if err := add(d, at); err != nil {
			return nil, err
		}
		for _, kv := range l.fresh {
			if _, err := form.Set(d, at, kv[0], kv[1]); err != nil {
				return nil, err
			}
		}
		return []form.Change{{Key: "added " + l.kind, New: name}}, nil
	}, block(l.parent))
	if a.status != 0 {
		s.listAgain(w, r, l, a)
		return
	}
	redirectSaved(w, r, pageOf(l.editPage, at), a.changes)
}

func add(d *lvscf.Document, at lvscf.Path) error {
	if at.Server.Name == "" {
		return d.AddVirtual(at.Virtual.Name, lvscf.Path{})
	}
	service := at
	service.Server = lvscf.Ref{}
	return d.AddServer(service, at.Server.Name)
}

// toggle switches blocks on or off.
func toggle(d *lvscf.Document, paths []lvscf.Path) ([]form.Change, error) {
	var changes []form.Change
	for _, at := range paths {
		old, _, err := d.Get(at, "active")
		if err != nil {
			return nil, err
		}
		now := "1"
		if form.On(old) {
			now = "0"
		}
		c, err := form.Set(d, at, "active", now)
		if err != nil {
			return nil, err
		}
		c.Key = at.String() + " " + c.Key
		changes = append(changes, c)
	}
	return changes, nil
}

// remove deletes blocks: of two of the same name the later one first, so that the other keeps its number.
func remove(d *lvscf.Document, paths []lvscf.Path) ([]form.Change, error) {
	paths = slices.Clone(paths)
	slices.SortFunc(paths, func(a, b lvscf.Path) int {
		return cmp.Or(cmp.Compare(b.Virtual.N, a.Virtual.N), cmp.Compare(b.Server.N, a.Server.N))
	})
	var changes []form.Change
	for _, at := range slices.Compact(paths) {
		if err := d.Remove(at); err != nil {
			return nil, err
		}
		changes = append(changes, form.Change{Key: "deleted", Old: at.String()})
	}
	return changes, nil
}

// askToDelete shows what would be deleted.
func (s *Server) askToDelete(w http.ResponseWriter, r *http.Request, d *lvscf.Document, l list, chosen []lvscf.Path) {
	v := s.listView(r, d, l)
	for _, at := range chosen {
		for _, row := range v.Rows {
			if row.Ref == refOf(at) {
				v.Confirm = append(v.Confirm, row)
			}
		}
	}
	s.render(w, r, http.StatusOK, l.view, v)
}

// refOf names a block in a form.
func refOf(at lvscf.Path) string { return strings.TrimPrefix(pageOf("", at), "?") }
