package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// patience is for what takes no time to speak of.
const patience = 20 * time.Second

// gui is a running piranha-gui, and who has signed in to it.
type gui struct {
	cmd    *exec.Cmd
	ended  chan error
	url    string
	client *http.Client
	read   atomic.Int64 // bytes that all clients have received
}

func startGUI(bin, dir string) (*gui, error) {
	password := rand.Text()
	file := filepath.Join(dir, "passwd")
	set := exec.Command(filepath.Join(bin, "piranha-passwd"), "--stdin", "--passwd-file="+file)
	set.Stdin = strings.NewReader(password + "\n")
	if out, err := set.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("piranha-passwd: %w: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "piranha-gui"), "--listen=127.0.0.1:0", "--configfile="+filepath.Join(dir, "lvs.cf"), "--passwd-file="+file,
		"--run-dir="+filepath.Join(dir, "run"), "--state-dir="+filepath.Join(dir, "state"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &gui{cmd: cmd, ended: make(chan error, 1)}
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, u, ok := strings.Cut(lines.Text(), "answering url="); ok {
				address <- strings.TrimSuffix(u, "/")
			}
		}
		g.ended <- cmd.Wait()
	}()
	select {
	case g.url = <-address:
	case <-time.After(patience):
		return nil, errors.Join(errors.New("piranha-gui does not start"), g.stop())
	}
	if err := g.signIn(password); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

// browser is a client with connections of its own.
func (g *gui) browser(jar http.CookieJar) *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return counted{conn, &g.read}, err
	}
	return &http.Client{
		Jar:           jar,
		Transport:     &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// counted counts what is received.
type counted struct {
	net.Conn
	read *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func (g *gui) signIn(password string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	g.client = g.browser(jar)
	form := url.Values{"username": {"piranha"}, "password": {password}}
	r, err := http.NewRequest(http.MethodPost, g.url+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", g.url)
	resp, err := g.client.Do(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("sign-in: %s", resp.Status)
	}
	return nil
}

// resident is how much memory it has, in kB of 1024 bytes.
func (g *gui) resident() (int, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(g.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, errors.New("the kernel does not say how much memory piranha-gui has")
}

func (g *gui) stop() error {
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // ended already: as Wait says
	select {
	case err := <-g.ended:
		return err
	case <-time.After(patience):
		_ = g.cmd.Process.Kill()
		return errors.New("piranha-gui does not end")
	}
}
