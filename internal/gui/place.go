package gui

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// place is which virtual server a page is about: every such page names it.
type place struct {
	Name                          string
	Server                        string // the real server; "" for none
	Reals                         int    // how many real servers it has
	Where                         string
	Enabled                       bool
	Edit, RealList, Scripts, Real string // addresses of its pages
	Current                       string // edit, real or scripts
}

// Parameters that name blocks. The second of two of the same name has the number 1.
const (
	paramVirtual, paramVirtualN = "v", "vn"
	paramServer, paramServerN   = "s", "sn"
)

// pathOf reads which block a request is about.
func pathOf(r *http.Request) lvscf.Path {
	q := r.URL.Query()
	ref := func(name, n string) lvscf.Ref {
		number, err := strconv.ParseUint(q.Get(n), 10, 16)
		if err != nil {
			number = 0
		}
		return lvscf.Ref{Name: q.Get(name), N: int(number)}
	}
	at := lvscf.Path{Virtual: ref(paramVirtual, paramVirtualN)}
	if q.Get(paramServer) != "" {
		at.Server = ref(paramServer, paramServerN)
	}
	return at
}

// pageOf is the address of a page about a block.
func pageOf(page string, at lvscf.Path) string {
	q := url.Values{}
	put := func(name, n string, ref lvscf.Ref) {
		if ref.Name == "" {
			return
		}
		q.Set(name, ref.Name)
		if ref.N > 0 {
			q.Set(n, strconv.Itoa(ref.N))
		}
	}
	put(paramVirtual, paramVirtualN, at.Virtual)
	put(paramServer, paramServerN, at.Server)
	return page + "?" + q.Encode()
}

// placeOf is the place of a form; nil if it is about no virtual server.
func (s *Server) placeOf(d *lvscf.Document, t target) *place {
	if t.at.Virtual.Name == "" {
		return nil
	}
	service := t.at
	service.Server = lvscf.Ref{}
	p := &place{
		Name: service.Virtual.Name, Server: t.at.Server.Name, Current: t.view,
		Edit: pageOf("/virtual/edit", service), RealList: pageOf("/virtual/real", service), Scripts: pageOf("/virtual/scripts", service),
	}
	cfg, _ := d.Config(lvscf.Lookup{})
	for i := range cfg.Virtual {
		if cfg.VirtualPath(i) == service {
			p.Reals, p.Enabled = len(cfg.Virtual[i].Servers), cfg.Virtual[i].Enabled
		}
	}
	return p
}
