package probe

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Trace makes one attempt and tells say every step in a line. It is broken off as a Prober's are.
func (t *Test) Trace(say func(string), wake ...unix.PollFd) Result {
	p := &Prober{test: t, scratch: newScratch(t.size()), polls: make([]unix.PollFd, 1+len(wake))}
	copy(p.polls[1:], wake)
	start := time.Now()
	tr := trace{a: &p.attempt, say: say, since: start}
	if t.protocol == TCP {
		say("connecting to " + t.addr.addrPort().String())
	}
	r := p.attempt.Begin(t, p.scratch)
	tr.told(p.scratch, r)
	for !r.Decided() {
		if r = p.wait(); !r.Decided() {
			r = p.attempt.Go(p.scratch)
			tr.told(p.scratch, r)
		}
	}
	p.attempt.End(r, p.scratch)
	r.Duration = time.Since(start)
	return r
}

// trace is what has been said of an attempt.
type trace struct {
	a         *Attempt
	say       func(string)
	since     time.Time // of the last step
	connected bool
	sent, got int
}

// told says what is new, given what came of the last step.
func (tr *trace) told(s *Scratch, r Result) {
	a := tr.a
	if !tr.connected && a.step > connecting && a.test.protocol == TCP {
		tr.line("connected in " + tr.took())
	}
	tr.connected = a.step > connecting
	if a.sent > tr.sent && a.sent == len(a.test.send) || tr.connected && a.test.protocol == UDP && tr.sent == 0 && a.step == reading {
		text := "sent " + strconv.Itoa(a.sent) + " bytes"
		if a.test.protocol == UDP {
			text += " to " + a.test.addr.addrPort().String() + " by UDP"
		}
		tr.line(text)
		tr.sent = max(1, a.sent) // an empty datagram is sent once, too
	}
	if a.got > tr.got && (tr.got == 0 || r.Decided()) {
		tr.line("got " + strconv.Itoa(a.got) + " bytes in " + tr.took() + ": " + quoted(s.buf[:a.got]))
		tr.got = a.got
	}
}

// line says something that has been done just now.
func (tr *trace) line(text string) {
	tr.say(text)
	tr.since = time.Now()
}

func (tr *trace) took() string { return Brief(time.Since(tr.since)) }

// Brief writes a time as people read it: in three figures or so.
func Brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 100*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func quoted(text []byte) string {
	return Quote(text)
}
