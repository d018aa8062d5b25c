package gui

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
	"github.com/piranha-lvs/piranha/internal/gui/partner"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// otherTime bounds all that a request has done on the other router: the answer must be out before writeTime is over.
const otherTime = 24 * time.Second

// Errors about the other router. They are for people.
var (
	errAlone      = errors.New("there is no other router in lvs.cf")
	errWhich      = errors.New("it is not known which of the two routers this one is: pulse does not run, and this machine has neither address")
	errNotTrusted = errors.New("nobody has accepted the other router's host key yet")
	errOtherBusy  = errors.New("somebody else is talking to the other router at this moment")
	errNoFile     = errors.New("there is no lvs.cf to copy")
	errCopyFailed = errors.New("the other router's lvs.cf is not what was copied")
)

// others is what is needed to reach the other router.
type others struct {
	link *partner.Link
	path string     // of lvs.cf there: the same as here
	mu   sync.Mutex // one at a time
}

// find says where its files are.
func (o *others) find(opt Options) error {
	dir, err := filepath.Abs(opt.StateDir)
	if err != nil {
		return err
	}
	o.link = partner.New(filepath.Join(dir, "ssh"))
	o.path, err = filepath.Abs(opt.ConfigFile)
	return err
}

// otherPages are about the other router.
func (s *Server) otherPages(r chi.Router) {
	r.Get("/partner", s.otherPage)
	r.Post("/partner/key", s.otherAct(func(s *Server, r *http.Request, _ *otherView) error {
		if err := s.other.link.MakeKey(r.Context(), s.opt.Host); err != nil {
			return err
		}
		s.audit(r, "made a key for the other router")
		return nil
	}))
	r.Post("/partner/hostkey", s.otherAct((*Server).askHostKey))
	r.Post("/partner/accept", s.otherAct((*Server).acceptHostKey))
	r.Post("/partner/compare", s.otherAct(func(s *Server, r *http.Request, v *otherView) error {
		c, err := s.compareOther(r.Context())
		v.show(c, err)
		return err
	}))
	r.Post("/partner/copy", s.otherAct(func(s *Server, r *http.Request, v *otherView) error {
		c, err := s.copyToOther(r, r.PostForm.Get("here"), r.PostForm.Get("there"))
		v.show(c, nil)
		v.Copied = err == nil
		return err
	}))
}

// otherView is the page about the other router.
type otherView struct {
	page
	Nodes   []monitor.Node // this one and the other
	Other   string         // the other's name, as ssh is told; "": it cannot be reached
	User    string
	Problem string
	Unfit   string // why there is nothing to reach
	Key     string
	Known   partner.HostKey
	Offered partner.HostKey // to be accepted
	Compare *comparison
	Diff    diffView
	Copied  bool
	File    string // lvs.cf
}

// show has the page show how the two differ.
func (v *otherView) show(c comparison, err error) {
	if err == nil && c.Here != "" {
		v.Compare, v.Diff = &c, diffOf(c.there.Text, c.here)
	}
}

func (s *Server) otherView(r *http.Request) *otherView {
	v := &otherView{page: s.page(r, "The other router", "redundancy"), File: s.opt.ConfigFile}
	v.Nodes = s.look(r.Context()).Cluster.Nodes
	remote, err := s.remote(r.Context())
	if err != nil {
		v.Unfit = sentence(err.Error())
		return v
	}
	v.Other, v.User, v.Known = remote.Host, remote.User, s.other.link.Known(remote)
	if v.Key, err = s.other.link.Key(); err != nil && !errors.Is(err, partner.ErrNoKey) {
		v.Problem = sentence(err.Error())
	}
	return v
}

func (s *Server) otherPage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "partner", s.otherView(r))
}

// otherAct does something about the other router and shows the page.
func (s *Server) otherAct(do func(*Server, *http.Request, *otherView) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.parse(w, r) {
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), otherTime)
		defer cancel()
		r = r.WithContext(ctx)
		var done otherView
		err := do(s, r, &done)
		v := s.otherView(r)
		v.Offered, v.Compare, v.Diff, v.Copied = done.Offered, done.Compare, done.Diff, done.Copied
		status := http.StatusOK
		if err != nil {
			status, v.Problem = otherProblem(err)
		}
		s.render(w, r, status, "partner", v)
	}
}

// otherProblem says why something was not done.
func otherProblem(err error) (status int, text string) {
	var refused *refusedDraft
	switch {
	case errors.As(err, &refused):
		return http.StatusUnprocessableEntity, "The daemons would refuse this lvs.cf: " + plural(len(refused.found), "error") + "."
	case errors.Is(err, changes.ErrChanged):
		return http.StatusConflict, "One of the two files was changed meanwhile. Nothing was copied: compare them again."
	case errors.Is(err, changes.ErrTrial):
		return http.StatusConflict, "Changes are on trial: keep them or roll them back first."
	case errors.Is(err, errOtherBusy), errors.Is(err, errNoFile), errors.Is(err, errAlone), errors.Is(err, errWhich), errors.Is(err, errNotTrusted),
		errors.Is(err, partner.ErrNoKey), errors.Is(err, partner.ErrNotSSH), errors.Is(err, partner.ErrHost):
		return http.StatusConflict, sentence(err.Error())
	}
	return http.StatusBadGateway, sentence(err.Error())
}

