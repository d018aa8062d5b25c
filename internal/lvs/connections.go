package lvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/ipvs/conntab"
)

// Limits of what is answered to GET /v1/connections.
const (
	defaultConnections = 100
	maxConnections     = 10000
	// connectionsTime bounds the reading of the table. For every page of it the kernel goes over all that is before: 20,000
	// connections took 0.05 s with a kernel 6.1, 40,000 took 0.17 s.
	connectionsTime = 5 * time.Second
)

// Connections is what lvs.sock answers to GET /v1/connections. Field names are an API, described in doc/api.md.
type Connections struct {
	Connections []ConnectionStatus `json:"connections"`
	Total       int                `json:"total"`    // that match, listed or not
	Complete    bool               `json:"complete"` // the kernel's table was read to its end
}

// ConnectionStatus is a connection that the kernel knows.
type ConnectionStatus struct {
	Virtual        string         `json:"virtual"`
	Server         string         `json:"server,omitempty"` // empty: the sorry server, or one that is no longer in lvs.cf
	Protocol       string         `json:"protocol"`
	Client         netip.AddrPort `json:"client"`
	VirtualAddress netip.AddrPort `json:"virtual_address,omitzero"` // absent in templates of firewall marks
	ServerAddress  netip.AddrPort `json:"server_address"`
	State          string         `json:"state"`
	Expires        int            `json:"expires"` // seconds
	// Template tells that this is no connection, but what persistence remembers of a client.
	Template bool `json:"template,omitempty"`
}

// connectionFilter is which connections are asked for. Zero values leave all through.
type connectionFilter struct {
	virtual, server string
	client          netip.Prefix
	state           string
	limit           int
}

// parseConnectionFilter reads the words of a call. Its errors are for whoever called.
func parseConnectionFilter(form url.Values) (f connectionFilter, err error) {
	f.virtual, f.server, f.state = form.Get("virtual"), form.Get("server"), form.Get("state")
	if f.server != "" && f.virtual == "" {
		return f, errors.New("server: names its virtual server, too")
	}
	if client := form.Get("client"); client != "" {
		if f.client, err = parsePrefix(client); err != nil {
			return f, fmt.Errorf("client: an address or a network expected, not %.60q", client)
		}
	}
	f.limit = defaultConnections
	if limit := form.Get("limit"); limit != "" {
		if f.limit, err = strconv.Atoi(limit); err != nil || f.limit < 0 || f.limit > maxConnections {
			return f, fmt.Errorf("limit: a number of 0 to %d expected, not %.40q", maxConnections, limit)
		}
	}
	return f, nil
}

// parsePrefix reads a network, or an address, which is one of its own.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(addr.BitLen())
}

func (f *connectionFilter) passes(c *conntab.Conn) bool {
	return (f.state == "" || strings.EqualFold(f.state, c.State)) && (!f.client.IsValid() || f.client.Contains(c.Client.Addr()))
}

// names tell whose a connection is.
type names struct {
	byAddr map[ipvs.ServiceKey]service
	marks  []service // in the order of lvs.cf
}

func newNames(p plan) names {
	n := names{byAddr: map[ipvs.ServiceKey]service{}}
	for _, s := range p {
		if s.row.Key.Mark != 0 {
			n.marks = append(n.marks, s)
		} else {
			n.byAddr[s.row.Key] = s
		}
	}
	return n
}

var protocols = map[string]ipvs.Protocol{"TCP": ipvs.TCP, "UDP": ipvs.UDP, "SCTP": ipvs.SCTP}

// of returns the virtual server whose connection this is, and the real server; that is "" if it is none of lvs.cf. The kernel does
// not say to which firewall mark a connection belongs: of several with the same real server it is the first.
func (n *names) of(c *conntab.Conn) (virtual, real string, ours bool) {
	if mark := c.Mark(); mark != 0 {
		for _, s := range n.marks {
			if s.row.Key.Mark == mark && (s.row.Key.Family == ipvs.IPv6) == c.Client.Addr().Is6() {
				real, _ = s.serverAt(c.Server)
				return s.name, real, true
			}
		}
		return "", "", false
	}
	key := ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: protocols[c.Protocol], Addr: c.Virtual}
	if c.Virtual.Addr().Is6() {
		key.Family = ipvs.IPv6
	}
	if s, known := n.byAddr[key]; known {
		real, _ = s.serverAt(c.Server)
		return s.name, real, true
	}
	for _, s := range n.marks {
		if real, known := s.serverAt(c.Server); known {
			return s.name, real, true
		}
	}
	return "", "", false
}

