package monitor

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// State is a word that is never shown without its class, which gives it shape and colour.
type State struct {
	Class string // up, down, warn, hold or off
	Word  string
}

// past is a state that is no longer known to hold.
func (s State) past() State { return State{"off", "was " + s.Word} }

// Note is something people should know.
type Note struct{ Class, Text string }

// View is what the page shows.
type View struct {
	Daemon    State // pulse
	Cluster   Cluster
	Notes     []Note
	Services  []Service // the worst first
	Stale     bool      // lvsd does not answer: all of them are as it last said
	AsOf      time.Time // when lvsd said so; zero: never
	Totals    Totals
	Processes []Process
}

// Totals are the figures above the list.
type Totals struct {
	Active, Attention int // virtual servers
	Servers, Up, Held int // real servers
	Connections       int64
	Counted           bool // Connections are known
	Rates             *Rates
}

// Service is a virtual server.
type Service struct {
	State
	Name, Where, Scheduler string
	Reason                 string
	Servers                []Server
	Weight, Now            int // sums
	Traffic                *Traffic
	Listed                 bool // it is in lvs.cf: its name leads to its form
	N                      int  // of its row: its real servers' follow. It does not depend on states
	rank                   int
}

// Server is a real server.
type Server struct {
	State
	Name, Address string
	Reason        string // why it is not up, or how its last check went
	Since         time.Time
	Weight, Now   int
	Present       bool
	Traffic       *Traffic
	Took          string // what Reason ends with: how long the last check took
	N             int    // of its row
}

// Process is one that the daemons run.
type Process struct {
	Pid       int
	Name, For string
}

// Ranks of services, the worst first.
const (
	rankDown = iota
	rankDegraded
	rankChecking
	rankHeld
	rankUp
	rankOff
)

// Input is all that a view is made of.
type Input struct {
	Pulse  Answer[PulseStatus]
	Lvsd   Answer[LvsdStatus]
	Config *lvscf.Config // lvs.cf as it stands; nil: it cannot be read
	Host   string        // name of this router
	Now    time.Time
}

// Build makes the view.
func Build(in Input) View {
	v := View{Daemon: daemonState(in.Pulse), Stale: !in.Lvsd.Fresh(), AsOf: in.Lvsd.At}
	v.Cluster = cluster(in)
	if in.Lvsd.Status != nil {
		for _, vs := range in.Lvsd.Status.Virtual {
			v.Services = append(v.Services, service(&vs, in, v.Stale))
		}
	}
	v.Services = append(v.Services, unwatched(in, v.Services)...)
	number(v.Services)
	v.Totals = totals(v.Services)
	slices.SortStableFunc(v.Services, func(a, b Service) int { return cmp.Compare(a.rank, b.rank) })
	v.Notes = notes(in)
	v.Processes = processes(in)
	return v
}

// number gives each row its number, in the order of lvsd and lvs.cf.
func number(services []Service) {
	n := 0
	for i := range services {
		s := &services[i]
		s.N = n
		for j := range s.Servers { // they have their numbers within it
			s.Servers[j].N += n
		}
		n += 1 + len(s.Servers)
	}
}

func daemonState(p Answer[PulseStatus]) State {
	switch {
	case p.Fresh():
		return State{"up", "running"}
	case p.Gone:
		return State{"down", "stopped"}
	}
	return State{"warn", "does not answer"}
}

// service judges a virtual server by its real servers.
func service(vs *VirtualStatus, in Input, stale bool) Service {
	s := Service{Name: vs.Name, Where: readable(vs.Service), Scheduler: vs.Scheduler, Traffic: vs.Traffic}
	configured := find(in.Config, vs.Name)
	s.Listed = configured != nil
	up, held, checking := 0, 0, 0
	for i := range vs.Real {
		r := server(&vs.Real[i])
		s.Weight += r.Weight
		s.Now += r.Now
		switch {
		case vs.Real[i].Order != "":
			held++
		case vs.Real[i].State == "up":
			up++
		case vs.Real[i].State == "checking":
			checking++
		}
		r.N = i + 1
		s.Servers = append(s.Servers, r)
	}
	s.judge(up, held, checking, configured)
	slices.SortStableFunc(s.Servers, func(a, b Server) int { return cmp.Compare(order(a.Class), order(b.Class)) })
	if stale {
		s.State = s.past()
		for i := range s.Servers {
			s.Servers[i].State = s.Servers[i].past()
		}
	}
	return s
}

