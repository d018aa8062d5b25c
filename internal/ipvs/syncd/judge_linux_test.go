package syncd

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// script is a kernel that answers as told: each exchange takes the next line.
type script struct {
	lines  []line
	closed bool
}

type line struct {
	silent bool       // nothing final is said about the change
	errno  unix.Errno // about the change
	now    []Daemon   // what runs after it
	failed unix.Errno // about the list
	err    error      // of the exchange itself
	stuck  time.Duration
}

func (s *script) Exchange(requests ...ipvs.Request) ([]ipvs.Answer, error) {
	l := s.lines[0]
	s.lines = s.lines[1:]
	time.Sleep(l.stuck)
	answers := []ipvs.Answer{{Done: !l.silent, Err: l.errno}, {Done: true, Err: l.failed}}
	for _, d := range l.now {
		answers[1].Payloads = append(answers[1].Payloads, Change{Start: true, Daemon: d}.payload()[4:])
	}
	return answers[2-len(requests):], l.err
}

func (s *script) Close() error { s.closed = true; return nil }

func scripted(lines ...line) (*Conn, *script) {
	s := &script{lines: lines}
	return &Conn{kernel: s, timeout: 2 * time.Second, dial: func() (kernel, error) { return nil, errors.New("no second connection") }}, s
}

func TestJudge(t *testing.T) {
	master, other := asRun(Master, "eth0", 7), asRun(Master, "eth9", 7)
	backup := asRun(Backup, "eth0", 7)
	list := func(d ...Daemon) []Daemon { return d }
	for _, tt := range []struct {
		name  string
		want  []Daemon
		lines []line
		err   string // its end; empty for none
	}{
		{"as wanted", list(master), []line{{now: list(master)}}, ""},
		{"start", list(master), []line{{}, {now: list(master)}}, ""},
		{"stop", nil, []line{{now: list(master)}, {}}, ""},
		{"stop, unanswered but done", nil, []line{{now: list(master)}, {silent: true}}, ""},
		{"stop, unanswered and not done", nil, []line{{now: list(master)}, {silent: true, now: list(master)}}, "stop sync daemon master: interrupted"},
		{"start, unanswered but done", list(master), []line{{}, {silent: true, now: list(master)}}, ""},
		{"start, unanswered and not done", list(master), []line{{}, {silent: true}}, "start sync daemon master on eth0: interrupted"},
		{"stop of what somebody stopped", nil, []line{{now: list(master)}, {errno: unix.ESRCH}}, ""},
		{"start of what somebody started", list(master), []line{{}, {errno: unix.EEXIST, now: list(master)}}, ""},
		{"start of what somebody started otherwise", list(master), []line{{}, {errno: unix.EEXIST, now: list(other)}}, "start sync daemon master on eth0: exists already"},
		{"no device", list(master), []line{{}, {errno: unix.ENODEV}}, "start sync daemon master on eth0: no such device"},
		{"device down", list(master), []line{{}, {errno: unix.ENETUNREACH}}, "network is unreachable: is the device up?"},
		{"mixed families", list(master), []line{{}, {errno: unix.EINVAL}}, "no sync beside destinations of another IP family than their service's"},
		{"goes on after a refusal", list(master), []line{{now: list(backup)}, {errno: unix.ENODEV, now: list(backup)}, {}}, "start sync daemon master on eth0: no such device"},
		{"not permitted", list(master), []line{{failed: unix.EPERM}}, "list sync daemons: not permitted: CAP_NET_ADMIN is needed"},
		{"not permitted after the change", nil, []line{{now: list(master)}, {silent: true, failed: unix.EPERM}},
			"stop sync daemon master: list sync daemons: not permitted: CAP_NET_ADMIN is needed"},
		{"exchange fails", list(master), []line{{err: unix.ENOBUFS}}, "list sync daemons: no buffer space available"},
		{"exchange of a change fails", list(master), []line{{}, {err: unix.ENOBUFS}}, "start sync daemon master on eth0: no buffer space available"},
	} {
		c, s := scripted(tt.lines...)
		err := c.Set(tt.want...)
		if (err == nil) != (tt.err == "") || err != nil && !strings.HasSuffix(err.Error(), tt.err) {
			t.Errorf("%s: Set = %v, want %q", tt.name, err, tt.err)
		}
		if len(s.lines) != 0 {
			t.Errorf("%s: %d exchanges too few", tt.name, len(s.lines))
		}
	}
}

// A kernel that never comes back from a call costs one timeout, not the pulse, and the next call has a connection.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stuck := scripted(line{stuck: time.Hour})
		next := &script{lines: []line{{now: []Daemon{asRun(Backup, "eth0", 1)}}}}
		c.dial = func() (kernel, error) { return next, nil }
		began := time.Now()
		if _, err := c.List(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("List = %v, want %v", err, os.ErrDeadlineExceeded)
		}
		if got, want := time.Since(began), 2*time.Second; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
		if got, err := c.List(); err != nil || !slices.Equal(got, []Daemon{asRun(Backup, "eth0", 1)}) {
			t.Errorf("List = %v, %v", got, err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if !stuck.closed || next.closed {
			t.Errorf("closed: %t, %t, want the first only", stuck.closed, next.closed)
		}
	})
}

func TestNoSecondConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := scripted(line{stuck: 3 * time.Second})
		_, first := c.List()
		_, second := c.List()
		if first == nil || second == nil || second.Error() != "list sync daemons: no second connection" {
			t.Errorf("List = %v, then %v", first, second)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second) // the stuck call ends
	})
}