// serverAt is the real server with an address. With a firewall mark connections may be to any port.
func (s *service) serverAt(a netip.AddrPort) (name string, known bool) {
	anyPort := s.row.Key.Mark != 0
	for _, rs := range s.servers {
		if rs.key.addr == a || anyPort && rs.key.addr.Addr() == a.Addr() {
			return rs.name, true
		}
	}
	return "", false
}

// listConnections reads a table of connections and keeps those that are ours and asked for.
func listConnections(ctx context.Context, table io.Reader, n names, f connectionFilter) (*Connections, error) {
	list := &Connections{Connections: []ConnectionStatus{}}
	err := conntab.Read(ctx, table, func(c *conntab.Conn) {
		if !f.passes(c) {
			return
		}
		virtual, server, ours := n.of(c)
		if !ours || f.virtual != "" && f.virtual != virtual || f.server != "" && f.server != server {
			return
		}
		list.Total++
		if len(list.Connections) < f.limit {
			list.Connections = append(list.Connections, newConnectionStatus(c, virtual, server))
		}
	})
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	list.Complete = err == nil
	return list, nil
}

func newConnectionStatus(c *conntab.Conn, virtual, server string) ConnectionStatus {
	s := ConnectionStatus{
		Virtual: virtual, Server: server, Protocol: c.Protocol, Client: c.Client, VirtualAddress: c.Virtual, ServerAddress: c.Server,
		State: c.State, Expires: int(c.Expires / time.Second), Template: c.Template,
	}
	if c.Mark() != 0 {
		s.VirtualAddress = netip.AddrPort{}
	}
	return s
}

// openConnections opens the kernel's table.
func openConnections() (io.ReadCloser, error) { return os.Open(conntab.Path) }

// serveConnections answers for ?virtual=NAME&server=NAME&client=NETWORK&state=STATE&limit=N. The loop only says whose connections
// are whose; one reader at a time is enough work for the kernel.
func (d *Daemon) serveConnections(open func() (io.ReadCloser, error)) http.HandlerFunc {
	turn := make(chan struct{}, 1)
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			control.Fail(w, http.StatusBadRequest, err.Error())
			return
		}
		filter, err := parseConnectionFilter(r.Form)
		if err != nil {
			control.Fail(w, http.StatusBadRequest, err.Error())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		n, known, err := d.names(ctx, filter)
		switch {
		case err != nil:
			control.Fail(w, http.StatusServiceUnavailable, "lvsd does not answer")
			return
		case !known:
			control.Fail(w, http.StatusNotFound, "no active virtual server or real server of that name")
			return
		}
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			control.Fail(w, http.StatusServiceUnavailable, "others read the connections")
			return
		}
		replyConnections(w, r, open, n, filter)
	}
}

func replyConnections(w http.ResponseWriter, r *http.Request, open func() (io.ReadCloser, error), n names, f connectionFilter) {
	table, err := open()
	if err != nil {
		control.Fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	defer table.Close()
	ctx, cancel := context.WithTimeout(r.Context(), connectionsTime)
	defer cancel()
	list, err := listConnections(ctx, table, n, f)
	if err != nil {
		control.Fail(w, http.StatusInternalServerError, conntab.Path+": "+err.Error())
		return
	}
	control.Reply(w, http.StatusOK, list)
}

// names asks the loop whose connections are whose, and whether the servers that are asked for are known. The plan is not changed once
// it is in force.
func (d *Daemon) names(ctx context.Context, f connectionFilter) (_ names, known bool, err error) {
	answer := make(chan plan, 1)
	select {
	case d.questions <- func() { answer <- d.plan }:
	case <-ctx.Done():
		return names{}, false, ctx.Err()
	}
	p := <-answer
	return newNames(p), f.virtual == "" || p.has(f.virtual, f.server), nil
}

// has tells whether there is an active virtual server of that name, with a real server of the other one unless that is "".
func (p plan) has(virtual, server string) bool {
	for _, s := range p {
		if s.name != virtual {
			continue
		}
		if server == "" {
			return true
		}
		for _, rs := range s.servers {
			if rs.name == server {
				return true
			}
		}
	}
	return false
}
