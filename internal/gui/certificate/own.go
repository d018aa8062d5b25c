package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/piranha-lvs/piranha/internal/replace"
)

const (
	// organization marks a certificate as made here: only such a one is renewed.
	organization = "Piranha, self-signed"
	// validity is what browsers take at most from one that was added by hand.
	validity = 825 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced.
	renewBefore = 30 * 24 * time.Hour
)

func isOwn(c *tls.Certificate) bool {
	return c != nil && c.Leaf != nil && slices.Contains(c.Leaf.Subject.Organization, organization)
}

// make writes a new certificate and its key.
func (s *Source) make(now time.Time) error {
	text, err := selfSigned(s.names(), now)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.own), 0o700); err != nil {
		return err
	}
	old, err := os.ReadFile(s.own)
	if errors.Is(err, fs.ErrNotExist) {
		err = replace.Create(s.own, text, replace.Mode(0o600))
	} else if err == nil {
		err = replace.Replace(s.own, string(old), text)
	}
	if err == nil {
		s.log.Info("made a certificate", "file", s.own)
	}
	return err
}

// selfSigned makes a key and a certificate for names, both as PEM.
func selfSigned(names []string, now time.Time) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{organization}, CommonName: commonName(names)},
		NotBefore:    now.Add(-24 * time.Hour), // clocks differ
		NotAfter:     now.Add(validity - 24*time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// Without this no browser lets it be trusted.
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), nil
}

// commonName is the first name that fits the field, which has 64 characters.
func commonName(names []string) string {
	for _, name := range names {
		if len(name) <= 64 {
			return name
		}
	}
	return "piranha"
}

// Names are this machine's: its host name, localhost, and all its addresses but those of links.
func Names() []string {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" && host != "localhost" {
		names = []string{host, "localhost"}
	}
	addresses, _ := net.InterfaceAddrs() // none is not the end
	for _, a := range addresses {
		if ip, _, err := net.ParseCIDR(a.String()); err == nil && !ip.IsLinkLocalUnicast() {
			names = append(names, ip.String())
		}
	}
	return names
}
