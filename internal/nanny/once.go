package nanny

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// ProbeOnce makes one check and writes every step to out, the outcome last. The error is an *Exit if the server does not
// pass.
func ProbeOnce(o *Options, full Full, out io.Writer) error {
	signals, err := signalPipe()
	if err != nil {
		return err
	}
	say := func(step string) { _, _ = io.WriteString(out, step+"\n") }
	r, err := probeOnce(o, full, say, []unix.PollFd{{Fd: int32(signals), Events: unix.POLLIN}})
	if err != nil {
		return err
	}
	took := " after " + probe.Brief(r.Duration)
	if r.Up() {
		say("up" + took)
		return nil
	}
	say("down" + took + ": " + r.Reason())
	return &Exit{Code: 1}
}

func probeOnce(o *Options, full Full, say func(string), wake []unix.PollFd) (probe.Result, error) {
	switch {
	case o.Program != "":
		script, err := NewScript(o, os.Environ(), wake...)
		if err != nil {
			return probe.Result{}, err
		}
		say("running " + strings.Join(scriptArgv(o), " "))
		return script.Run(), nil
	case o.Check.heavy():
		check, err := full.Check(o)
		if err != nil {
			return probe.Result{}, err
		}
		i, err := newInterruptible(check, say, wake)
		if err != nil {
			return probe.Result{}, err
		}
		return i.Run(), nil
	}
	target, check, err := Exchange(o, full)
	if err != nil {
		return probe.Result{}, err
	}
	test, err := probe.NewTest(target, check)
	if err != nil {
		return probe.Result{}, err
	}
	return test.Trace(say, wake...), nil
}
