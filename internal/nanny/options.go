// Package nanny watches one real server of one virtual service: it checks the server at a fixed rate and says when it
// goes into service and out of it.
//
// Started by lvsd it says so on a descriptor and touches nothing. Started by hand it changes its one row of the kernel's
// table itself, as the original always did.
package nanny

import (
	"errors"
	"net/netip"
	"time"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/loadmon"
	"github.com/piranha-lvs/piranha/internal/scalar"
)

// Options is a checked command line. Fields without comment are described by Set.
type Options struct {
	Server      netip.Addr
	Port        uint16 // of the virtual service; 0: all ports
	RealPort    uint16 // never 0
	VirtualAddr netip.Addr
	Mark        uint32
	UDP         bool
	Interval    time.Duration // at least minInterval
	Reentry     time.Duration
	Weight      int
	Forward     ipvs.Forward
	Quiesce     bool
	Send        string // escapes translated, here and below
	HasSend     bool
	Expect      string
	HasExpect   bool
	Program     string
	Regex       bool
	LoadCommand string
	Scale       int
	Suppress    bool // leave escapes alone
	DryRun      bool // do not touch the kernel's table
	NoDaemon    bool
	NoFork      bool
	Verbose     bool
	LVS, FOS    bool
	ReportFD    int // -1: started by hand
	KnownDown   bool
	Pool        bool // jobs come on standard input: nothing else says what to check
	Shared      bool // the check may be made once for all that have the same
	DefaultTest bool // no check was configured and the service is on port 80

	Check       Kind
	CheckPath   string
	CheckHost   string
	CheckStatus string // not looked at here; "" for the default
	CheckBody   string
	CheckVerify bool
	CheckPort   uint16     // 0: RealPort
	CheckAddr   netip.Addr // invalid: Server
	CheckSource netip.Addr // invalid: as the kernel chooses
	Rise, Fall  int        // 0: not given
	ProbeOnce   bool

	job             bool   // of a pool
	server, virtual string // as written
	ignored         string // options that are accepted and have no effect
}

// Limits and defaults of the original, except the shortest interval, which it had as a whole second.
const (
	defaultPort     = 80
	defaultInterval = 10 * time.Second
	defaultReentry  = 180 * time.Second
	minInterval     = 10 * time.Millisecond
	maxWeight       = 65535
)

// Set returns the options as a command line, which fills o when parsed. They are the original's, in the order of its
// man page, and those that came later.
func (o *Options) Set() *cmdline.Set {
	*o = Options{Port: defaultPort, Interval: defaultInterval, Weight: 1, Forward: ipvs.Masq, Scale: loadmon.DefaultScale, ReportFD: -1,
		CheckPath: "/", CheckVerify: true}
	s := cmdline.New("nanny", "")
	s.String(&o.server, 'h', "server", "ADDRESS", "address of the real server")
	s.Func('p', "port", "PORT", "port of the virtual service (80)", portOf(&o.Port))
	s.Func('r', "rport", "PORT", "port of the real server (the same)", portOf(&o.RealPort))
	s.String(&o.virtual, 'V', "virtaddress", "ADDRESS", "address of the virtual service")
	s.Func('f', "fwmark", "MARK", "firewall mark of the virtual service", o.mark)
	s.Bool(&o.UDP, 'u', "udp", "the service is UDP")
	s.Func('t', "interval", "TIME", "time from check to check, and limit for each step of one (10)", o.interval)
	s.Func('a', "reentrytime", "TIME", "how long a failed server must be good before it is used again (180)", o.reentry)
	s.Func('w', "weight", "N", "weight of the real server, 0 to 65535 (1)", o.weight)
	s.Func('S', "scale", "N", "how many times its own weight a server may have by its load, 1 to 1000 (10)", o.scale)
	s.Func('M', "method", "m|g|i", "forwarding: masquerading, gatewaying (direct), ipip (tunnel) (m)", o.method)
	s.String(&o.ignored, 'I', "ipvsadm", "PATH", "accepted and ignored")
	o.contents(s)
	o.ways(s)
	o.checks(s)
	return s
}

