package lvscf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Lookup turns the names in a file into numbers. A nil function makes every name an error.
type Lookup struct {
	Host    func(name string) (netip.Addr, error)
	Service func(name, protocol string) (uint16, error) // protocol is tcp or udp
}

// SystemLookup asks the system's resolver, IPv4 before IPv6, and the system's list of services. timeout is what all
// host names together may take, so that a file full of names does not hold up a start when the name servers are away.
// Answers are kept: make a new one for every reading of a file. It is safe for use by several goroutines.
func SystemLookup(timeout time.Duration) Lookup {
	return SystemLookupContext(context.Background(), timeout)
}

// SystemLookupContext is SystemLookup for a reading that can be called off: when ctx is done, host names are errors.
func SystemLookupContext(ctx context.Context, timeout time.Duration) Lookup {
	s := &systemLookup{ctx: ctx, left: timeout, hosts: make(map[string]hostAnswer)}
	return Lookup{Host: s.host, Service: lookupService}
}

var errLookupTime = errors.New("no time left to look up host names")

type hostAnswer struct {
	addr netip.Addr
	err  error
}

type systemLookup struct {
	ctx   context.Context // of the one reading it serves
	mu    sync.Mutex
	left  time.Duration
	hosts map[string]hostAnswer
}

func (s *systemLookup) host(name string) (netip.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.hosts[name]; ok {
		return a.addr, a.err
	}
	if s.left <= 0 {
		return netip.Addr{}, errLookupTime
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(s.ctx, s.left)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	s.left -= time.Since(start)
	a := hostAnswer{addr: firstAddr(addrs), err: lookupReason(err)}
	if err == nil && !a.addr.IsValid() {
		a.err = errors.New("no address")
	}
	s.hosts[name] = a
	return a.addr, a.err
}

// firstAddr returns the first IPv4 address, else the first IPv6 address without a zone.
func firstAddr(addrs []netip.Addr) netip.Addr {
	var first netip.Addr
	for _, addr := range addrs {
		addr = addr.Unmap()
		if addr.Is4() {
			return addr
		}
		if !first.IsValid() && addr.Zone() == "" {
			first = addr
		}
	}
	return first
}

// lookupReason leaves out what the finding says already: the name.
func lookupReason(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return errors.New("no such host")
	case errors.As(err, &dns) && dns.IsTimeout:
		return errors.New("the name servers do not answer")
	}
	return err
}

// lookupService looks for udp services in the tcp list too, where the original looked for all of them.
func lookupService(name, protocol string) (uint16, error) {
	// LookupPort takes numbers and the empty name too; numbers have been read already, by the file's own rules.
	if name == "" || strings.Trim(name, "0123456789+-") == "" {
		return 0, errors.New("not a service name")
	}
	port, err := net.LookupPort(protocol, name)
	if err != nil && protocol == "udp" {
		port, err = net.LookupPort("tcp", name)
	}
	return uint16(port), err
}
