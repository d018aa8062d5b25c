package nanny

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/loadmon"
	"github.com/piranha-lvs/piranha/internal/probe"
	"github.com/piranha-lvs/piranha/internal/program"
)

// loadInterval is how often a command is asked for the load, or less often if checks are: as in the original. An agent is
// asked with every check, because it may say that the server is down.
const loadInterval = 20 * time.Second

// load is what a server's load monitor or agent says. The zero value: there is none.
type load struct {
	read    func() (text string, r probe.Outcome, err error) // nil: no load monitor
	agent   bool
	due     time.Time
	fault   string // last thing that went wrong, said once
	reading loadmon.Reading

	share       int // by the agent's last percentage
	down, maint bool
	drain       bool
	why         string
}

var errAgentPort = errors.New("load monitor agent: a port of 1 to 65535 expected, as in agent 8080")

// newLoad prepares the load monitor that the options ask for.
func newLoad(o *Options, wake []unix.PollFd) (load, error) {
	words := program.Split(o.LoadCommand)
	switch {
	case len(words) == 0 || o.LoadCommand == "none":
		return load{}, nil
	case words[0] == "agent":
		return newAgent(o, words[1:], wake)
	}
	p, err := program.New(loadArgv(o), os.Environ(), wake...)
	if err != nil {
		return load{}, err
	}
	return load{read: func() (string, probe.Outcome, error) { return runLoad(p, o.Interval) }}, nil
}

// loadArgv is the command with the address behind it; rsh and ssh, whatever their path and options, run uptime there.
func loadArgv(o *Options) []string {
	words := program.Split(o.LoadCommand)
	name := words[0][strings.LastIndexByte(words[0], '/')+1:]
	words = append(words, o.Server.String())
	if name == "rsh" || name == "ssh" {
		words = append(words, "uptime")
	}
	return words
}

// runLoad runs the command once.
func runLoad(p *program.Program, limit time.Duration) (string, probe.Outcome, error) {
	out, end := p.Run(limit)
	switch {
	case end.Outcome == program.Interrupted:
		return "", probe.Interrupted, nil
	case end.Outcome == program.TimedOut:
		return "", 0, errors.New("timed out after " + limit.String())
	case end.Outcome == program.NotStarted:
		return "", 0, end.Errno
	case end.Outcome != program.Exited || end.Status != 0 && len(out) == 0:
		return "", 0, errors.New("exited with status " + strconv.Itoa(end.Status))
	}
	return string(out), probe.Up, nil
}

// newAgent prepares to ask the agent on a port of the real server.
func newAgent(o *Options, words []string, wake []unix.PollFd) (load, error) {
	if len(words) != 1 {
		return load{}, errAgentPort
	}
	port, err := strconv.ParseUint(words[0], 10, 16)
	if err != nil || port == 0 {
		return load{}, errAgentPort
	}
	var line string
	check := probe.Check{HasExpect: true, Timeout: o.Interval, Match: func(reply []byte) bool {
		line = string(reply)
		return bytes.IndexByte(reply, '\n') >= 0
	}}
	target := probe.Target{Protocol: probe.TCP, Addr: netip.AddrPortFrom(o.Server, uint16(port))}
	p, err := probe.New(target, check, wake...)
	if err != nil {
		return load{}, err
	}
	read := func() (string, probe.Outcome, error) {
		line = ""
		switch r := p.Run(); r.Outcome {
		case probe.Interrupted:
			return "", r.Outcome, nil
		case probe.Up, probe.Mismatch: // the end of the connection ends the line too
			return line, probe.Up, nil
		default:
			return "", 0, errors.New(r.Reason())
		}
	}
	return load{agent: true, share: 100, read: read}, nil
}

// measure asks for the load if it is time to, for a server that is up as far as the checks say.
func (n *Nanny) measure(now time.Time) {
	l := &n.load
	if l.read == nil || now.Before(l.due) || !l.agent && !n.standing.up {
		return
	}
	text, outcome, err := l.read()
	if outcome == probe.Interrupted {
		return
	}
	if !l.agent {
		l.due = now.Add(max(loadInterval, n.rules.Interval))
	}
	if err != nil {
		n.loadFault("failed to read remote load", err.Error())
		return
	}
	if err := l.take(text); err != nil {
		n.loadFault("bad load average returned: "+firstLine(text), err.Error())
		return
	}
	l.fault = ""
	if n.log.Verbose() && l.reading.Kind == loadmon.Load {
		n.log.Debug("Loadavg of " + n.rs + " is " + strconv.FormatFloat(l.reading.Value, 'f', 2, 64))
	}
}

// loadFault says what is wrong with the load monitor, once. A server is not down for it: its weight stays.
func (n *Nanny) loadFault(text, why string) {
	if n.load.fault != text+why {
		n.load.fault = text + why
		n.log.Warn(text, "rs", n.rs, "err", why)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strconv.Quote(line[:min(len(line), 80)])
}

// take takes in what was read.
func (l *load) take(text string) error {
	if !l.agent {
		value, err := loadmon.Parse(text)
		if err == nil {
			l.reading = loadmon.Reading{Kind: loadmon.Load, Value: value}
		}
		return err
	}
	a, err := loadmon.ParseAgent(text)
	if err != nil {
		return err
	}
	if a.Weight >= 0 {
		l.share = a.Weight
	}
	if a.State != 0 {
		l.drain, l.maint = a.State == loadmon.Drain, a.State == loadmon.Maint
	}
	if a.Up || a.Down {
		l.down = a.Down
	}
	l.why = a.Why
	l.reading = loadmon.Reading{Kind: loadmon.Share, Value: float64(l.share)}
	if l.drain {
		l.reading.Value = 0
	}
	return nil
}

// over is what is made of the checks' standing by what the agent says.
func (l *load) over(s standing) standing {
	s.reading = l.reading
	if !s.up || !l.down && !l.maint {
		return s
	}
	s.up, s.reason = false, "its agent says down"
	if l.maint {
		s.reason = "its agent says maint"
	}
	if l.why != "" {
		s.reason += ": " + l.why
	}
	return s
}
