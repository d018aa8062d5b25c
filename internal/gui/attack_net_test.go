package gui

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var anyCertificate = &tls.Config{InsecureSkipVerify: true}

// opens is an error if a new client is not shown the sign-in page at once.
func opens(address, from string) error {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 30 * time.Second}
	client := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: anyCertificate, DisableKeepAlives: true},
	}
	resp, err := client.Get("https://" + address + "/login")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// handshake opens a connection by TLS.
func handshake(t *testing.T, address string, protocols ...string) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// drip writes first and then a piece again and again, slowly, until that fails.
func drip(conn net.Conn, first, piece string) error {
	_, err := io.WriteString(conn, first)
	for err == nil {
		time.Sleep(20 * time.Millisecond) // it is what the attack is
		_, err = io.WriteString(conn, piece)
	}
	return err
}

// TestSlow: who sends or reads slowly, or not at all, is cut off, and is in nobody's way meanwhile.
func TestSlow(t *testing.T) {
	s := newSite(t)
	s.server.patience = patience{header: 3 * time.Second, read: 4 * time.Second, write: 4 * time.Second, idle: 3 * time.Second}
	address := serve(t, s, tlsConfig(t, s))
	const post = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n"
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	secure := func(protocols ...string) func() net.Conn {
		return func() net.Conn { return handshake(t, address, protocols...) }
	}
	plain := func() net.Conn {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for name, test := range map[string]struct {
		dial         func() net.Conn
		first, piece string // without a piece it is silent after the first
	}{
		"nothing":               {dial: plain},
		"a byte of a handshake": {dial: plain, first: "\x16"},
		"a slow handshake":      {dial: plain, first: "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", piece: "x"},
		"plain, half a line":    {dial: plain, first: "GET / HT"},
		"plain, slow headers":   {dial: plain, first: "GET / HTTP/1.1\r\n", piece: "X-A: b\r\n"},
		"no request":            {dial: secure()},
		"half a line":           {dial: secure(), first: "GET /log"},
		"slow headers":          {dial: secure(), first: "GET /login HTTP/1.1\r\nHost: x\r\n", piece: "X-A: b\r\n"},
		"a slow form":           {dial: secure(), first: post, piece: "a=b&"},
		"a slow chunked form":   {dial: secure(), first: strings.Replace(post, "Content-Length: 100000", "Transfer-Encoding: chunked", 1), piece: "1\r\na\r\n"},
		"idle afterwards":       {dial: secure(), first: "GET /static/piranha.svg HTTP/1.1\r\nHost: x\r\n\r\n"},
		"h2, nothing":           {dial: secure("h2"), first: preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		"h2, half a frame":      {dial: secure("h2"), first: preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x40"},
		"h2, half the headers":  {dial: secure("h2"), first: preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := test.dial()
			defer conn.Close()
			ended := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, conn)
				ended <- err
			}()
			if test.piece != "" {
				go func() { _ = drip(conn, test.first, test.piece) }()
			} else if _, err := io.WriteString(conn, test.first); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Error("it is still there")
			}
		})
	}
	t.Run("reads nothing", func(t *testing.T) {
		t.Parallel()
		conn := handshake(t, address)
		defer conn.Close()
		// Answers fill what the kernels hold, then the server waits to write, and then this does.
		_ = conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
		err := drip(conn, "", strings.Repeat("GET /static/piranha.css HTTP/1.1\r\nHost: x\r\n\r\n", 1000))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("it is still there")
		}
	})
	t.Run("h2, a slow form", func(t *testing.T) {
		t.Parallel()
		client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: anyCertificate.Clone(), ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		body, never := io.Pipe()
		defer never.Close()
		resp, err := client.Post("https://"+address+"/login", "application/x-www-form-urlencoded", body)
		if err == nil { // the server has given up reading; otherwise it has given up the stream
			resp.Body.Close()
		}
		if late := (net.Error)(nil); errors.As(err, &late) && late.Timeout() || err == nil && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%v, %v", resp, err)
		}
	})
	t.Run("others", func(t *testing.T) {
		t.Parallel()
		if err := opens(address, "127.0.0.9"); err != nil {
			t.Error(err)
		}
	})
}

