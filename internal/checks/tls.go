package checks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// tlsConfig is how TLS is spoken. Without Verify everything is taken that crypto/tls still speaks, back to TLS 1.0: a check of
// health carries no secret, and what the servers of a site may speak is not for it to decide.
func (s *Spec) tlsConfig() *tls.Config {
	c := &tls.Config{ServerName: s.hostName(), MinVersion: tls.VersionTLS12}
	if c.ServerName == "" {
		c.ServerName = s.Addr.Addr().String() // for the certificate; no server is told an address as a name
	}
	if s.Verify {
		return c
	}
	c.InsecureSkipVerify = true
	c.MinVersion = tls.VersionTLS10
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	return c
}

// handshake goes over to TLS.
func (a *attempt) handshake() error {
	const phase = "TLS handshake"
	start := time.Now()
	t := tls.Client(a.conn, a.tls)
	if err := t.Handshake(); err != nil {
		return a.refused(phase, err)
	}
	a.peer = t
	a.farewell = func(a *attempt) { leaveTLS(t, a.conn.Conn) }
	if a.step != nil {
		state := t.ConnectionState()
		a.say("%s, %s, in %v", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), short(time.Since(start)))
		if len(state.PeerCertificates) > 0 {
			a.say("%s", describe(state.PeerCertificates[0], a.spec.Verify, time.Now()))
		}
	}
	return nil
}

// leaveTLS says farewell and waits until the server has answered with its own: closed at once, the tickets a server sends after
// a handshake would lie unread and make a reset of the end.
func leaveTLS(t *tls.Conn, c net.Conn) {
	_ = t.CloseWrite()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, c, maxBody)
}

// refused says why there is no TLS.
func (a *attempt) refused(phase string, err error) error {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &verification):
		return certificateFailure(verification.Err, a.tls.ServerName, time.Now())
	case errors.As(err, &record):
		return fail(kindProtocol, "expected TLS, got %s", probe.Quote(record.RecordHeader[:]))
	}
	return a.broken(phase, err)
}

// certificateFailure says what is wrong with a certificate that was to be good for host.
func certificateFailure(err error, host string, now time.Time) error {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return fail(kindTooEarly, "%s is not valid before %s, in %s", whose(invalid.Cert),
			invalid.Cert.NotBefore.UTC().Format(time.DateTime+" MST"), days(invalid.Cert.NotBefore.Sub(now)))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail(kindExpired, "%s expired %s ago", whose(invalid.Cert), days(now.Sub(invalid.Cert.NotAfter)))
	case errors.As(err, &name):
		return fail(kindName, "certificate is for %s, not %s", names(name.Certificate), host)
	case errors.As(err, &authority) && authority.Cert != nil && authority.Cert.Issuer.String() == authority.Cert.Subject.String():
		return fail(kindAuthority, "certificate is signed by itself, or its authority is unknown here: %s", title(authority.Cert))
	case errors.As(err, &authority) && authority.Cert != nil:
		return fail(kindAuthority, "certificate is signed by an authority unknown here: %s", authority.Cert.Issuer)
	case errors.As(err, &roots):
		return fail(kindHost, "cannot check: no root certificates on this system")
	}
	return fail(kindCertificate, "certificate: %s", strings.TrimPrefix(err.Error(), "x509: "))
}

// whose is the certificate a failure speaks of: that of the server, as a rule.
func whose(c *x509.Certificate) string {
	if c.IsCA {
		return "certificate of authority " + title(c)
	}
	return "certificate"
}

func title(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return "CN=" + c.Subject.CommonName
	}
	if s := c.Subject.String(); s != "" {
		return s
	}
	return names(c)
}

// names is what a certificate is for, the first three of it.
func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0 && c.Subject.CommonName != "":
		return "no host, only CN=" + c.Subject.CommonName // which counted once
	case len(all) == 0:
		return "no host"
	case len(all) > 3:
		all = append(all[:3], "others")
	}
	return strings.Join(all, ", ")
}

// describe tells of a certificate.
func describe(c *x509.Certificate, verified bool, now time.Time) string {
	s := "certificate " + title(c) + " for " + names(c)
	if left := c.NotAfter.Sub(now); left > 0 {
		s += ", expires in " + days(left)
	} else {
		s += ", expired " + days(-left) + " ago"
	}
	if !verified {
		s += ", not verified"
	}
	return s
}
