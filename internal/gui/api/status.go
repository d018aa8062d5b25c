package api

import (
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// Status is what CONTROL/MONITORING shows.
type Status struct {
	Time      time.Time       `json:"time"`
	Pulse     State           `json:"pulse"`
	Fresh     bool            `json:"fresh"`          // lvsd answers: what is said of virtual servers is so now
	AsOf      time.Time       `json:"as_of,omitzero"` // when lvsd said it; absent: never
	Routers   []Router        `json:"routers"`        // this one first
	Heartbeat *Heartbeat      `json:"heartbeat,omitempty"`
	Notes     []Note          `json:"notes"`
	Virtual   []VirtualServer `json:"virtual_servers"` // the worst first
}

// Router is one of the two.
type Router struct {
	Name      string    `json:"name"`
	Role      string    `json:"role,omitempty"` // primary or backup
	This      bool      `json:"this"`
	Doing     State     `json:"doing"` // active or standby
	State     State     `json:"state"`
	Since     time.Time `json:"since,omitzero"` // of doing
	Address   string    `json:"address,omitempty"`
	Private   string    `json:"private_address,omitempty"`
	Addresses []string  `json:"floating_addresses,omitempty"`
	Serial    int64     `json:"serial_no,omitempty"` // of the lvs.cf in force there
	Config    *State    `json:"config,omitempty"`    // whether that means the same as the one here
}

// Heartbeat is what is heard of the other router.
type Heartbeat struct {
	State State    `json:"state"`
	Ago   *float64 `json:"heard_ago"` // seconds; null: never
	Dead  float64  `json:"deadtime"`  // seconds
	Every float64  `json:"keepalive"` // seconds
}

// Note is something people should know.
type Note struct {
	Class string `json:"class"`
	Text  string `json:"text"`
}

// VirtualServer is one of them.
type VirtualServer struct {
	Name      string       `json:"name"`
	Service   string       `json:"service"` // address and port, or mark
	Scheduler string       `json:"scheduler"`
	State     State        `json:"state"`
	Reason    string       `json:"reason"`
	Traffic   *Traffic     `json:"traffic,omitempty"`
	Servers   []RealServer `json:"real_servers"`
}

// RealServer is one of a virtual server's.
type RealServer struct {
	Name    string    `json:"name"`
	Address string    `json:"address"`
	State   State     `json:"state"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since,omitzero"`
	Weight  int       `json:"weight"`     // as lvs.cf has it
	Now     int       `json:"weight_now"` // as the kernel has it
	Present bool      `json:"present"`    // the kernel has it
	Traffic *Traffic  `json:"traffic,omitempty"`
}

// Traffic is what the kernel counts for a row.
type Traffic struct {
	Active   uint32   `json:"active_connections"`
	Inactive uint32   `json:"inactive_connections"`
	Rate     *float64 `json:"connections_per_second,omitempty"`
}

// Server is a real server and its last checks.
type Server struct {
	Fresh  bool       `json:"fresh"`
	Server RealServer `json:"real_server"`
	Checks []Check    `json:"checks"` // the oldest first
}

// Check is how a check of a real server ended.
type Check struct {
	Time     time.Time `json:"time"`
	Duration float64   `json:"duration"`         // seconds
	Reason   string    `json:"reason,omitempty"` // why it did not pass
}

// Table is the kernel's table, as ipvsadm shows it.
type Table struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

// StatusOf makes a status of what the page shows.
func StatusOf(v monitor.View, now time.Time) Status {
	s := Status{Time: now, Pulse: State(v.Daemon), Fresh: !v.Stale, AsOf: v.AsOf, Notes: []Note{}, Virtual: []VirtualServer{}}
	for _, n := range v.Cluster.Nodes {
		s.Routers = append(s.Routers, RouterOf(n))
	}
	if b := v.Cluster.Beat; b != nil {
		s.Heartbeat = &Heartbeat{State: State(b.State), Dead: b.Dead.Seconds(), Every: b.Every.Seconds()}
		if b.Ago >= 0 {
			ago := b.Ago.Seconds()
			s.Heartbeat.Ago = &ago
		}
	}
	for _, n := range v.Notes {
		s.Notes = append(s.Notes, Note(n))
	}
	for _, service := range v.Services {
		s.Virtual = append(s.Virtual, virtualOf(service))
	}
	return s
}

// RouterOf makes an answer of what the page shows of a router.
func RouterOf(n monitor.Node) Router {
	r := Router{
		Name: n.Name, Role: n.Role, This: n.This, Doing: State(n.Tag), State: State(n.State), Since: n.Since,
		Address: n.Address, Private: n.Private, Addresses: n.Addresses,
	}
	r.Serial, _ = strconv.ParseInt(n.Serial, 10, 64) // 0: not known
	if n.Step.Class != "" {
		r.Config = &State{n.Step.Class, n.Step.Word}
	}
	return r
}

func virtualOf(s monitor.Service) VirtualServer {
	v := VirtualServer{
		Name: s.Name, Service: s.Where, Scheduler: s.Scheduler, State: State(s.State), Reason: s.Reason, Traffic: trafficOf(s.Traffic), Servers: []RealServer{},
	}
	for _, r := range s.Servers {
		v.Servers = append(v.Servers, RealOf(r))
	}
	return v
}

// RealOf makes an answer of what the page shows of a real server.
func RealOf(r monitor.Server) RealServer {
	return RealServer{
		Name: r.Name, Address: r.Address, State: State(r.State), Reason: r.Reason, Since: r.Since, Weight: r.Weight, Now: r.Now, Present: r.Present,
		Traffic: trafficOf(r.Traffic),
	}
}

func trafficOf(t *monitor.Traffic) *Traffic {
	if t == nil {
		return nil
	}
	out := &Traffic{Active: t.Active, Inactive: t.Inactive}
	if t.Rates != nil {
		out.Rate = &t.Rates.Connections
	}
	return out
}

// ChecksOf makes an answer of the last checks of a real server.
func ChecksOf(list []monitor.Check) []Check {
	out := make([]Check, len(list))
	for i, c := range list {
		out[i] = Check(c)
	}
	return out
}
