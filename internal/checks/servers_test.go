package checks

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/porttest"
)

// patience is for attempts that are not meant to time out, however slow the machine is.
const patience = 20 * time.Second

// authority is the one that the system trusts while these tests run, by the file that SSL_CERT_FILE names.
var authority, stranger *issuer

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	authority, stranger = newIssuer("Authority"), newIssuer("Stranger")
	dir, err := os.MkdirTemp("", "checks")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.cert.Raw}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", dir)
	return m.Run()
}

type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(name string) *issuer {
	i := &issuer{key: newKey()}
	i.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	i.cert = parse(i.sign(i.cert, i.key))
	return i
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func (i *issuer) sign(c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, c, i.cert, &key.PublicKey, i.key)
	if err != nil {
		panic(err)
	}
	return der
}

func parse(der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return c
}

// issue makes a certificate for a.example that began and ends so many days from now.
func (i *issuer) issue(begin, end float64, names ...string) tls.Certificate {
	day := 24 * float64(time.Hour)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, DNSNames: names,
		NotBefore: time.Now().Add(time.Duration(begin * day)), NotAfter: time.Now().Add(time.Duration(end * day)),
	}
	key := newKey()
	return tls.Certificate{Certificate: [][]byte{i.sign(c, key)}, PrivateKey: key}
}

// selfSigned makes a certificate that vouches for itself.
func selfSigned(name string) tls.Certificate {
	i := &issuer{key: newKey()}
	i.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	return tls.Certificate{Certificate: [][]byte{i.sign(i.cert, i.key)}, PrivateKey: i.key}
}

// byExpired makes a good certificate of an authority whose own, of the good one, has expired.
func byExpired(names ...string) tls.Certificate {
	i := &issuer{key: newKey()}
	i.cert = parse(authority.sign(&x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "Old"}, NotBefore: time.Now().AddDate(-1, 0, 0),
		NotAfter: time.Now().Add(-84 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, i.key))
	c := i.issue(-1, 1, names...)
	c.Certificate = append(c.Certificate, i.cert.Raw)
	return c
}

// handler serves one connection, which is closed behind it.
type handler func(c net.Conn)

// listen runs a server that handles every connection with handle, until the test ends.
func listen(t testing.TB, handle handler) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// listenUDP answers every datagram with what reply makes of it, if anything.
func listenUDP(t testing.TB, reply func(got []byte) [][]byte) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, r := range reply(buf[:n]) {
				_, _ = c.WriteToUDPAddrPort(r, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// nobodyUDP returns an address that takes no datagrams: the port is taken by a socket that has another peer.
func nobodyUDP(t testing.TB) netip.AddrPort {
	t.Helper()
	c, err := net.Dial("udp", porttest.Closed(t).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// over serves what handle does over TLS.
func over(cert tls.Certificate, handle handler) handler {
	return overConfig(&tls.Config{Certificates: []tls.Certificate{cert}}, handle)
}

func overConfig(config *tls.Config, handle handler) handler {
	return func(c net.Conn) {
		s := tls.Server(c, config)
		if s.Handshake() != nil {
			silent(c) // until the client has heard of it
			return
		}
		handle(s)
		_ = s.CloseWrite()
	}
}

// readRequest reads until the empty line of a request.
func readRequest(c net.Conn) []byte {
	var got []byte
	for b := make([]byte, 4096); !bytes.Contains(got, []byte("\r\n\r\n")); {
		n, err := c.Read(b)
		if err != nil {
			return nil
		}
		got = append(got, b[:n]...)
	}
	return got
}

// answers answers a request with text.
func answers(text string) handler {
	return func(c net.Conn) {
		if readRequest(c) != nil {
			_, _ = io.WriteString(c, text)
		}
	}
}

// page is a response of so many bytes.
func page(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// says speaks before it is spoken to, and then takes what comes.
func says(text string) handler {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// hears waits to be spoken to, and hangs up.
func hears(c net.Conn) { _, _ = c.Read(make([]byte, 64<<10)) }

func resets(c net.Conn) {
	hears(c)
	_ = c.(*net.TCPConn).SetLinger(0)
}

// halfCloses ends its side when it is spoken to, and listens on.
func halfCloses(c net.Conn) {
	hears(c)
	_ = c.(*net.TCPConn).CloseWrite()
	silent(c)
}

// drips says a text at a byte a second.
func drips(text string) handler {
	return func(c net.Conn) {
		go silent(c)
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
}

// floods says beginning, and then what until there are n bytes of it or nobody wants more. It tells how many that were.
func floods(beginning, what string, n int, told chan<- int) handler {
	return func(c net.Conn) {
		go silent(c)
		if _, err := io.WriteString(c, beginning); err != nil {
			return
		}
		chunk, sent := bytes.Repeat([]byte(what), 64<<10/len(what)), 0
		for sent < n {
			m, err := c.Write(chunk)
			sent += m
			if err != nil {
				break
			}
		}
		told <- sent
	}
}

// piped makes the check speak to a handler through a pipe instead of the network: for synctest, in whose bubbles sockets do not
// count as idle.
func piped(c *Check, handle handler) {
	c.dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			handle(server)
		}()
		return client, nil
	}
}
