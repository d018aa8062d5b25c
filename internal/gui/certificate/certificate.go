// Package certificate has the certificate of the web panels: what the administrator put into the directory, and as long as
// there is nothing, one that it makes and signs itself.
//
// Files that are replaced are taken at the next connection; nothing need be restarted.
package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Names of the files in the directory.
const (
	CertName = "cert.pem"        // the administrator's, with the chain
	KeyName  = "key.pem"         // of cert.pem
	OwnName  = "self-signed.pem" // certificate and key, in one file so that they always fit
)

// Log is where it is told that a file cannot be used.
type Log interface {
	Info(msg string, kv ...string)
	Warn(msg string, kv ...string)
}

// Source is where TLS gets the certificate from.
type Source struct {
	cert, key string // files
	own       string // "" for no self-signed one
	log       Log
	names     func() []string // for a self-signed one

	mu      sync.Mutex
	checked time.Time
	stamp   string // of the files that current was read from
	current *tls.Certificate
}

// InDirectory takes the files of a directory, or makes a certificate there. names are the host names and addresses that it
// will be for.
func InDirectory(dir string, names func() []string, log Log) (*Source, error) {
	s := &Source{
		cert: filepath.Join(dir, CertName), key: filepath.Join(dir, KeyName), own: filepath.Join(dir, OwnName), names: names, log: log,
	}
	return s, s.refresh(time.Now())
}

// Files takes two files.
func Files(cert, key string, log Log) (*Source, error) {
	s := &Source{cert: cert, key: key, log: log}
	return s, s.refresh(time.Now())
}

// checkEvery is how often it is looked whether the files have changed, at most.
const checkEvery = time.Second

// Get is tls.Config.GetCertificate.
func (s *Source) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.checked) >= checkEvery {
		if err := s.refreshLocked(now); err != nil {
			// The last one goes on: half of a pair may have been copied.
			s.log.Warn("the certificate that was in use stays", "err", err.Error())
		}
	}
	return s.current, nil
}

// Fingerprint is that of the certificate, as browsers show it.
func (s *Source) Fingerprint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256(s.current.Certificate[0])
	text := strings.ToUpper(hex.EncodeToString(sum[:]))
	parts := make([]string, 0, len(sum))
	for ; text != ""; text = text[2:] {
		parts = append(parts, text[:2])
	}
	return strings.Join(parts, ":")
}

func (s *Source) refresh(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refreshLocked(now)
}

func (s *Source) refreshLocked(now time.Time) error {
	s.checked = now
	stamp := stampOf(s.cert) + stampOf(s.key) + stampOf(s.own)
	if s.current != nil && stamp == s.stamp && !s.renews(now) {
		return nil
	}
	s.stamp = stamp // what cannot be used is reported once
	current, err := s.load(now)
	if err != nil {
		return err
	}
	s.current = current
	s.stamp = stampOf(s.cert) + stampOf(s.key) + stampOf(s.own)
	return nil
}

// renews tells whether the certificate is one of our own that ends soon.
func (s *Source) renews(now time.Time) bool {
	return isOwn(s.current) && now.After(s.current.Leaf.NotAfter.Add(-renewBefore))
}

// load reads the certificate or makes it.
func (s *Source) load(now time.Time) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err == nil {
		if now.After(pair.Leaf.NotAfter) {
			s.log.Warn("the certificate has expired", "file", s.cert, "end", pair.Leaf.NotAfter.Format(time.DateOnly))
		}
		return &pair, nil
	}
	if s.own == "" || exists(s.cert) || exists(s.key) {
		return nil, fmt.Errorf("certificate %s with key %s: %w", s.cert, s.key, err)
	}
	if pair, err = tls.LoadX509KeyPair(s.own, s.own); err == nil && now.Before(pair.Leaf.NotAfter.Add(-renewBefore)) {
		return &pair, nil
	}
	if err := s.make(now); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	pair, err = tls.LoadX509KeyPair(s.own, s.own)
	return &pair, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// stampOf changes when a file does.
func stampOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "-"
	}
	return fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), ";")
}
