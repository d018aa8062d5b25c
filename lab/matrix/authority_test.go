package matrix

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// site is the name that certificates are for, as a rule.
const site = "web.example"

// validity of a certificate, from and to now.
type validity struct{ from, to time.Duration }

const day = 24 * time.Hour

func thisYear() validity { return validity{-100 * day, 265 * day} }

// newAuthority returns an authority of this name.
func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(day),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

// write writes the authority's certificate to a file.
func (a *authority) write(path string) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600)
}

// sign returns a certificate for a name. An authority of nil has it signed by itself.
func (a *authority) sign(t testing.TB, name string, v validity) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(v.from), NotAfter: time.Now().Add(v.to),
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// writePair writes a certificate and its key to one file, as nginx takes them.
func writePair(t testing.TB, dir string, c tls.Certificate) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	return configure(t, dir, "pair.pem", string(text))
}

// overTLS has a behaviour speak TLS.
func overTLS(config *tls.Config, act func(c conn)) func(c conn) {
	return func(c conn) {
		t := tls.Server(c.tcp, config)
		if err := t.Handshake(); err != nil {
			return
		}
		c.stream = t
		act(c)
	}
}

// dripping is a connection on which a server's words go out at one byte a second.
type dripping struct {
	net.Conn
	c conn
}

func (d dripping) Write(p []byte) (int, error) {
	d.c.drip(string(p))
	return len(p), nil
}