// contents are the options that say what a check consists of, as in the original.
func (o *Options) contents(s *cmdline.Set) {
	s.String(&o.LoadCommand, 'U', "loadcmd", "COMMAND", "command that tells the load of a server")
	s.String(&o.Program, 'e', "send_program", "COMMAND", "program that checks the server")
	s.Func('s', "send_string", "TEXT", "text to send", textOf(&o.Send, &o.HasSend))
	s.Func('x', "expect_string", "TEXT", "beginning of the reply; * for any", textOf(&o.Expect, &o.HasExpect))
	s.Bool(&o.Regex, 0, "regex", "the expected text is a regular expression")
	s.Bool(&o.Suppress, 'T', "suppress", "do not translate backslash escapes")
	s.Bool(&o.Quiesce, 'q', "quiesce_server", "give a failed server weight 0 instead of removing it")
}

// ways are the options that say how to run.
func (o *Options) ways(s *cmdline.Set) {
	s.Bool(&o.NoDaemon, 'n', "nodaemon", "stay in the foreground, log to standard output too")
	s.Bool(&o.NoFork, 'c', "nofork", "be a daemon without forking")
	s.Bool(&o.DryRun, 0, "test-start", "do not touch the kernel's table")
	s.Bool(&o.DryRun, 0, "norun", "the same")
	s.Bool(&o.LVS, 0, "lvs", "watch a real server of a virtual service")
	s.Bool(&o.FOS, 0, "fos", "watch a failover service (not supported)")
	s.Bool(&o.Verbose, 'v', "verbose", "log more")
	s.Int(&o.ReportFD, 0, "report-fd", "N", "report on descriptor N instead of touching the kernel's table")
	s.Bool(&o.KnownDown, 0, "known-down", "the server is down: the re-entry time counts from the start")
	s.Bool(&o.Pool, 0, "pool", "check the servers that standard input names")
	s.Bool(&o.Shared, 0, "shared", "share the results of the same check in a pool")
}

// checks are the options that say what a check does and how results count, beyond the original's.
func (o *Options) checks(s *cmdline.Set) {
	s.Func(0, "check", "KIND", "tcp, http, https, tls, smtp, dns, ping or script, instead of what the other options call for", o.kind)
	s.String(&o.CheckPath, 0, "check-path", "PATH", "path to ask for (/)")
	s.String(&o.CheckHost, 0, "check-host", "NAME", "name to ask the server as, or, for dns, to ask for")
	s.String(&o.CheckStatus, 0, "check-status", "LIST", "HTTP statuses of a healthy server (200-399)")
	s.String(&o.CheckBody, 0, "check-body", "TEXT", "text in the body of a healthy answer")
	s.Func(0, "check-verify", "yes|no", "the certificate must be valid (yes)", o.verify)
	s.Func(0, "check-port", "PORT", "port to check (that of the real server)", portOf(&o.CheckPort))
	s.Func(0, "check-address", "ADDRESS", "address to check (that of the real server)", addressOf(&o.CheckAddr))
	s.Func(0, "check-source", "ADDRESS", "address to check from", addressOf(&o.CheckSource))
	s.Func(0, "rise", "N", "good checks in a row for a failed server, instead of --reentrytime", countOf(&o.Rise))
	s.Func(0, "fall", "N", "bad checks in a row until a server has failed (1)", countOf(&o.Fall))
	s.Bool(&o.ProbeOnce, 0, "probe-once", "check once, print every step, and exit with 0 if the server passes")
}

// Parse reads and checks a command line without the program's name.
func Parse(args []string) (*Options, error) { return parseAs(args, false) }

// ParseJob is Parse for a server of a pool, about which the pool reports.
func ParseJob(args []string) (*Options, error) { return parseAs(args, true) }

