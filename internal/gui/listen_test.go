package gui

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/certificate"
)

// serve runs a whole server and returns its address. It must end when the test does.
func serve(t *testing.T, s *site, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.server.Serve(ctx, l, config) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve = %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Serve does not end")
		}
	})
	return l.Addr().String()
}

func tlsConfig(t *testing.T, s *site) *tls.Config {
	t.Helper()
	source, err := certificate.InDirectory(s.path("tls"), func() []string { return []string{"127.0.0.1"} }, s.log)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{GetCertificate: source.Get, MinVersion: tls.VersionTLS12}
}

func TestServe(t *testing.T) {
	s := newSite(t)
	address := serve(t, s, tlsConfig(t, s))
	client := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + address + "/login")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("by TLS: %s %s", resp.Proto, resp.Status)
	}
	resp, err = client.Get("http://" + address + "/secure/control.php?a=b")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || got != "https://"+address+"/secure/control.php?a=b" {
		t.Errorf("plain HTTP: %s to %q", resp.Status, got)
	}
	// Neither is anything that is not HTTP at all in the way of others.
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "\x00\x01\x02\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
		t.Errorf("nonsense: %q", answer)
	}
}

func TestServePlain(t *testing.T) {
	s := newSite(t)
	resp, err := http.Get("http://" + serve(t, s, nil) + "/login")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

// limitedTo has a listener with limits accept connections, and returns what opens one from an address.
func limitedTo(t *testing.T, most, each int) (accepted <-chan net.Conn, open func(from string) net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limitConnections(inner, most, each)
	t.Cleanup(func() { l.Close() })
	conns := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns <- conn
		}
	}()
	return conns, func(from string) net.Conn {
		t.Helper()
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

func TestLimitConnections(t *testing.T) {
	accepted, open := limitedTo(t, 10, 2)
	dial := func() net.Conn { return open("127.0.0.1") }
	dial()
	dial()
	first := <-accepted
	<-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a third connection of one address stays")
	}
	first.Close()
	first.Close() // counts once
	dial()
	<-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a connection too many stays")
	}
}

// TestFullForFew: when all places are taken, a newcomer gets one of those who hold most, the oldest; not when all hold as few as it.
func TestFullForFew(t *testing.T) {
	accepted, open := limitedTo(t, 5, 4)
	wantClosed := func(conn net.Conn) {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v, want a connection that was closed", err)
		}
	}
	var held []net.Conn
	for _, from := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.4"} {
		held = append(held, open(from))
		<-accepted
	}
	for i, newcomer := range []string{"127.0.0.5", "127.0.0.6"} { // of the three of 127.0.0.3 one stays
		local := open(newcomer).LocalAddr().String()
		if got := (<-accepted).RemoteAddr().String(); got != local {
			t.Errorf("%s was accepted, want %s", got, local)
		}
		wantClosed(held[1+i])
	}
	wantClosed(open("127.0.0.7"))
	for _, i := range []int{0, 3, 4} {
		_ = held[i].SetReadDeadline(time.Now())
		if _, err := held[i].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d: %v, want it to stay", i, err)
		}
	}
}

func TestOriginalListen(t *testing.T) {
	tests := []struct {
		text, want string
		bad        bool
	}{
		{"# Listen 80\nServerRoot /x\nListen 3636\n", ":3636", false},
		{"listen 192.0.2.1:8443\nListen 1", "192.0.2.1:8443", false},
		{"Listen [2001:db8::1]:3636", "[2001:db8::1]:3636", false},
		{"Listen 3636 https\n", ":3636", false},
		{"ServerName x\n", "", false},
		{"Listen x\n", "", true},
		{"Listen 0\n", "", true},
		{"Listen 1:2:3\n", "", true},
	}
	for _, tt := range tests {
		s := &site{t: t, dir: t.TempDir()}
		s.write("httpd.conf", tt.text)
		got, err := OriginalListen(s.path("httpd.conf"))
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%q: %q, %v", tt.text, got, err)
		}
	}
	if got, err := OriginalListen(filepath.Join(t.TempDir(), "none")); got != "" || err != nil {
		t.Errorf("no file: %q, %v", got, err)
	}
}
