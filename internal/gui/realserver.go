package gui

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// serverView is a real server as it is now, with what can be done about it.
type serverView struct {
	page
	At      *subject
	Service monitor.Service
	Server  monitor.Server
	Checks  []monitor.Check // the newest first
	Stale   bool
	Actions []link
	Form    string // its form
	Did     string
}

func (s *Server) server(w http.ResponseWriter, r *http.Request) {
	at := s.subjectOf(w, r, true)
	if at == nil {
		return
	}
	v := serverView{
		page: s.page(r, at.Virtual+" "+at.Server, "control"), At: at, Stale: !at.Lvsd.Fresh(),
	}
	query := url.Values{paramVirtual: {at.Virtual}, paramServer: {at.Server}}.Encode()
	v.Form = "/virtual/real/edit?" + query
	cfg, _ := s.config.current()
	for _, service := range monitor.Build(monitor.Input{Lvsd: at.Lvsd, Pulse: at.Pulse, Config: cfg, Now: v.Now}).Services {
		if service.Name == at.Virtual {
			v.Service = service
		}
	}
	for _, known := range v.Service.Servers {
		if known.Name == at.Server {
			v.Server = known
		}
	}
	if v.Admin {
		v.Actions = s.links(true, "?"+query)
	}
	if a, ok := s.actionNamed(r.URL.Query().Get("did")); ok && a.real {
		v.Did = a.Name
	}
	v.Checks, _ = s.daemons.Checks(r.Context(), at.Virtual, at.Server) // without lvsd there are none
	slices.Reverse(v.Checks)
	s.render(w, r, http.StatusOK, "server", v)
}
