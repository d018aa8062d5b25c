package probe

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// FuzzPeer: a peer that says anything, in any pieces, and may close. What is made of it depends on all it said, not on the
// pieces, and can always be told in one line.
func FuzzPeer(f *testing.F) {
	const tcp, udp, match = 0, 1, 2
	f.Add("HTTP", "HTTP/1.0 200 OK\r\n", uint8(tcp), uint8(3), true)
	f.Add("220-a\r\n220 b", "220-a\r\n220 c\r\n", uint8(tcp), uint8(7), false)
	f.Add("*", "\x00", uint8(tcp), uint8(1), true)
	f.Add("PONG", "PO", uint8(udp), uint8(9), false)
	f.Add("PONG", "+PONG", uint8(match), uint8(2), true)
	f.Fuzz(func(t *testing.T, expect, reply string, kind, piece uint8, closes bool) {
		test := &Test{protocol: TCP, expect: expect, hasExpect: true, timeout: time.Second}
		switch kind % 3 {
		case udp:
			test.protocol = UDP
		case match:
			test.match = func(b []byte) bool { return bytes.Contains(b, []byte(expect)) }
		}
		reply, expect = reply[:min(len(reply), maxBuffer-1)], expect[:min(len(expect), maxBuffer)]
		r, heard := converse(t, test, reply, 1+int(piece), closes)
		checkReason(t, r)
		if want := outcome(test, heard, closes); r.Outcome != want {
			t.Errorf("peer says %q (%d), closes %v: outcome %d (%s), want %d", heard, len(heard), closes, r.Outcome, r.Reason(), want)
		}
	})
}

// outcome is what to make of a whole reply. Of a datagram protocol it is one datagram.
func outcome(t *Test, reply string, closes bool) Outcome {
	switch {
	case t.match != nil && t.match([]byte(reply)):
		return Up
	case t.match == nil && t.expect == "" && (reply != "" || closes || t.protocol == UDP):
		return Up
	case t.match == nil && t.expect == "*" && (reply != "" || t.protocol == UDP):
		return Up
	case t.match == nil && t.expect != "*" && t.expect != "" && strings.HasPrefix(reply, t.expect):
		return Up
	case t.match == nil && t.expect != "*" && !strings.HasPrefix(t.expect, reply):
		return Mismatch
	case t.protocol == UDP:
		return Short
	case !closes:
		return ReadTimeout
	case t.match != nil && reply != "":
		return Mismatch
	}
	return Closed
}

// converse has an attempt read what the peer says, and returns the result and what there was to hear.
func converse(t *testing.T, test *Test, reply string, piece int, closes bool) (Result, string) {
	t.Helper()
	kind := unix.SOCK_STREAM
	if test.protocol == UDP {
		kind = unix.SOCK_DGRAM
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, peer := &Attempt{test: test, fd: pair[0], step: reading, deadline: time.Now().Add(time.Hour)}, pair[1]
	defer unix.Close(a.fd)
	defer unix.Close(peer)
	s := NewScratch()
	for at := 0; at < len(reply) || test.protocol == UDP; at += piece {
		said := reply[at:min(at+piece, len(reply))]
		if _, err := unix.Write(peer, []byte(said)); err != nil {
			t.Fatal(err)
		}
		if r := a.Go(s); r.Decided() || test.protocol == UDP {
			if test.protocol == UDP {
				return r, said
			}
			return r, reply // what it has not said yet must not matter
		}
	}
	if closes {
		if err := unix.Shutdown(peer, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		return a.Go(s), reply
	}
	if r := a.Go(s); r.Decided() {
		t.Errorf("decided without another byte: %s", r.Reason())
	}
	return a.Late(), reply
}

// checkReason: a reason is one line that can be printed anywhere.
func checkReason(t *testing.T, r Result) {
	t.Helper()
	const most = 600 // bytes: two samples, each byte escaped, and some words
	reason := r.Reason()
	if !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) || len(reason) > most || (reason == "") != r.Up() {
		t.Errorf("reason %q of outcome %d", reason, r.Outcome)
	}
}
