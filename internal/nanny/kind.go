package nanny

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// Kind is what a check does.
type Kind uint8

// The kinds: --check, and check in lvs.cf.
const (
	// Auto is the original's way: a program if there is one, else an exchange by --udp, the texts and the port.
	Auto Kind = iota
	TCP
	HTTP
	HTTPS
	TLS
	SMTP
	DNS
	Ping
	Script
)

var kindNames = []string{"auto", "tcp", "http", "https", "tls", "smtp", "dns", "ping", "script"}

// String returns the word the command line has for the kind.
func (k Kind) String() string { return kindNames[k] }

// Heavy tells whether the check takes a Full.
func (o *Options) Heavy() bool { return o.Check.heavy() }

// heavy tells whether the check takes more than sockets and texts.
func (k Kind) heavy() bool { return k >= HTTP && k <= Ping }

// maxCount is the largest --rise and --fall.
const maxCount = 1000

func (o *Options) kind(v string) error {
	k := slices.Index(kindNames[1:], v) + 1
	if k == 0 {
		return errors.New("one of tcp, http, https, tls, smtp, dns, ping and script expected")
	}
	o.Check = Kind(k)
	return nil
}

func (o *Options) verify(v string) error {
	if v != "yes" && v != "no" {
		return errors.New("yes or no expected")
	}
	o.CheckVerify = v == "yes"
	return nil
}

func countOf(p *int) func(string) error {
	return func(v string) error {
		n, err := scalar.Int(v)
		if err == nil && (n < 1 || n > maxCount) {
			return errors.New("number of 1 to 1000 expected")
		}
		*p = int(n)
		return err
	}
}

func addressOf(p *netip.Addr) func(string) error {
	return func(v string) (err error) {
		*p, err = address(v)
		return err
	}
}

// Checked is the address that is checked: the real server's, unless another one was given. Its port may be 0 if the kind
// of check needs none.
func (o *Options) Checked() netip.AddrPort {
	a := o.real()
	if o.CheckAddr.IsValid() {
		a = netip.AddrPortFrom(o.CheckAddr, a.Port())
	}
	if o.CheckPort != 0 {
		a = netip.AddrPortFrom(a.Addr(), o.CheckPort)
	}
	return a
}

// UsesUDP tells whether the check speaks UDP: if the service does, and the kind is one that can.
func (o *Options) UsesUDP() bool { return o.UDP && (o.Check == Auto || o.Check == DNS) }

// settle takes out what the kind of check does not look at.
func (o *Options) settle() error {
	switch {
	case o.Check == Auto:
		return nil
	case o.Check == Script && o.Program == "":
		return errors.New("no program to check with: give one with --send_program")
	case o.Check == DNS && o.CheckHost == "":
		return errors.New("no name to ask for: give one with --check-host")
	}
	if o.Check != Script {
		o.Program = ""
	}
	if o.Check != TCP {
		o.Send, o.HasSend = "", false
	}
	if o.Check.heavy() {
		o.Expect, o.HasExpect = "", false
	}
	return nil
}
