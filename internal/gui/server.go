package gui

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
	"github.com/piranha-lvs/piranha/internal/gui/session"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Options say where things are.
type Options struct {
	ConfigFile   string // lvs.cf; web/ and conf/ are beside it
	PasswdFile   string
	RunDir       string   // of the daemons' sockets
	StateDir     string   // of drafts and versions of lvs.cf
	Probe        []string // a command that checks a real server, whose names follow; nil: none
	StartPulse   []string // commands that start and stop pulse; nil: none
	StopPulse    []string
	Viewers      []string       // accounts that may look and not change
	MetricsAllow []netip.Prefix // who may have the figures without a token
	Secure       bool           // the panels are reached by TLS
	Host         string         // name of this router, for people
	Version      string
}

// Log is where events go, and who did what.
type Log interface {
	Info(msg string, kv ...string)
	Warn(msg string, kv ...string)
	Error(msg string, kv ...string)
}

// How long sessions last. The first is long enough for a page that somebody keeps open and looks at now and then.
const (
	sessionIdle     = time.Hour
	sessionAbsolute = 12 * time.Hour
)

// Server answers the requests of browsers.
type Server struct {
	opt      Options
	log      Log
	accounts *accounts
	access   *access
	config   *configFile
	changes  *changes.Store
	daemons  *monitor.Source
	live     *liveSource
	sessions *session.Store
	programs programs
	other    others
	signIns  *signIns
	views    views
	static   map[string]staticFile
	presses  presses
	patience patience
	handler  http.Handler
}

// New makes a server. What an earlier one left unfinished of a change of lvs.cf is finished.
func New(opt Options, log Log) (*Server, error) {
	if opt.Host == "" {
		opt.Host = hostName()
	}
	s := &Server{
		opt:      opt,
		log:      log,
		accounts: newAccounts(opt.PasswdFile, opt.Viewers, log),
		access:   newAccess(opt.ConfigFile, log),
		config:   &configFile{path: opt.ConfigFile},
		daemons:  monitor.NewSource(opt.RunDir),
		live:     newLiveSource(),
		sessions: session.New(session.Options{Idle: sessionIdle, Absolute: sessionAbsolute, Secure: opt.Secure}),
		signIns:  newSignIns(),
		presses:  newPresses(),
		patience: usualPatience(),
	}
	err := s.other.find(opt)
	if err != nil {
		return nil, err
	}
	if s.static, err = loadStatic(); err != nil {
		return nil, err
	}
	if s.views, err = loadViews(s.static); err != nil {
		return nil, err
	}
	s.changes, err = changes.Open(opt.StateDir, opt.ConfigFile, func(text string) { log.Warn(text) })
	if err != nil {
		return nil, err
	}
	s.programs = newPrograms(opt.StateDir, log)
	s.handler = s.sameOrigin(s.router())
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		return "this router"
	}
	return host
}

// Limits of a connection.
const (
	headerBytes = 32 << 10
	writeTime   = 30 * time.Second
	stopTime    = 5 * time.Second
)

// patience is how long a connection may take for each of these.
type patience struct {
	header time.Duration // also for its first byte, and for the TLS handshake
	read   time.Duration // of a whole request
	write  time.Duration // of an answer
	idle   time.Duration // between two requests
}

func usualPatience() patience {
	return patience{header: 10 * time.Second, read: 30 * time.Second, write: writeTime, idle: 2 * time.Minute}
}

// Close gives the state directory back.
func (s *Server) Close() error { return s.changes.Close() }

// Serve answers on a listener until ctx is done, and rolls back what is on trial when its time comes. With a TLS configuration, a browser that speaks plain HTTP is led to
// https: bookmarks of the original say http.
func (s *Server) Serve(ctx context.Context, listener net.Listener, config *tls.Config) error {
	go s.watchTrial(ctx)
	server := s.httpServer(s)
	server.BaseContext = func(net.Listener) context.Context { return ctx } // streams end with it
	listener = limitConnections(listener, maxConnections, maxPerAddress)
	if config != nil {
		listener = s.splitPlain(ctx, listener, config)
	}
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		late, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if server.Shutdown(late) != nil {
			server.Close()
		}
	})()
	err := server.Serve(listener)
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: s.patience.header, ReadTimeout: s.patience.read, WriteTimeout: s.patience.write,
		IdleTimeout: s.patience.idle, MaxHeaderBytes: headerBytes, ErrorLog: quietLog(),
	}
}

// router lists every page and who may see it.
func (s *Server) router() chi.Router {
	r := chi.NewRouter()
	r.Use(s.recover, s.headers, limitBody, getHead)
	r.NotFound(s.notFound)
	r.MethodNotAllowed(s.methodNotAllowed)
	r.Get("/static/{name}", s.staticFile)
	s.api(r)
	r.Group(func(r chi.Router) {
		r.Use(s.checkAddress, s.checkSetup)
		r.Get("/login", s.loginForm)
		r.Post("/login", s.login)
		r.Post("/logout", s.logout)
		s.oldURLs(r)
		r.Group(func(r chi.Router) {
			r.Use(s.requireSignIn)
			s.panels(r)
		})
	})
	return r
}

// panels are the pages of those who have signed in.
func (s *Server) panels(r chi.Router) {
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/control", http.StatusSeeOther) })
	r.Get("/control", s.control)
	r.Get("/control/live", s.stream)
	r.Get("/server", s.server)
	r.Get("/act/{what}", s.askToAct)
	r.Post("/act/{what}", s.doAct)
	s.oldBlocks(r)
	r.Get("/global", s.global)
	r.Post("/global", s.saveGlobal)
	r.Get("/redundancy", s.redundancy)
	r.Post("/redundancy", s.saveRedundancy)
	r.Get("/virtual", s.virtual)
	r.Post("/virtual", s.actVirtual)
	for page, targetOf := range s.virtualPages() {
		r.Get(page, s.onBlock(s.readFile, func(w http.ResponseWriter, r *http.Request, d *lvscf.Document, at lvscf.Path) {
			s.showForm(w, r, d, targetOf(at))
		}))
		r.Post(page, s.onBlock(s.readForm, func(w http.ResponseWriter, r *http.Request, d *lvscf.Document, at lvscf.Path) {
			s.saveForm(w, r, d, targetOf(at), nil)
		}))
	}
	r.Get("/virtual/real", s.onBlock(s.readFile, func(w http.ResponseWriter, r *http.Request, d *lvscf.Document, at lvscf.Path) {
		s.showList(w, r, d, realList(at))
	}))
	r.Post("/virtual/real", s.onBlock(s.readForm, func(w http.ResponseWriter, r *http.Request, d *lvscf.Document, at lvscf.Path) {
		s.act(w, r, d, realList(at))
	}))
	s.changePages(r)
	s.tokenPages(r)
	s.otherPages(r)
	r.Get("/password", s.password)
	r.Get("/help", s.help)
	r.Get("/introduction", s.introduction)
}
