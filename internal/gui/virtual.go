package gui

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// virtualList is VIRTUAL SERVERS. What a new one is like is the original's.
func virtualList() list {
	return list{
		view: "virtual", title: "Virtual Servers", page: "/virtual", editPage: "/virtual/edit", kind: "virtual server", rows: virtualRows,
		unnamed: "[server_name]",
		fresh: [][2]string{
			{"active", "0"}, {"address", "0.0.0.0 eth0:1"}, {"port", "80"}, {"send", `GET / HTTP/1.0\r\n\r\n`}, {"expect", "HTTP"}, {"use_regex", "0"},
			{"load_monitor", "none"}, {"scheduler", "wlc"}, {"protocol", "tcp"}, {"timeout", "6"}, {"reentry", "15"}, {"quiesce_server", "0"},
		},
	}
}

// realList is REAL SERVER: those of one virtual server.
func realList(parent lvscf.Path) list {
	parent.Server = lvscf.Ref{}
	return list{
		view: "real", title: "Edit real server", parent: parent, page: pageOf("/virtual/real", parent), editPage: "/virtual/real/edit", kind: "real server",
		rows:    func(cfg *lvscf.Config, h health) []row { return realRows(cfg, parent, h) },
		unnamed: "[unnamed]",
		fresh:   [][2]string{{"address", "0.0.0.0"}, {"active", "0"}, {"weight", "1"}},
	}
}

// health is what lvsd says of the active servers.
type health struct {
	fresh   bool
	virtual map[string]monitor.Service
}

func healthOf(lvsd monitor.Answer[monitor.LvsdStatus]) health {
	h := health{fresh: lvsd.Fresh(), virtual: map[string]monitor.Service{}}
	for _, s := range monitor.Build(monitor.Input{Lvsd: lvsd, Now: time.Now()}).Services {
		h.virtual[s.Name] = s
	}
	return h
}

// unknown is the state of what nobody watches.
func unknown(enabled bool) monitor.State {
	if enabled {
		return monitor.State{Class: "off", Word: "not known"}
	}
	return monitor.State{Class: "off", Word: "not watched"}
}

func virtualRows(cfg *lvscf.Config, h health) []row {
	var rows []row
	for i := range cfg.Virtual {
		vs := &cfg.Virtual[i]
		at := cfg.VirtualPath(i)
		r := row{
			Ref: refOf(at), Name: vs.Name, URL: pageOf("/virtual/edit", at), Enabled: vs.Enabled, Health: unknown(vs.Enabled),
			Device: vs.VIP.Label, Port: strconv.Itoa(int(vs.Port)), Protocol: vs.Protocol.String(), Scheduler: vs.Scheduler, Servers: len(vs.Servers),
		}
		if vs.VIP.Addr.IsValid() {
			r.Address = vs.VIP.Addr.String()
		}
		r.Mask = mask(vs.VIP.Addr, vs.Prefix)
		if vs.Mark != 0 {
			r.Mark = strconv.FormatUint(uint64(vs.Mark), 10)
		}
		if vs.Persistent > 0 {
			r.Persistence = duration(vs.Persistent)
		}
		if s, ok := h.virtual[vs.Name]; ok && vs.Enabled {
			r.Health, r.HealthText = s.State, s.Reason
		}
		rows = append(rows, r)
	}
	return rows
}

// mask writes a prefix as the original did, where it could.
func mask(a netip.Addr, bits int) string {
	switch {
	case bits == 0:
		return ""
	case a.Is6():
		return "/" + strconv.Itoa(bits)
	}
	return net.IP(net.CIDRMask(bits, 32)).String()
}

func realRows(cfg *lvscf.Config, parent lvscf.Path, h health) []row {
	var rows []row
	for i := range cfg.Virtual {
		if cfg.VirtualPath(i) != parent {
			continue
		}
		vs := &cfg.Virtual[i]
		for j := range vs.Servers {
			rs := &vs.Servers[j]
			at := vs.ServerPath(parent, j)
			r := row{
				Ref: refOf(at), Name: rs.Name, URL: pageOf("/virtual/real/edit", at), Enabled: rs.Enabled, Health: unknown(rs.Enabled && vs.Enabled),
				Weight: strconv.Itoa(rs.Weight), Port: strconv.Itoa(int(rs.Port)),
			}
			if rs.Addr.IsValid() {
				r.Address = rs.Addr.String()
			}
			for _, known := range h.virtual[vs.Name].Servers {
				if known.Name == rs.Name && rs.Enabled && vs.Enabled {
					r.Health, r.HealthText = known.State, known.Reason
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func (s *Server) virtual(w http.ResponseWriter, r *http.Request) {
	if d := s.readFile(w, r); d != nil {
		s.showList(w, r, d, virtualList())
	}
}

func (s *Server) actVirtual(w http.ResponseWriter, r *http.Request) {
	if d := s.readForm(w, r); d != nil {
		s.act(w, r, d, virtualList())
	}
}

// parentOf finds the virtual server a request is about. It has answered if it returns false.
func (s *Server) parentOf(w http.ResponseWriter, r *http.Request, d *lvscf.Document) (lvscf.Path, bool) {
	at := pathOf(r)
	_, _, err := d.Get(at, "active")
	if at.Virtual.Name == "" || err != nil {
		s.refuse(w, r, http.StatusNotFound, "lvs.cf has no such virtual server or real server (any more).")
		return at, false
	}
	return at, true
}

// onBlock opens the file and finds the block that a request is about.
func (s *Server) onBlock(read func(http.ResponseWriter, *http.Request) *lvscf.Document, do func(http.ResponseWriter, *http.Request, *lvscf.Document, lvscf.Path)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d := read(w, r)
		if d == nil {
			return
		}
		if at, ok := s.parentOf(w, r, d); ok {
			do(w, r, d, at)
		}
	}
}

// virtualPages are the pages about one virtual server.
func (s *Server) virtualPages() map[string]func(lvscf.Path) target {
	return map[string]func(lvscf.Path) target{
		"/virtual/edit":      virtualTarget,
		"/virtual/scripts":   scriptsTarget,
		"/virtual/real/edit": realTarget,
	}
}

func virtualTarget(at lvscf.Path) target {
	at.Server = lvscf.Ref{}
	return target{
		view: "edit", title: "Edit virtual server", tab: "virtual", panel: form.Virtual(), at: at,
		url: func(at lvscf.Path) string { return pageOf("/virtual/edit", at) },
	}
}

func scriptsTarget(at lvscf.Path) target {
	at.Server = lvscf.Ref{}
	return target{
		view: "scripts", title: "Edit monitoring scripts", tab: "virtual", panel: form.Scripts(), at: at,
		url: func(at lvscf.Path) string { return pageOf("/virtual/scripts", at) },
	}
}

func realTarget(at lvscf.Path) target {
	return target{
		view: "realedit", title: "Edit real server", tab: "virtual", panel: form.Real(), at: at,
		url: func(at lvscf.Path) string { return pageOf("/virtual/real/edit", at) },
	}
}
