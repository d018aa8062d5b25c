package heartbeat

import (
	"net/netip"
	"time"
)

// Reason is why a datagram does not count, or counts although something is odd about it. The zero value is none.
type Reason uint8

// The reasons.
const (
	Short         Reason = iota + 1 // fewer than four bytes
	Malformed                       // our trailer, damaged
	Incompatible                    // no kind of ours, or of the other service
	Stranger                        // from an address that is not the partner's
	Reflected                       // sent by ourselves
	SameRole                        // the sender has our own role
	Unsigned                        // enforce: without authentication code
	WrongKey                        // enforce: signed with another key
	Misdirected                     // signed for the other channel
	Replayed                        // its counter was seen before, or is too old
	Unproven                        // signed, but perhaps recorded before a restart
	Pairing                         // as Unproven, in the first moments after a restart: not worth a line
	Downgraded                      // permissive: unsigned while the partner sends signed ones
	TookUnsigned                    // permissive: counts, although without authentication code
	TookWrongKey                    // permissive: counts, although signed with another key
	ReceiveFailed                   // the socket reported an error
	reasons
)

// texts are the original's where it has the case (piranha-pulse.md 1.3 and 7).
var texts = [reasons]string{
	Short:         "bad heartbeat packet",
	Malformed:     "bad heartbeat packet",
	Incompatible:  "Incompatible heartbeat received -- other system not using identical services",
	Stranger:      "Unexpected heartbeat from ",
	Reflected:     "heartbeat ignored: our own came back",
	SameRole:      "heartbeat from a system with our own role: check addresses in lvs.cf",
	Unsigned:      "heartbeat ignored: not authenticated",
	WrongKey:      "heartbeat ignored: authenticated with another key",
	Misdirected:   "heartbeat ignored: sent on the other network",
	Replayed:      "heartbeat ignored: replayed",
	Unproven:      "heartbeat ignored: may be a recorded one, as the other system does not hear us",
	Pairing:       "heartbeat ignored: the other system has not answered yet",
	Downgraded:    "heartbeat ignored: not authenticated, while others are",
	TookUnsigned:  "heartbeat accepted, but not authenticated",
	TookWrongKey:  "heartbeat accepted, but authenticated with another key",
	ReceiveFailed: "recvfrom() failed: ",
}

// String is the text without the address or the error that belongs to some.
func (r Reason) String() string {
	if r < reasons {
		return texts[r]
	}
	return ""
}

// Debug tells whether the line is for -v only, as in the original.
func (r Reason) Debug() bool { return r == Stranger }

// Report is a line for the log.
type Report struct {
	Reason     Reason
	Channel    Channel
	From       netip.Addr // not for ReceiveFailed
	Err        error      // only for ReceiveFailed
	Suppressed uint64     // the same since the report before, of which no line was made
}

// Text is the line, word for word the original's where it has one.
func (r Report) Text() string {
	switch r.Reason {
	case Stranger:
		return texts[Stranger] + r.From.String()
	case ReceiveFailed:
		return texts[ReceiveFailed] + r.Err.Error()
	}
	return r.Reason.String()
}

// reportEvery is how often there is a line of each kind at most. Whoever sends us junk must not fill the disk with it.
const reportEvery = time.Minute

// Limiter thins out reports. The zero value is ready.
type Limiter struct {
	last       [reasons]time.Time
	suppressed [reasons]uint64
}

// Allow tells whether there may be a line for r now, and how many there were none for.
func (l *Limiter) Allow(r Reason, now time.Time) (suppressed uint64, ok bool) {
	if !l.last[r].IsZero() && now.Sub(l.last[r]) < reportEvery {
		l.suppressed[r]++
		return 0, false
	}
	suppressed = l.suppressed[r]
	l.last[r], l.suppressed[r] = now, 0
	return suppressed, true
}
