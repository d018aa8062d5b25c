package gui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// action is something that a button of CONTROL/MONITORING has the daemons do. Each is asked for on a page of its own, which
// says what clients will notice.
type action struct {
	Name, Title, Button string
	real                bool // it is about a real server
	effects             func(*subject) []string
	do                  func(s *Server, r *http.Request, at *subject) (output string, err error)
}

// subject is what an action is about, as it is now.
type subject struct {
	Virtual, Server string
	Pulse           monitor.Answer[monitor.PulseStatus]
	Lvsd            monitor.Answer[monitor.LvsdStatus]
	Service         *monitor.VirtualStatus // nil: lvsd does not say anything of it
	Real            *monitor.RealStatus

	detail string // of what was ordered, for the log
}

// actionList has all there are, in the order of the buttons. Those of a command that is not configured are missing.
func (s *Server) actionList() []action {
	list := []action{
		{"drain", "Drain", "Drain", true, drainEffects, order("drain")},
		{"maint", "Maintenance", "Take out of service", true, maintEffects, order("maint")},
		{"ready", "Ready", "Put back into service", true, readyEffects, order("ready")},
		{"weight", "Weight", "Set the weight", true, weightEffects, order("weight")},
		{"switchover", "Switch over", "Switch over", false, switchEffects, pulseCall("switchover")},
		{"standby", "Standby", "Keep from serving", false, standbyEffects, pulseCall("standby")},
		{"resume", "Resume", "Let it serve again", false, resumeEffects, pulseCall("resume")},
		{"reload", "Reload", "Reload", false, reloadEffects, func(s *Server, r *http.Request, _ *subject) (string, error) { return "", s.reload(r.Context()) }},
	}
	if len(s.opt.Probe) > 0 {
		list = append(list, action{"probe", "Probe now", "Probe now", true, probeEffects, probeNow})
	}
	if len(s.opt.StartPulse) > 0 {
		list = append(list, action{"start", "Start pulse", "Start", false, startEffects, command(s.opt.StartPulse)})
	}
	if len(s.opt.StopPulse) > 0 {
		list = append(list, action{"stop", "Stop pulse", "Stop", false, stopEffects, command(s.opt.StopPulse)})
	}
	return list
}

// link leads to a page.
type link struct{ Title, URL string }

// links lead to the pages of the actions that are about a real server, or of the others, without those named.
func (s *Server) links(real bool, query string, without ...string) []link {
	var list []link
	for _, a := range s.actionList() {
		if a.real == real && !slices.Contains(without, a.Name) {
			list = append(list, link{a.Title, "/act/" + a.Name + query})
		}
	}
	return list
}

func (s *Server) actionNamed(name string) (action, bool) {
	for _, a := range s.actionList() {
		if a.Name == name {
			return a, true
		}
	}
	return action{}, false
}

func pulseCall(call string) func(*Server, *http.Request, *subject) (string, error) {
	return func(s *Server, r *http.Request, _ *subject) (string, error) {
		return "", s.daemons.Pulse(r.Context(), call)
	}
}

func command(argv []string) func(*Server, *http.Request, *subject) (string, error) {
	return func(_ *Server, r *http.Request, _ *subject) (string, error) { return runCommand(r.Context(), argv) }
}

func order(verb string) func(*Server, *http.Request, *subject) (string, error) {
	return func(s *Server, r *http.Request, at *subject) (string, error) {
		query := url.Values{"virtual": {at.Virtual}, "server": {at.Server}}
		switch verb {
		case "weight":
			weight := "default"
			if r.PostForm.Get("default") == "" {
				n, err := strconv.ParseUint(strings.TrimSpace(r.PostForm.Get("weight")), 10, 16)
				if err != nil {
					return "", errWeight
				}
				weight = strconv.FormatUint(n, 10)
			}
			query.Set("weight", weight)
			at.detail = "weight " + weight
		case "drain":
			if r.PostForm.Get("limited") == "" {
				break
			}
			n, err := strconv.ParseUint(strings.TrimSpace(r.PostForm.Get("within")), 10, 32)
			if err != nil || n == 0 || n > maxDrain {
				return "", errWithin
			}
			within := (time.Duration(n) * time.Minute).String()
			query.Set("within", within)
			at.detail = "within " + within
		}
		return "", s.daemons.Lvsd(r.Context(), verb+"?"+query.Encode())
	}
}

// maxDrain is how long a drain may last before maintenance follows, in minutes.
const maxDrain = 7 * 24 * 60

// Errors of forms.
var (
	errWeight = errors.New("a weight is a number of 0 to 65535")
	errWithin = errors.New("a drain lasts 1 to 10080 minutes")
)

func probeNow(s *Server, r *http.Request, at *subject) (string, error) {
	out, err := runCommand(r.Context(), append(slices.Clip(s.opt.Probe), at.Virtual, at.Server))
	if out != "" && r.Context().Err() == nil {
		return out, nil // it says itself how it ended
	}
	return out, err
}

// subjectOf finds what a request is about. It has answered if it returns nil.
func (s *Server) subjectOf(w http.ResponseWriter, r *http.Request, real bool) *subject {
	query := r.URL.Query()
	at, status, text := s.findSubject(r.Context(), real, query.Get(paramVirtual), query.Get(paramServer))
	if at == nil {
		s.refuse(w, r, status, text)
	}
	return at
}

