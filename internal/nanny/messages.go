package nanny

import (
	"net/netip"
	"strconv"

	"github.com/piranha-lvs/piranha/internal/health"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// Messages are the original's, word for word, as scripts look for them; what it did not say follows as key=value.

// Greet says what is going to be watched, and how.
func (w *Watch) Greet() {
	o := w.opts
	if o.DefaultTest {
		w.log.Info("nanny: no monitor configured, assuming web service on port 80")
	}
	if o.Program != "" && o.HasSend {
		w.log.Info("External program use requested: (" + o.Program + "), IGNORING send string option ((null))")
	}
	if w.log.Verbose() {
		w.log.Debug(described("Send_program", o.Program, o.Program != ""))
		w.log.Debug(described("Send_string", o.Send, o.HasSend))
		w.log.Debug(described("Expect_string", o.Expect, o.HasExpect))
		w.log.Debug("Service_type value=2")
	}
	if at := o.Checked().String(); at != w.rs || o.Check != Auto {
		w.log.Info("checks of "+w.rs, "kind", o.Check.String(), "at", at)
	}
	w.log.Info("starting LVS client monitor for " + w.vs + " -> " + w.rs)
}

func described(name, text string, given bool) string {
	if !given {
		return name + " is NULL"
	}
	return name + " len=" + strconv.Itoa(len(text)) + ", text=" + strconv.Quote(text)
}

func (w *Watch) debugCheck(before health.State, avail bool, change health.Change) {
	count := before.Count
	if avail {
		count++
	}
	w.log.Debug("avail: " + digit(avail) + " active: " + digit(before.Active) + ": count: " + strconv.Itoa(count))
	if !avail && change == health.None && before.Count != 0 {
		w.log.Debug("No service active & available...")
	}
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// failure is the message for a check of rs that did not pass.
func failure(r *probe.Result, rs string, o *Options) string {
	program := o.Program
	switch r.Outcome {
	case probe.NoSocket:
		return "Failed to create socket: " + r.Errno.Error()
	case probe.ConnectFailed:
		return "Failed to connect " + rs + " ping socket: " + r.Errno.Error()
	case probe.ConnectTimeout:
		return "CONNECT to " + rs + " timed out"
	case probe.WriteFailed:
		return "WRITE operation for " + rs + " returned error: " + r.Errno.Error()
	case probe.WriteTimeout:
		return "WRITE to " + rs + " timed out" // the original waited for ever
	case probe.ReadFailed:
		return "READ returned error " + strconv.Itoa(int(r.Errno)) + ":" + r.Errno.Error()
	case probe.ReadTimeout:
		return "READ to " + rs + " timed out"
	case probe.NotStarted, probe.ProgramFailed, probe.ProgramKilled:
		return "The following exited abnormally: " + program
	case probe.ProgramTimeout:
		return "timeout running the following: " + program
	case probe.Closed, probe.Short:
		return "READ from " + rs + " was too short[" + strconv.Itoa(r.Got) + ">=" + strconv.Itoa(r.Want) + "]"
	}
	switch {
	case o.Check.heavy():
		return o.Check.String() + " check of " + rs + " failed"
	case program == "":
		return "READ from " + rs + " was not as expected" // the original said nothing
	case r.Got == 0:
		return "Ran the external sending program to (" + rs + ") but didn't get anything back"
	}
	return "Trouble. Received results are not what we expected from (" + rs + ")"
}

// joinAddr is the virtual service as messages name it. Without an address, as in a dry run, it is 0.0.0.0.
func joinAddr(o *Options) string {
	a := o.VirtualAddr
	if !a.IsValid() {
		a = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(a, o.Port).String()
}
