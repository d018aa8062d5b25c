// Package kernel reads and changes the running kernel's IPVS table.
//
// Reading, timeouts and the family's presence go through github.com/cloudflare/ipvs. What that library lacks is our
// own: a deadline on every call, changes in batches (package ipvs, Writer), and an empty table that is no error.
package kernel

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	cloudflare "github.com/cloudflare/ipvs"
	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// Timeouts are the kernel's connection timeouts in whole seconds; zero leaves the kernel's value.
type Timeouts struct {
	TCP, TCPFin, UDP time.Duration
}

// Conn is a connection to the IPVS of the network namespace it was opened in. It is not for concurrent use.
type Conn struct {
	client  cloudflare.Client
	writer  *ipvs.Writer
	timeout time.Duration
}

// Open connects to the kernel. No call takes longer than timeout, except that Read allows as much for each service.
// The error is ipvs.ErrNoIPVS where the kernel knows no IPVS, and wraps EPERM without CAP_NET_ADMIN.
func Open(timeout time.Duration) (*Conn, error) {
	w, err := ipvs.Dial(timeout)
	if err != nil {
		return nil, err
	}
	c := &Conn{writer: w, timeout: timeout}
	if err := c.connect(); err != nil {
		w.Close()
		return nil, err
	}
	if err := c.call(func() error { _, err := c.client.Info(); return err }); err != nil {
		c.Close()
		return nil, fmt.Errorf("read ipvs version: %w", ipvs.Reason(err))
	}
	return c, nil
}

// connect opens the library's connection. Its New returns an interface that is never nil, so only err counts.
func (c *Conn) connect() error {
	client, err := cloudflare.New()
	if err != nil {
		return fmt.Errorf("open ipvs: %w", ipvs.Reason(err))
	}
	c.client = client
	return nil
}

// Close closes both sockets.
func (c *Conn) Close() error {
	return errors.Join(closeClient(c.client), c.writer.Close())
}

// closeClient closes the library's socket; its interface has no Close, but the value behind it does.
func closeClient(client cloudflare.Client) error {
	if closer, ok := client.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// call runs one request of the library with a deadline, which the library lacks: when time is up the socket is closed
// under it, and a new one opened for the next request. So it is after a failure, of which the rest of an answer may be left on
// the socket: the library would take its end for that of an empty list.
func (c *Conn) call(request func() error) error {
	if c.client == nil {
		if err := c.connect(); err != nil {
			return err
		}
	}
	client := c.client
	expired := time.AfterFunc(c.timeout, func() { _ = closeClient(client) })
	err := request()
	switch {
	case !expired.Stop():
		c.client = nil
		return fmt.Errorf("the kernel did not answer within %v: %w", c.timeout, os.ErrDeadlineExceeded)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		c.client = nil
		_ = closeClient(client)
	}
	return err
}

// Read returns the whole table.
func (c *Conn) Read() (table ipvs.Table, err error) {
	table = ipvs.Table{}
	err = c.each(func(s cloudflare.ServiceExtended, list []cloudflare.DestinationExtended) {
		entry := ipvs.Entry{Service: service(s.Service), Destinations: make([]ipvs.Destination, 0, len(list))}
		for _, d := range list {
			entry.Destinations = append(entry.Destinations, destination(d.Destination))
		}
		table = append(table, entry)
	})
	if err != nil {
		return nil, err
	}
	return table, nil
}

// Count returns the counters of the whole table, in the kernel's order.
func (c *Conn) Count() (all []ipvs.Count, err error) {
	err = c.each(func(s cloudflare.ServiceExtended, list []cloudflare.DestinationExtended) {
		count := ipvs.Count{Service: service(s.Service).Key, Counters: counters(s.Stats64), Destinations: make(map[netip.AddrPort]ipvs.Counters, len(list))}
		for _, d := range list {
			n := counters(d.Stats64)
			n.Active, n.Inactive, n.Persistent = d.ActiveConnections, d.InactiveConnections, d.PersistentConnections
			count.Destinations[netip.AddrPortFrom(d.Address, d.Port)] = n
		}
		all = append(all, count)
	})
	return all, err
}

// each visits every service with its destinations.
func (c *Conn) each(visit func(cloudflare.ServiceExtended, []cloudflare.DestinationExtended)) error {
	var services []cloudflare.ServiceExtended
	err := c.call(func() (err error) { services, err = c.client.Services(); return err })
	if err != nil && !errors.Is(err, os.ErrNotExist) { // the library's word for an empty table
		return fmt.Errorf("list ipvs services: %w", ipvs.Reason(err))
	}
	for _, s := range services {
		var list []cloudflare.DestinationExtended
		err := c.call(func() (err error) { list, err = c.client.Destinations(s.Service); return err })
		switch {
		case err == nil, errors.Is(err, os.ErrNotExist):
			visit(s, list)
		case errors.Is(err, unix.ESRCH): // removed by somebody since the list was made
		default:
			return fmt.Errorf("list destinations of ipvs %s: %w", service(s.Service).Key, ipvs.Reason(err))
		}
	}
	return nil
}

// Apply makes the changes; see ipvs.Writer.
func (c *Conn) Apply(ops []ipvs.Op) error { return c.writer.Apply(ops) }

// SetTimeouts sets those timeouts that are not zero.
func (c *Conn) SetTimeouts(t Timeouts) error {
	err := c.call(func() error {
		return c.client.SetConfig(cloudflare.Config{
			TCPTimeout:    uint32(t.TCP / time.Second),
			TCPFinTimeout: uint32(t.TCPFin / time.Second),
			UDPTimeout:    uint32(t.UDP / time.Second),
		})
	})
	if err != nil {
		return fmt.Errorf("set ipvs timeouts: %w", ipvs.Reason(err))
	}
	return nil
}
