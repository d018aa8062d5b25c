package vip

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// routeTime bounds the wait for one address's route. On an idle machine it takes a tenth of a millisecond.
	routeTime = 100 * time.Millisecond
	routePoll = 50 * time.Microsecond
)

// settle waits until packets to an IPv6 address that has just been added come in here. The kernel installs the route for
// that from a work queue, after it has acknowledged the address: until then it looks for the address on the link, and a
// socket that is connected at that moment goes on doing so. Nor should neighbours be told of the address any earlier.
//
// A device without a link gets the route when it has one, so there is nothing to wait for. What comes too late is no
// error: the address is there.
func (c *Conn) settle(a Address) {
	if a.Addr.Is4() {
		return
	}
	if link, err := c.handle.LinkByName(a.Dev); err != nil || !running(link) {
		return
	}
	for deadline := time.Now().Add(routeTime); time.Now().Before(deadline); time.Sleep(routePoll) {
		routes, err := c.handle.RouteGet(a.Addr.AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return
		}
	}
}
