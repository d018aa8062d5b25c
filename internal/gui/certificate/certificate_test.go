package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testLog keeps what was said.
type testLog struct{ lines []string }

func (l *testLog) Info(msg string, _ ...string) { l.lines = append(l.lines, "info: "+msg) }
func (l *testLog) Warn(msg string, _ ...string) { l.lines = append(l.lines, "warn: "+msg) }

func names() []string { return []string{"lb1.example.net", "localhost", "192.0.2.1", "2001:db8::1"} }

// serial identifies the certificate that a connection gets. The files are looked at now.
func serial(t *testing.T, s *Source) string {
	t.Helper()
	s.checked = time.Time{}
	c, err := s.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.String()
}

func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	log := new(testLog)
	s, err := InDirectory(dir, names, log)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := s.Get(nil)
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	for _, name := range names() {
		if ip := net.ParseIP(name); ip != nil {
			name = "[" + name + "]"
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, OwnName)); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	if len(s.Fingerprint()) != 95 {
		t.Errorf("fingerprint = %s", s.Fingerprint())
	}
	again, err := InDirectory(dir, names, log)
	if err != nil || serial(t, again) != serial(t, s) {
		t.Errorf("the next start makes another certificate, %v", err)
	}
	if strings.Join(log.lines, "\n") != "info: made a certificate" {
		t.Errorf("log = %q", log.lines)
	}
}

func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	text, err := selfSigned(names(), time.Now().Add(-validity+renewBefore/2))
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, OwnName)
	if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := InDirectory(dir, names, new(testLog))
	if err != nil {
		t.Fatal(err)
	}
	if c, _ := s.Get(nil); time.Until(c.Leaf.NotAfter) < 700*24*time.Hour {
		t.Errorf("ends %v", c.Leaf.NotAfter)
	}
	now, _ := os.ReadFile(own)
	if string(now) == text {
		t.Error("the file is still the old one")
	}
}

// TestDroppedIn: the administrator's files are taken without a restart, a pair that does not fit is not, and what was there
// before comes back.
func TestDroppedIn(t *testing.T) {
	dir, log := t.TempDir(), new(testLog)
	s, err := InDirectory(dir, names, log)
	if err != nil {
		t.Fatal(err)
	}
	own := serial(t, s)
	text, err := selfSigned([]string{"theirs"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, CertName), filepath.Join(dir, KeyName)
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, text)
	if serial(t, s) != own {
		t.Error("half a pair is used")
	}
	write(key, text)
	theirs := serial(t, s)
	if theirs == own {
		t.Error("the pair is not used")
	}
	write(key, "nonsense, and longer than before"+text[:100])
	for range 2 {
		if serial(t, s) != theirs {
			t.Error("a pair that does not fit replaces one that does")
		}
	}
	warned := strings.Count(strings.Join(log.lines, "\n"), "stays")
	if warned != 2 {
		t.Errorf("warned %d times, want once for each state of the files: %q", warned, log.lines)
	}
	if _, err := InDirectory(dir, names, log); err == nil {
		t.Error("a start with a pair that does not fit succeeds")
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if serial(t, s) != own {
		t.Error("without files it is not its own again")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pair.pem")
	if _, err := Files(path, path, new(testLog)); err == nil {
		t.Error("a file that is not there is taken")
	}
	text, err := selfSigned([]string{"theirs"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Files(path, path, new(testLog))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair([]byte(text), []byte(text)); err != nil || serial(t, s) == "" {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, OwnName)); err == nil {
		t.Error("a certificate was made beside the administrator's")
	}
}

func TestNames(t *testing.T) {
	for _, name := range Names() {
		if name == "" {
			t.Error("an empty name")
		}
	}
}