// order puts the worst class first.
func order(class string) int {
	return slices.Index([]string{"down", "warn", "off", "hold", "up"}, class)
}

// judge decides the state of a virtual server.
func (s *Service) judge(up, held, checking int, configured *lvscf.VirtualServer) {
	all := len(s.Servers)
	down := all - up - held - checking
	s.Reason = strconv.Itoa(up) + " of " + count(all, "real server") + " up"
	for _, part := range []struct {
		n    int
		word string
	}{{down, "down"}, {held, "taken out by an operator"}, {checking, "not checked yet"}} {
		if part.n > 0 {
			s.Reason += ", " + strconv.Itoa(part.n) + " " + part.word
		}
	}
	switch {
	case all == 0:
		s.State, s.rank, s.Reason = State{"down", "down"}, rankDown, "It has no active real server."
	case up == 0 && checking > 0:
		s.State, s.rank = State{"off", "checking"}, rankChecking
	case up == 0:
		s.State, s.rank, s.Reason = State{"down", "down"}, rankDown, "No real server is up"
		if configured != nil && configured.SorryServer.IsValid() {
			s.Reason += "; the sorry server " + configured.SorryServer.String() + " answers"
		}
		if held > 0 {
			s.Reason += "; " + strconv.Itoa(held) + " taken out by an operator"
		}
	case down > 0 || checking > 0:
		s.State, s.rank = State{"warn", "degraded"}, rankDegraded
	case held > 0:
		s.State, s.rank = State{"hold", "up in part"}, rankHeld
	default:
		s.State, s.rank = State{"up", "up"}, rankUp
	}
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

// server judges a real server.
func server(r *RealStatus) Server {
	s := Server{
		Name: r.Name, Address: r.Address, Since: r.Since, Reason: r.Reason, Weight: r.Weight, Now: r.Now, Present: r.Present, Traffic: r.Traffic,
	}
	switch {
	case r.Order == "drain":
		s.State = State{"hold", "draining"}
		s.Reason = "An operator lets it drain: no new connections" + health(r)
	case r.Order == "maint":
		s.State = State{"hold", "maintenance"}
		s.Reason = "An operator keeps it out of service" + health(r)
	case r.State == "up":
		s.State = State{"up", "up"}
		s.Reason, s.Took = upReason(r)
	case r.State == "checking":
		s.State = State{"off", "checking"}
	default:
		s.State = State{"down", "down"}
	}
	if r.Ordered != nil {
		s.Took = ""
		s.Reason = joinReason(s.Reason, "weight "+strconv.Itoa(*r.Ordered)+" by an operator")
	}
	return s
}

// health adds what its checks say to an operator's order.
func health(r *RealStatus) string {
	if r.State == "down" && r.Reason != "" {
		return "; it is down: " + r.Reason
	}
	return "; it is " + r.State
}

// upReason is how the last check of a healthy server went.
func upReason(r *RealStatus) (text, took string) {
	switch {
	case r.NotChecked:
		text = "not checked: lvs.cf says so"
	case r.LastCheck != nil && r.LastCheck.Reason != "":
		text = "last check: " + r.LastCheck.Reason
	case r.LastCheck != nil:
		took = Milliseconds(r.LastCheck.Duration)
		text = "last check passed in " + took
	}
	if r.Load != "" {
		text, took = joinReason(text, r.Load), ""
	}
	return text, took
}

func joinReason(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// Milliseconds writes a time of so many seconds.
func Milliseconds(seconds float64) string {
	if ms := seconds * 1000; ms < 10 {
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	}
	return strconv.Itoa(int(seconds*1000)) + " ms"
}

// find returns the active virtual server of that name.
func find(cfg *lvscf.Config, name string) *lvscf.VirtualServer {
	if cfg == nil {
		return nil
	}
	for i := range cfg.Virtual {
		if cfg.Virtual[i].Name == name {
			return &cfg.Virtual[i]
		}
	}
	return nil
}

// unwatched are the virtual servers of lvs.cf that lvsd says nothing of.
func unwatched(in Input, known []Service) []Service {
	if in.Config == nil {
		return nil
	}
	var list []Service
	for i := range in.Config.Virtual {
		vs := &in.Config.Virtual[i]
		if slices.ContainsFunc(known, func(s Service) bool { return s.Name == vs.Name }) {
			continue
		}
		s := Service{State: State{"off", "inactive"}, Name: vs.Name, Where: where(vs), Scheduler: vs.Scheduler, Listed: true, rank: rankOff}
		s.Reason = "Switched off in lvs.cf, with " + count(len(vs.Servers), "real server") + "."
		if vs.Enabled {
			s.Word, s.rank = "not known", rankChecking
			s.Reason = "It is in lvs.cf, and lvsd does not say anything of it."
		}
		list = append(list, s)
	}
	return list
}

// where is what clients connect to.
func where(vs *lvscf.VirtualServer) string {
	switch {
	case vs.Mark != 0:
		return "firewall mark " + strconv.FormatUint(uint64(vs.Mark), 10)
	case !vs.VIP.Addr.IsValid():
		return "no address"
	}
	return netip.AddrPortFrom(vs.VIP.Addr, vs.Port).String() + " " + vs.Protocol.String()
}

// readable turns ipvsadm's way to name a service into words.
func readable(service string) string {
	option, rest, _ := strings.Cut(service, " ")
	switch option {
	case "-t":
		return rest + " tcp"
	case "-u":
		return rest + " udp"
	case "--sctp-service":
		return rest + " sctp"
	case "-f":
		return "firewall mark " + rest
	}
	return service
}

func totals(services []Service) Totals {
	var t Totals
	for _, s := range services {
		if s.rank < rankOff {
			t.Active++
		}
		if s.rank <= rankChecking {
			t.Attention++
		}
		t.Servers += len(s.Servers)
		for _, r := range s.Servers {
			switch r.Class {
			case "up":
				t.Up++
			case "hold":
				t.Held++
			}
			if r.Traffic != nil {
				t.Counted = true
				t.Connections += int64(r.Traffic.Active)
			}
		}
		if s.Traffic != nil && s.Traffic.Rates != nil {
			if t.Rates == nil {
				t.Rates = new(Rates)
			}
			t.Rates.Connections += s.Traffic.Rates.Connections
			t.Rates.InBytes += s.Traffic.Rates.InBytes
			t.Rates.OutBytes += s.Traffic.Rates.OutBytes
		}
	}
	return t
}

// processes lists the daemons and the monitors that they say run.
func processes(in Input) []Process {
	var list []Process
	if p := in.Pulse; p.Fresh() {
		list = append(list, Process{p.Status.Pid, "pulse", "heartbeat and floating addresses"})
	}
	if !in.Lvsd.Fresh() {
		return list
	}
	list = append(list, Process{in.Lvsd.Status.Pid, "lvsd", "the kernel's table"})
	for _, vs := range in.Lvsd.Status.Virtual {
		for _, r := range vs.Real {
			if r.Pid != 0 {
				list = append(list, Process{r.Pid, "nanny", vs.Name + " " + r.Name + " " + r.Address})
			}
		}
	}
	return list
}

// NeedsAttention tells whether somebody should look at it.
func (s Service) NeedsAttention() bool { return s.rank <= rankChecking }

// Inactive tells whether it is switched off in lvs.cf.
func (s Service) Inactive() bool { return s.rank == rankOff }