// findSubject finds this router, or a real server on it. If it returns nil, the rest says why.
func (s *Server) findSubject(ctx context.Context, real bool, virtual, server string) (at *subject, status int, problem string) {
	at = &subject{}
	at.Pulse, at.Lvsd = s.daemons.AskNow(ctx)
	if !real {
		return at, 0, ""
	}
	at.Virtual, at.Server = virtual, server
	if at.Lvsd.Status != nil {
		for i := range at.Lvsd.Status.Virtual {
			vs := &at.Lvsd.Status.Virtual[i]
			if vs.Name != at.Virtual {
				continue
			}
			for j := range vs.Real {
				if vs.Real[j].Name == at.Server {
					at.Service, at.Real = vs, &vs.Real[j]
					return at, 0, ""
				}
			}
		}
	}
	if !at.Lvsd.Fresh() {
		return nil, http.StatusServiceUnavailable, "lvsd does not answer: nothing is known of this real server, and it cannot be told anything."
	}
	return nil, http.StatusNotFound, "lvsd knows no active virtual server and real server of these names."
}

// actView asks whether to do something.
type actView struct {
	page
	Action   action
	At       *subject
	Effects  []string
	URL      string
	Back     string
	Problem  string
	Output   string
	Weight   string
	Within   string
	Limited  bool
	Finished bool // it was done, and Output says what came of it
}

func (s *Server) actView(r *http.Request, a action, at *subject) *actView {
	v := &actView{page: s.page(r, a.Title, "control"), Action: a, At: at, Effects: a.effects(at), Back: "/control", Within: "10"}
	v.URL = "/act/" + a.Name
	if a.real {
		query := url.Values{paramVirtual: {at.Virtual}, paramServer: {at.Server}}.Encode()
		v.URL += "?" + query
		v.Back = "/server?" + query
		v.Weight = strconv.Itoa(at.Real.Weight)
		if at.Real.Ordered != nil {
			v.Weight = strconv.Itoa(*at.Real.Ordered)
		}
	}
	return v
}

func (s *Server) askToAct(w http.ResponseWriter, r *http.Request) {
	a, ok := s.actionNamed(chi.URLParam(r, "what"))
	if !ok {
		s.notFound(w, r)
		return
	}
	if at := s.subjectOf(w, r, a.real); at != nil {
		s.render(w, r, http.StatusOK, "act", s.actView(r, a, at))
	}
}

func (s *Server) doAct(w http.ResponseWriter, r *http.Request) {
	a, ok := s.actionNamed(chi.URLParam(r, "what"))
	if !ok {
		s.notFound(w, r)
		return
	}
	if !s.parse(w, r) {
		return
	}
	at := s.subjectOf(w, r, a.real)
	if at == nil {
		return
	}
	out, err := s.carryOut(r, a, at)
	if err != nil {
		s.actFailed(w, r, a, at, out, err)
		return
	}
	v := s.actView(r, a, at)
	if out != "" {
		v.Output, v.Finished = out, true
		s.render(w, r, http.StatusOK, "act", v)
		return
	}
	to, query, _ := strings.Cut(v.Back, "?")
	q, _ := url.ParseQuery(query)
	q.Set("did", a.Name)
	http.Redirect(w, r, to+"?"+q.Encode(), http.StatusSeeOther)
}

// carryOut does what the form of a request says, and logs who did it.
func (s *Server) carryOut(r *http.Request, a action, at *subject) (output string, err error) {
	output, err = a.do(s, r, at)
	kv := []string{"what", a.Name}
	if a.real {
		kv = append(kv, "vs", at.Virtual, "rs", at.Server)
	}
	if at.detail != "" {
		kv = append(kv, "how", at.detail)
	}
	if err != nil {
		s.audit(r, "an act failed", append(kv, "err", err.Error())...)
		return output, err
	}
	s.audit(r, "acted", kv...)
	return output, nil
}

// actFailed shows the page again, with why it was not done.
func (s *Server) actFailed(w http.ResponseWriter, r *http.Request, a action, at *subject, out string, err error) {
	v := s.actView(r, a, at)
	v.Output = out
	v.Weight, v.Within, v.Limited = shorten(r.PostForm.Get("weight"), 20), shorten(r.PostForm.Get("within"), 20), r.PostForm.Get("limited") != ""
	status := 0
	status, v.Problem = actProblem(err)
	s.render(w, r, status, "act", v)
}

// actProblem says why something was not done.
func actProblem(err error) (status int, text string) {
	refusal := new(control.Refusal)
	switch {
	case errors.Is(err, errWeight) || errors.Is(err, errWithin):
		return http.StatusUnprocessableEntity, sentence(err.Error())
	case errors.As(err, &refusal) && refusal.Status == http.StatusForbidden:
		return http.StatusForbidden, "This program may not tell the daemons what to do; piranha-gui(8) says how to allow it. As root: piranhactl."
	case errors.As(err, &refusal):
		return http.StatusConflict, sentence(refusal.Text)
	case control.Gone(err):
		return http.StatusBadGateway, "The daemon does not run."
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusBadGateway, "There was no answer in time. It may still happen."
	}
	return http.StatusBadGateway, sentence(err.Error())
}

// sentence is a message of a program as one of a page.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
