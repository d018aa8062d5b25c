// Package checks makes the attempts that need more than a text sent and a text expected: HTTP, TLS, SMTP, DNS and ping. As in
// package probe, whose results it gives, an attempt is judged alone; what follows from several is package health's business.
//
// It brings net, net/http and crypto/tls into a process, a few megabytes: only the programs that are run for these checks link
// it. A Check holds little, and an attempt reads no more from a server than it judges, whatever that sends.
package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// Kind is what is checked. The zero value is invalid.
type Kind uint8

// The kinds, named in lvs.cf as here, in small letters.
const (
	HTTP  Kind = iota + 1 // the status of a page, and perhaps its text
	HTTPS                 // the same over TLS
	TLS                   // a handshake
	SMTP                  // a greeting, and the answer to EHLO
	DNS                   // an answer to a question, with NOERROR
	Ping                  // an ICMP echo
)

var kindNames = [...]string{HTTP: "http", HTTPS: "https", TLS: "tls", SMTP: "smtp", DNS: "dns", Ping: "ping"}

// String returns the name of the kind.
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// ParseKind returns the kind of that name, if it is one of this package.
func ParseKind(name string) (Kind, bool) {
	for k := HTTP; k <= Ping; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return 0, false
}

// Spec is what to check, and what makes an attempt a success.
type Spec struct {
	Kind   Kind
	Addr   netip.AddrPort // without zone; Ping needs no port
	Source netip.Addr     // of the same family as Addr; the zero value: what the kernel chooses
	UDP    bool           // DNS: ask in a datagram instead of over TCP

	// Host is the Host header of HTTP and HTTPS, the name in the handshake and in the certificate with HTTPS and TLS (without a
	// port), the EHLO name of SMTP, the name DNS asks for. "": the address, and with DNS the root.
	Host    string
	Path    string        // HTTP, HTTPS: what to get, with query; "": /
	Status  StatusSet     // HTTP, HTTPS: what is good; empty: DefaultStatus
	Body    string        // HTTP, HTTPS: must be in the body, of which 64 KiB are read at most
	Verify  bool          // HTTPS, TLS: the certificate must be good by the roots of this system, and for Host
	Match   matchFunc     // HTTP, HTTPS: if not nil judges the body instead; Body only names it in a reason
	Timeout time.Duration // more than 0, for all of an attempt
}

type matchFunc = func(body []byte) bool

// Bounds, all in bytes. What is bigger is a mistake in lvs.cf.
const (
	maxPath = 8 << 10
	maxHost = 255
)

// Errors of New.
var (
	errKind    = errors.New("unknown kind of check")
	errAddress = errors.New("no address to check")
	errPort    = errors.New("no port to check")
	errSource  = errors.New("source address is of another family than the address to check")
	errTimeout = errors.New("timeout must be more than 0")
	errHost    = errors.New("host name to check with is too long or has a character that cannot be in one")
	errPath    = errors.New("path to check must begin with / and have neither blanks nor control characters")
	errBody    = errors.New("text to find in the body is longer than 65536 bytes")
)

// Check makes attempts. It is safe for use by several goroutines at once.
type Check struct {
	spec    Spec
	address string // for net.Dialer
	request string // HTTP, HTTPS
	tls     *tls.Config
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// New returns a Check, which holds no descriptor.
func New(s Spec) (*Check, error) {
	s.Addr = netip.AddrPortFrom(s.Addr.Addr().Unmap(), s.Addr.Port())
	s.Source = s.Source.Unmap()
	if err := s.validate(); err != nil {
		return nil, err
	}
	if s.Path == "" {
		s.Path = "/"
	}
	if len(s.Status) == 0 {
		s.Status = DefaultStatus()
	}
	c := &Check{spec: s, address: s.Addr.String()}
	switch s.Kind {
	case HTTP, HTTPS:
		c.request = s.request()
	case DNS:
		if _, err := s.question(); err != nil {
			return nil, errHost
		}
	case TLS, SMTP, Ping:
	}
	if s.Kind == HTTPS || s.Kind == TLS {
		c.tls = s.tlsConfig()
	}
	c.dial = s.dialer().DialContext
	return c, nil
}

func (s *Spec) validate() error {
	switch {
	case s.Kind == 0 || s.Kind > Ping:
		return errKind
	case !s.Addr.Addr().IsValid() || s.Addr.Addr().Zone() != "":
		return errAddress
	case s.Addr.Port() == 0 && s.Kind != Ping:
		return errPort
	case s.Source.IsValid() && (s.Source.Is4() != s.Addr.Addr().Is4() || s.Source.Zone() != ""):
		return errSource
	case s.Timeout <= 0:
		return errTimeout
	case len(s.Host) > maxHost || !visible(s.Host):
		return errHost
	case len(s.Path) > maxPath || !visible(s.Path) || s.Path != "" && s.Path[0] != '/':
		return errPath
	case len(s.Body) > maxBody:
		return errBody
	}
	return nil
}

// visible tells whether a text can stand in a request line or a header as one word.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func (s *Spec) dialer() *net.Dialer {
	d := &net.Dialer{Timeout: s.Timeout, KeepAlive: -1}
	if !s.Source.IsValid() {
		return d
	}
	if s.Kind == DNS && s.UDP {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
		return d
	}
	d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
	d.Control = func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			// Without it a port is taken from all destinations when the source is bound: 28,000 checks within the minute that
			// closed connections linger, of whatever servers, and there is none left. Kernels that refuse it do as ever.
			_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		})
	}
	return d
}

// Run makes one attempt. If step is not nil it is told each step in a line, of printable text as reasons are. The end of ctx
// interrupts an attempt at once.
func (c *Check) Run(ctx context.Context, step func(string)) probe.Result {
	start := time.Now()
	a := &attempt{Check: c, ctx: ctx, deadline: start.Add(c.spec.Timeout), step: step}
	r := a.result(a.run())
	if !r.Up() && ctx.Err() != nil {
		r = probe.Result{Outcome: probe.Interrupted}
	}
	r.Duration = time.Since(start)
	a.part(r.Up())
	return r
}

func (a *attempt) run() error {
	switch a.spec.Kind {
	case HTTP:
		return a.steps((*attempt).connect, (*attempt).http)
	case HTTPS:
		return a.steps((*attempt).connect, (*attempt).handshake, (*attempt).http)
	case TLS:
		return a.steps((*attempt).connect, (*attempt).handshake)
	case SMTP:
		return a.steps((*attempt).connect, (*attempt).smtp)
	case DNS:
		return a.steps((*attempt).connect, (*attempt).dns)
	case Ping:
		return a.steps((*attempt).openPing, (*attempt).ping)
	}
	return errKind
}

// steps makes one step after the other until one fails.
func (a *attempt) steps(all ...func(*attempt) error) error {
	for _, step := range all {
		if err := step(a); err != nil {
			return err
		}
	}
	return nil
}