// TestManyIdle: 10,000 connections that do nothing keep nobody out and take little memory, whether they come from one address or from many.
func TestManyIdle(t *testing.T) {
	const many = 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < many+2*maxConnections {
		t.Skipf("not so many descriptors: %+v, %v", limit, err) // the Go runtime has asked for as many as there may be
	}
	for _, addresses := range []int{1, 200} {
		t.Run(fmt.Sprintf("from %d addresses", addresses), func(t *testing.T) {
			s := newSite(t)
			address := serve(t, s, tlsConfig(t, s))
			if err := opens(address, "127.0.0.9"); err != nil {
				t.Fatal(err)
			}
			before, goroutines := memory(), runtime.NumGoroutine()
			conns := make([]net.Conn, many)
			defer func() {
				for _, conn := range conns {
					if conn != nil {
						conn.Close()
					}
				}
			}()
			var wg sync.WaitGroup
			const dialers = 20
			for d := range dialers {
				wg.Go(func() {
					for i := d; i < many; i += dialers {
						from := net.IPv4(127, 0, 1, byte(1+i%addresses))
						conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).Dial("tcp", address)
						if err != nil {
							t.Errorf("connection %d: %v", i, err)
							return
						}
						conns[i] = conn
					}
				})
			}
			wg.Wait()
			if more := runtime.NumGoroutine() - goroutines; more > 3*maxConnections {
				t.Errorf("%d goroutines more", more)
			}
			if more := memory() - before; more > 20<<20 {
				t.Errorf("%d bytes more", more)
			}
			if err := opens(address, "127.0.0.9"); err != nil {
				t.Errorf("the administrator does not get in: %v", err)
			}
		})
	}
}

// memory is what the process holds, in bytes.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestPathTricks: however a path is written, a panel is shown to those who have signed in alone, and no file that is not meant for all.
func TestPathTricks(t *testing.T) {
	s := newSite(t)
	s.write("lvs.cf", twoServers)
	s.write("static/secret", "192.0.2.1")
	address := serve(t, s, tlsConfig(t, s))
	for _, target := range []string{
		"//control", "/./control", "/login/../control", "/static/../control", "/static/..%2fcontrol", "/static/%2e%2e/control", "/%63ontrol", "/control/", "/control//",
		"/control%00", "/control%20", "/control;x", "/control/.", "/CONTROL", "/login%2f..%2fcontrol", "/static/piranha.css/../../control", "\\control", "/\\control",
		"/login#/control", "/login?/control", "/control?/login", "/control%3f/static/x", "https://evil.example/control", "http://x/control", "*", "control", "",
		"/static/../../../../etc/passwd", "/static/..%2f..%2f..%2fetc%2fpasswd", "/static/%2fetc%2fpasswd", "/static/....//secret", "/static/secret", "/lvs.cf", "/conf/piranha.passwd",
		"/secure/../control", "/piranha/secure/../../control", "/secure/control.php/../../control", "/changes/download/../download", "//evil.example/control", "/virtual/../changes/download",
		"/.htaccess", "/web/secure/.htaccess", "/changes/download?which=../../lvs.cf", "/act/..%2fcontrol",
	} {
		conn := handshake(t, address)
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, address)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		conn.Close()
		for _, secret := range []string{"192.0.2.", "root:", "piranha:", "Update interval", "serial_no"} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%q: %s shows %q", target, resp.Status, secret)
			}
		}
		if to := resp.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") {
			t.Errorf("%q leads to %q", target, to)
		}
		if resp.StatusCode >= 500 {
			t.Errorf("%q: %s", target, resp.Status)
		}
	}
}