func parseAs(args []string, job bool) (*Options, error) {
	o := &Options{}
	rest, err := o.Set().Parse(args)
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0:
		return nil, errors.New("unexpected arguments")
	}
	if o.job = job; job && o.Pool {
		return nil, errors.New("a pool in a pool")
	}
	return o, o.complete()
}

// SameCheck is equal for options that ask for the same check: of what comes after a result, and of what only the log
// names, it has nothing.
func (o *Options) SameCheck() Options {
	c := *o
	c.Port, c.VirtualAddr, c.virtual, c.server, c.Mark = 0, netip.Addr{}, "", "", 0
	c.Reentry, c.Rise, c.Fall, c.KnownDown = 0, 0, 0, false
	c.Weight, c.Forward, c.Quiesce, c.Scale = 0, 0, false, 0
	c.Suppress, c.DefaultTest, c.ignored = false, false, ""
	c.DryRun, c.NoDaemon, c.NoFork, c.Verbose, c.ReportFD = false, false, false, false, -1
	return c
}

// Full tells whether this takes a Full, which the small nanny does not have.
func (o *Options) Full() bool { return o.Pool || o.Check.heavy() || o.regex() }

// regex tells whether the expected text is a regular expression.
func (o *Options) regex() bool { return o.Regex && o.HasExpect && o.Program == "" }

// Mode is how to run: -n wins over -c.
func (o *Options) Mode() daemonize.Mode {
	switch {
	case o.NoDaemon:
		return daemonize.Foreground
	case o.NoFork:
		return daemonize.NoFork
	}
	return daemonize.Fork
}

// LogDest is where the log goes: always to syslog, in the foreground to standard output as well.
func (o *Options) LogDest() eventlog.Dest {
	if o.NoDaemon {
		return eventlog.Stdout | eventlog.Syslog
	}
	return eventlog.Syslog
}

func (o *Options) mark(v string) error {
	n, err := scalar.Int(v)
	// A negative number is how the original's lvsd prints a mark above 2147483647.
	o.Mark = uint32(n)
	return err
}

func (o *Options) interval(v string) (err error) {
	if o.Interval, err = scalar.Time(v); err == nil && o.Interval < minInterval {
		return errors.New("at least 10ms expected")
	}
	return err
}

func (o *Options) reentry(v string) (err error) {
	if o.Reentry, err = scalar.Time(v); err == nil && o.Reentry < 0 {
		return errors.New("time of 0 or more expected")
	}
	return err
}

func (o *Options) weight(v string) error {
	n, err := scalar.Int(v)
	if err == nil && (n < 0 || n > maxWeight) {
		return errors.New("weight of 0 to 65535 expected")
	}
	o.Weight = int(n)
	return err
}

func (o *Options) scale(v string) error {
	n, err := scalar.Int(v)
	if err == nil && (n < 1 || n > 1000) {
		return errors.New("number of 1 to 1000 expected")
	}
	o.Scale = int(n)
	return err
}

// method reads -M. The dash is optional, as lvsd and ipvsadm write it differently. The man page of the original had t
// for the tunnel, its code took that for masquerading: refused, so that nobody is surprised.
func (o *Options) method(v string) error {
	switch v {
	case "m", "-m":
		o.Forward = ipvs.Masq
	case "g", "-g":
		o.Forward = ipvs.Direct
	case "i", "-i":
		o.Forward = ipvs.Tunnel
	default:
		return errors.New("m, g or i expected (the tunnel is i)")
	}
	return nil
}

func portOf(p *uint16) func(string) error {
	return func(v string) error {
		n, err := scalar.Int(v)
		if err == nil && (n < 0 || n > 65535) {
			return errors.New("port of 0 to 65535 expected")
		}
		*p = uint16(n)
		return err
	}
}

func textOf(p *string, given *bool) func(string) error {
	return func(v string) error {
		*p, *given = v, true
		return nil
	}
}
