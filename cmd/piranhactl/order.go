package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
)

// order has lvsd treat a real server as an operator wants, whatever its health. A drain is waited for: until no connection is left,
// or the server is in maintenance.
func (c cluster) order(ctx context.Context, verb string, words []string, o options, out io.Writer) error {
	query := url.Values{"virtual": words[:1], "server": words[1:2]}
	if verb == "weight" {
		query.Set("weight", words[2])
	}
	if o.within > 0 {
		query.Set("within", o.within.String())
	}
	asked, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	if err := c.lvsd.Call(asked, "POST", verb+"?"+query.Encode(), nil); err != nil {
		return plain(c.lvsd, err)
	}
	if verb == "drain" && !o.noWait {
		return c.drained(ctx, words[0], words[1], out)
	}
	_, err := fmt.Fprintln(out, ordered(verb, words))
	return err
}

func ordered(verb string, words []string) string {
	switch name := words[0] + " " + words[1]; verb {
	case "drain":
		return name + " gets no new connections"
	case "maint":
		return name + " is out of service"
	case "ready":
		return name + " is in service when it is healthy"
	default:
		return name + " has weight " + words[2]
	}
}

// drainLook is the pause between two looks at the connections that are left: as often as lvsd looks at the kernel's counters.
const drainLook = time.Second

// drained counts down the connections of a server that is being drained. It waits before it looks for the first time: lvsd may answer
// with what it counted before the order.
func (c cluster) drained(ctx context.Context, virtual, server string, out io.Writer) error {
	said := ""
	for {
		select {
		case <-ctx.Done():
			return errors.New("interrupted: the server goes on draining")
		case <-time.After(drainLook):
		}
		s, err := c.lvsdStatus(ctx)
		if err != nil {
			return err
		}
		service, rs := realServer(s, virtual, server)
		line, over := draining(s, service, rs)
		if line != said {
			said = line
			if _, err := fmt.Fprintln(out, line); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
	}
}

// realServer finds a real server by its names; nil: there is none.
func realServer(s *lvs.Status, virtual, server string) (service string, rs *lvs.RealStatus) {
	for _, v := range s.VirtualServers {
		for i := range v.RealServers {
			if v.Name == virtual && v.RealServers[i].Name == server {
				return v.Service, &v.RealServers[i]
			}
		}
	}
	return "", nil
}

// draining says how far a drain is, and whether there is nothing to wait for any more.
//
// Those of TCP that are not established have been closed; the kernel remembers them for two minutes. Of other protocols none counts
// as established.
func draining(s *lvs.Status, service string, rs *lvs.RealStatus) (line string, over bool) {
	switch {
	case rs == nil:
		return "the server is no longer in lvs.cf", true
	case rs.Order == "maint":
		return "time is over: the server is out of service", true
	case rs.Order != "drain":
		return "somebody has ended the drain", true
	case !s.Active:
		return "this router is on standby: nothing to wait for", true
	case !rs.Present:
		return "the server has no row in the table: no connection is left", true
	case rs.Traffic == nil:
		return "connections cannot be counted: " + clean(s.CounterError), s.CounterError != ""
	case rs.Traffic.Active+rs.Traffic.Inactive == 0:
		return "no connection is left", true
	case rs.Traffic.Active == 0 && strings.HasPrefix(service, "-t "):
		return fmt.Sprintf("no connection is left, but %d that are closing", rs.Traffic.Inactive), true
	}
	line = fmt.Sprintf("%d connections are left, %d of them established", rs.Traffic.Active+rs.Traffic.Inactive, rs.Traffic.Active)
	return line, false
}

// state is a real server's state, as an operator has ordered it or as its checks see it.
func state(rs lvs.RealStatus) string {
	if rs.Order != "" {
		return clean(rs.Order)
	}
	return clean(rs.State)
}
