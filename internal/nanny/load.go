package nanny

import (
	"bytes"
	"errors"
	"net/netip"
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
	weighs  bool
	agent   bool
	line    string        // what the agent said
	ask     func() Answer // nil: somebody else asks
	forget  func()        // gives back the memory that ask keeps; nil: it keeps none
	due     time.Time
	fault   string // last thing that went wrong, said once
	reading loadmon.Reading

	share       int // by the agent's last percentage
	down, maint bool
	drain       bool
	why         string
}

var errAgentPort = errors.New("load monitor agent: a port of 1 to 65535 expected, as in agent 8080")

// Answer is what a load monitor said when it was asked.
type Answer struct {
	text        string
	err         error
	interrupted bool // by a wake descriptor: it said nothing
}

// WeighBy prepares the load monitor that the options ask for, a command being run with the environment env. AskLoad is
// broken off when a wake descriptor speaks.
func (w *Watch) WeighBy(env []string, wake ...unix.PollFd) error {
	words := program.Split(w.opts.LoadCommand)
	if len(words) == 0 || w.opts.LoadCommand == "none" {
		return nil
	}
	if words[0] == "agent" {
		target, check, err := w.Agent()
		if err != nil {
			return err
		}
		p, err := probe.New(target, check, wake...)
		w.load.ask = func() Answer { return w.AgentAnswer(p.Run()) }
		return err
	}
	p := program.New(loadArgv(w.opts), env, wake...)
	w.load.weighs, w.load.forget = true, p.Forget
	w.load.ask = func() Answer { return runLoad(p, w.opts.Interval) }
	return nil
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
func runLoad(p *program.Program, limit time.Duration) Answer {
	out, end := p.Run(limit)
	switch {
	case end.Outcome == program.Interrupted:
		return Answer{interrupted: true}
	case end.Outcome == program.TimedOut:
		return Answer{err: errors.New("timed out after " + limit.String())}
	case end.Outcome == program.NotStarted:
		return Answer{err: end.Errno}
	case end.Outcome != program.Exited || end.Status != 0 && len(out) == 0:
		return Answer{err: errors.New("exited with status " + strconv.Itoa(end.Status))}
	}
	return Answer{text: string(out)}
}

// HasAgent tells whether the load monitor is an agent on the real server.
func (o *Options) HasAgent() bool {
	words := program.Split(o.LoadCommand)
	return len(words) > 0 && words[0] == "agent"
}

// Agent is how to ask the agent: AgentAnswer makes an answer of the result.
func (w *Watch) Agent() (t probe.Target, c probe.Check, err error) {
	words := program.Split(w.opts.LoadCommand)
	if len(words) != 2 {
		return t, c, errAgentPort
	}
	port, err := strconv.ParseUint(words[1], 10, 16)
	if err != nil || port == 0 {
		return t, c, errAgentPort
	}
	l := &w.load
	l.weighs, l.agent, l.share = true, true, 100
	t = probe.Target{Protocol: probe.TCP, Addr: netip.AddrPortFrom(w.opts.Server, uint16(port))}
	c = probe.Check{HasExpect: true, Timeout: w.opts.Interval, Match: func(reply []byte) bool {
		l.line = string(reply)
		return bytes.IndexByte(reply, '\n') >= 0
	}}
	return t, c, nil
}

// AgentAnswer is what the agent said, given how the asking ended.
func (w *Watch) AgentAnswer(r probe.Result) Answer {
	line := w.load.line
	w.load.line = ""
	switch r.Outcome {
	case probe.Interrupted:
		return Answer{interrupted: true}
	case probe.Up, probe.Mismatch: // the end of the connection ends the line too
		return Answer{text: line}
	}
	return Answer{err: errors.New(r.Reason())}
}

// LoadDue tells whether to ask for the load: of a server that is up as far as the checks say, when it is time to.
func (w *Watch) LoadDue(now time.Time) bool {
	l := &w.load
	return l.weighs && !now.Before(l.due) && (l.agent || w.standing.Up)
}

// AskLoad asks for the load. It may be called by another goroutine than the rest.
func (w *Watch) AskLoad() Answer { return w.load.ask() }

// ForgetLoad gives back the memory that AskLoad keeps for the next time. It may be called by whoever calls that.
func (w *Watch) ForgetLoad() {
	if w.load.forget != nil {
		w.load.forget()
	}
}

// TakeLoad draws the consequences of an answer.
func (w *Watch) TakeLoad(now time.Time, a Answer) {
	if a.interrupted {
		return
	}
	l := &w.load
	if !l.agent {
		l.due = now.Add(max(loadInterval, w.rules.Interval))
	}
	if a.err != nil {
		w.loadFault("failed to read remote load", a.err.Error())
		return
	}
	if err := l.take(a.text); err != nil {
		w.loadFault("bad load average returned: "+firstLine(a.text), err.Error())
		return
	}
	l.fault = ""
	if w.log.Verbose() && l.reading.Kind == loadmon.Load {
		w.log.Debug("Loadavg of " + w.rs + " is " + strconv.FormatFloat(l.reading.Value, 'f', 2, 64))
	}
}

// loadFault says what is wrong with the load monitor, once. A server is not down for it: its weight stays.
func (w *Watch) loadFault(text, why string) {
	if w.load.fault != text+why {
		w.load.fault = text + why
		w.log.Warn(text, "rs", w.rs, "err", why)
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
func (l *load) over(s Standing) Standing {
	s.Reading = l.reading
	if !s.Up || !l.down && !l.maint {
		return s
	}
	s.Up, s.Reason = false, "its agent says down"
	if l.maint {
		s.Reason = "its agent says maint"
	}
	if l.why != "" {
		s.Reason += ": " + l.why
	}
	return s
}
