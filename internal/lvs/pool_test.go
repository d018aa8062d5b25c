package lvs

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/piranha-lvs/piranha/internal/supervise"
)

// words is what somebody was told.
type words struct {
	mu   sync.Mutex
	text string
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text += string(b)
	return len(b), nil
}

// lines returns what was written since the last call, without what is between the ID and the end that was asked for.
func (w *words) lines() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.text
	w.text = ""
	var lines []string
	for line := range strings.Lines(text) {
		short := strings.Join(strings.Fields(line)[:2], " ")
		if _, args, ok := strings.Cut(line, `"-h","`); ok {
			addr, _, _ := strings.Cut(args, `"`)
			short += " " + addr
		}
		if strings.Contains(line, "--known-down") {
			short += " known down"
		}
		lines = append(lines, short)
	}
	return lines
}

func (b *bed) wantFed(want ...string) {
	b.t.Helper()
	if got := b.monitors["pool"].fed.lines(); !slices.Equal(got, want) {
		b.t.Errorf("the pool was told %q, want %q", got, want)
	}
}

func (b *bed) reload(text string) {
	b.t.Helper()
	b.write(text)
	b.signal(syscall.SIGHUP)
}

const pooled = "nanny_mode = pooled\n"

func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, pooled+two, nil)
		if argv := b.monitors["pool"].argv; len(b.monitors) != 1 || !slices.Equal(argv, []string{b.options.Nanny, "--pool", "--report-fd=3"}) {
			t.Errorf("%d monitors, one is %q", len(b.monitors), argv)
		}
		b.wantFed("add 1 10.0.0.1", "add 2 10.0.0.2")
		b.wantWrites(addWeb)
		b.say("pool", "1 up")
		b.wantWrites("-a " + rowA + " -m -w 1")
		b.monitors["pool"].tell(supervise.Event{Pid: 4711})
		b.say("pool", "2 down connect refused")
		if r := b.real(1); r.State != "down" || r.Reason != "connect refused" || r.Pid != 4711 {
			t.Errorf("status %+v", r)
		}
		b.say("pool", "2 up")
		b.wantWrites("-a " + rowB + " -m -w 1")
		b.say("pool", "2 passed 1500")
		if a, r := b.real(0).LastCheck, b.real(1).LastCheck; a != nil || r == nil || r.Duration != 0.0015 {
			t.Errorf("last checks %+v and %+v", a, r)
		}
		b.say("pool", "2 down cannot be checked: it is Sunday")
		b.wantWrites()
		b.wantLogged(1, "warn: real server is not watched and stays as it is vs=web rs=b reason=cannot be checked: it is Sunday")
		b.say("pool", "3 down nobody has this number")
		b.say("pool", "runtime: complaint")
		b.say("pool", "1 down reply too short")
		b.wantWrites("-d " + rowA)
		b.stop()
	})
}

// TestPoolReload: of a changed file the pool is told what differs, and servers that stay keep their state.
func TestPoolReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, pooled+two, nil)
		b.say("pool", "1 up")
		b.say("pool", "2 down connect refused")
		b.wantFed("add 1 10.0.0.1", "add 2 10.0.0.2")
		b.kernel.took()
		b.reload("serial_no = 7\n" + pooled + two)
		b.wantFed()
		b.reload(pooled + strings.Replace(two, "scheduler = rr", "scheduler = rr\n\ttimeout = 3", 1))
		b.wantFed("remove 1", "remove 2", "add 3 10.0.0.1", "add 4 10.0.0.2 known down")
		b.say("pool", "1 down it has not heard yet")
		b.wantWrites()
		b.say("pool", "3 down connect refused")
		b.wantWrites("-d " + rowA)
		b.reload(pooled + strings.Replace(two, "address = 10.0.0.2", "address = 10.0.0.3", 1))
		b.wantFed("remove 3", "remove 4", "add 5 10.0.0.1 known down", "add 6 10.0.0.3")
		b.stop()
	})
}

// TestPoolSwitch: changing the mode takes no server out of service.
func TestPoolSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "down connect refused")
		b.kernel.took()
		old := b.monitors["10.0.0.1"]
		b.reload(pooled + two)
		b.wantFed("add 1 10.0.0.1", "add 2 10.0.0.2 known down")
		select {
		case <-old.done:
		default:
			t.Error("the nanny goes on")
		}
		b.wantWrites()
		if b.real(0).State != "up" || b.real(1).State != "down" {
			t.Errorf("status %+v", b.status().VirtualServers)
		}
		b.say("pool", "2 up")
		b.wantWrites("-a " + rowB + " -m -w 1")
		pool := b.monitors["pool"]
		b.reload(two)
		select {
		case <-pool.done:
		default:
			t.Error("the pool goes on")
		}
		b.wantWrites()
		if b.real(0).State != "up" || b.real(1).State != "up" {
			t.Errorf("status %+v", b.status().VirtualServers)
		}
		b.say("10.0.0.1", "down connect refused")
		b.wantWrites("-d " + rowA)
		b.reload(pooled + two) // a new pool counts anew
		b.wantFed("add 1 10.0.0.1 known down", "add 2 10.0.0.2")
		b.stop()
	})
}

// TestPoolDeath: nobody is taken out of service because the pool died, and the next one knows who is down.
func TestPoolDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, pooled+two, nil)
		b.say("pool", "1 up")
		b.say("pool", "2 down connect refused")
		b.kernel.took()
		b.wantFed("add 1 10.0.0.1", "add 2 10.0.0.2")
		pool := b.monitors["pool"]
		again := func() {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); pool.again().Feed(ctx, &pool.fed) }()
			synctest.Wait()
			cancel()
			<-ended
		}
		for range startTries - 1 {
			b.say("pool", "panic: out of luck")
			pool.tell(supervise.Event{Died: os.ErrProcessDone})
			synctest.Wait()
			again()
			b.wantFed("add 1 10.0.0.1", "add 2 10.0.0.2 known down")
		}
		b.wantLogged(startTries-1, "warn: pool of monitors died! restarting it err=os: process already finished: panic: out of luck")
		b.wantLogged(0, "not watched")
		pool.tell(supervise.Event{Died: os.ErrProcessDone})
		synctest.Wait()
		b.wantLogged(1, "warn: real server is not watched and stays as it is vs=web rs=a reason=monitors do not start: os: process already finished")
		b.wantWrites()
		b.say("pool", "2 up")
		b.wantWrites("-a " + rowB + " -m -w 1")
		b.stop()
	})
}

// TestNotPooled: what is not our nanny has a process of its own, and so has what runs as somebody else than the pool.
func TestNotPooled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, pooled+strings.Replace(two, "scheduler", "client_monitor = /usr/bin/mine\n\tscheduler", 1), nil)
		if b.monitors["pool"] != nil { // as root they are not even started: anybody may write lvs.cf here
			t.Errorf("monitors %v", b.monitors)
		}
		b.stop()
	})
	nobody, somebody := &syscall.Credential{Uid: 65534, Gid: 65534}, &syscall.Credential{Uid: 1, Gid: 65534}
	for _, tt := range []struct {
		a, b *syscall.Credential
		want bool
	}{{nil, nil, true}, {nobody, nil, false}, {nil, nobody, false}, {nobody, nobody, true}, {nobody, somebody, false}} {
		if got := sameCredential(tt.a, tt.b); got != tt.want {
			t.Errorf("sameCredential(%v, %v) = %v", tt.a, tt.b, got)
		}
	}
}