// remote is the other router: on its private address, if it has one.
func (s *Server) remote(ctx context.Context) (partner.Remote, error) {
	cfg, err := s.config.current()
	switch {
	case err != nil:
		return partner.Remote{}, err
	case !cfg.BackupActive || cfg.Backup.Name == "" || cfg.Backup.Name == "0.0.0.0":
		return partner.Remote{}, errAlone
	}
	other, ok := cfg.Backup, true
	switch p, _ := s.daemons.Ask(ctx); {
	case p.Fresh() && p.Status.Role == "backup":
		other = cfg.Primary
	case !p.Fresh():
		other, ok = withoutPulse(cfg)
	}
	if !ok {
		return partner.Remote{}, errWhich
	}
	host := other.PrivateName
	if host == "" {
		host = other.Name
	}
	return partner.Parse(host, cfg.RshCommand)
}

// withoutPulse finds the other router by the addresses that this machine has.
func withoutPulse(cfg *lvscf.Config) (lvscf.Director, bool) {
	mine, _ := net.InterfaceAddrs() // none is no fault
	has := func(d lvscf.Director) bool {
		return slices.ContainsFunc(mine, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && (p.Addr() == d.Addr || p.Addr() == d.Private)
		})
	}
	switch primary, backup := has(cfg.Primary), has(cfg.Backup); {
	case primary && !backup:
		return cfg.Backup, true
	case backup && !primary:
		return cfg.Primary, true
	}
	return lvscf.Director{}, false
}

// askHostKey has the other router show its host key, for somebody to compare.
func (s *Server) askHostKey(r *http.Request, v *otherView) error {
	remote, err := s.remote(r.Context())
	if err != nil {
		return err
	}
	v.Offered, err = s.other.link.Offered(r.Context(), remote)
	return err
}

// acceptHostKey takes the host key that somebody has compared.
func (s *Server) acceptHostKey(r *http.Request, _ *otherView) error {
	remote, err := s.remote(r.Context())
	if err != nil {
		return err
	}
	key := partner.HostKey(r.PostForm.Get("key"))
	if err := s.other.link.Accept(remote, key); err != nil {
		return err
	}
	s.audit(r, "accepted the other router's host key", "host", remote.Host, "fingerprint", key.Fingerprint())
	return nil
}

// comparison is lvs.cf here and there.
type comparison struct {
	Here, There             string // names of the texts
	SerialHere, SerialThere int64
	Missing                 bool   // there is none there
	Unread                  string // why the other router was not told to read what was copied; "": it was, or nothing was copied

	here  []byte
	there partner.File
}

// Same tells whether there is nothing to copy.
func (c *comparison) Same() bool { return c.Here == c.There }

// compareOther fetches the other router's lvs.cf.
func (s *Server) compareOther(ctx context.Context) (c comparison, err error) {
	if !s.other.mu.TryLock() {
		return c, errOtherBusy
	}
	defer s.other.mu.Unlock()
	remote, err := s.reachable(ctx)
	if err != nil {
		return c, err
	}
	return s.fetchOther(ctx, remote)
}

// reachable is the other router, if all is there that is needed to reach it.
func (s *Server) reachable(ctx context.Context) (partner.Remote, error) {
	remote, err := s.remote(ctx)
	if err != nil {
		return remote, err
	}
	if _, err := s.other.link.Key(); err != nil {
		return remote, err
	}
	if s.other.link.Known(remote) == "" {
		return remote, errNotTrusted
	}
	return remote, nil
}

func (s *Server) fetchOther(ctx context.Context, remote partner.Remote) (c comparison, err error) {
	file, err := lvscf.OpenFile(s.opt.ConfigFile)
	if err != nil {
		return c, err
	}
	if c.here = file.Bytes(); len(c.here) == 0 {
		return c, errNoFile
	}
	if c.there, err = s.other.link.Fetch(ctx, remote, s.other.path); err != nil {
		return c, err
	}
	c.Here, c.There, c.Missing = changes.Sum(c.here), changes.Sum(c.there.Text), !c.there.Exists
	c.SerialHere, c.SerialThere = changes.Serial(c.here), changes.Serial(c.there.Text)
	return c, nil
}

// copyToOther puts lvs.cf in the place of the other router's, if both are what somebody has seen, and has that read it.
func (s *Server) copyToOther(r *http.Request, here, there string) (c comparison, err error) {
	if !s.other.mu.TryLock() {
		return c, errOtherBusy
	}
	defer s.other.mu.Unlock()
	ctx := r.Context()
	remote, err := s.reachable(ctx)
	if err != nil {
		return c, err
	}
	if state, _ := s.changes.Look(); state.Trial() != nil {
		return c, changes.ErrTrial
	}
	if c, err = s.fetchOther(ctx, remote); err != nil {
		return c, err
	}
	if c.Here != here || c.There != there {
		return c, changes.ErrChanged
	}
	if found := s.check(r, c.here); len(found) > 0 {
		return c, &refusedDraft{found}
	}
	if err := s.push(ctx, remote, c); err != nil {
		s.audit(r, "copying lvs.cf to the other router failed", "host", remote.Host, "err", err.Error())
		return c, err
	}
	s.audit(r, "copied lvs.cf to the other router", "host", remote.Host, "serial_no", itoa(c.SerialHere), "was", itoa(c.SerialThere))
	if c, err = s.fetchOther(ctx, remote); err == nil && !c.Same() {
		err = errCopyFailed
	}
	if err != nil {
		return c, err
	}
	if err := s.other.link.Read(ctx, remote); err != nil {
		c.Unread = err.Error()
		s.log.Warn("the other router was not told to read lvs.cf", "host", remote.Host, "err", c.Unread)
	}
	return c, nil
}

// push copies with the mode that the file has there, or else here.
func (s *Server) push(ctx context.Context, remote partner.Remote, c comparison) error {
	mode := c.there.Mode
	if c.Missing {
		info, err := os.Stat(s.opt.ConfigFile)
		if err != nil {
			return err
		}
		mode = info.Mode()
	}
	return s.other.link.Push(ctx, remote, s.other.path, c.here, mode)
}
