package gui

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"

	"github.com/piranha-lvs/piranha/internal/htaccess"
	"github.com/piranha-lvs/piranha/internal/replace"
)

// maxAccess is the largest .htaccess that is read, in bytes.
const maxAccess = 64 << 10

// access knows who may reach the panels by their address. The files are read for each request, as ever.
type access struct {
	panels, all string // .htaccess of the panels, and of everything
	log         Log

	mu   sync.Mutex
	said string // what was logged last
}

// newAccess takes the files where the original had them, beside lvs.cf.
func newAccess(configFile string, log Log) *access {
	dir := filepath.Join(filepath.Dir(configFile), "web")
	return &access{panels: filepath.Join(dir, "secure", ".htaccess"), all: filepath.Join(dir, ".htaccess"), log: log}
}

// allow tells whether a client may come in. The file of the panels counts; without one, that of the directory above.
func (a *access) allow(client netip.Addr) bool {
	for _, path := range []string{a.panels, a.all} {
		text, err := readSmall(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			a.say("everybody is kept out", err.Error())
			return false
		}
		rules, found := htaccess.Parse(text)
		var problems []string
		for _, f := range found {
			problems = append(problems, f.Error())
		}
		a.say(path, strings.Join(problems, "; "))
		return rules.Allow(client)
	}
	return true
}

// say logs what is wrong, once.
func (a *access) say(msg, problem string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if problem != "" && a.said != msg+problem {
		a.log.Warn(msg, "err", problem)
	}
	a.said = msg + problem
}

func readSmall(path string) (string, error) {
	f, err := replace.OpenRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAccess+1))
	if err == nil && len(text) > maxAccess {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("too large")}
	}
	return string(text), err
}

// clientAddr is where a request comes from. Headers of proxies are not looked at: anyone can send them.
func clientAddr(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	a, _ := netip.ParseAddr(host) // the zero address is in no network
	return a
}
