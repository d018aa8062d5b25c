package lvs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// order gives an order and expects the writes it takes.
func (b *bed) order(server, verb, within, weight string, writes ...string) {
	b.t.Helper()
	o, err := ParseOrder(verb, within, weight)
	if err != nil {
		b.t.Fatal(err)
	}
	n, err := b.daemon.Order(context.Background(), "web", server, o)
	if err != nil || n != len(writes) {
		b.t.Errorf("%s %s: %d writes, %v, want %d", verb, server, n, err, len(writes))
	}
	b.wantWrites(writes...)
}

// TestOrders: what an operator orders decides over health and load, and over a restart.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, strings.Replace(two, "scheduler", "sorry_server = 10.9.9.9\n\tscheduler", 1), nil)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		b.kernel.took()
		b.order("a", "drain", "", "", "-e "+rowA+" -m -w 0")
		b.order("a", "drain", "", "")
		b.order("a", "weight", "", "7")
		b.order("a", "ready", "", "", "-e "+rowA+" -m -w 7")
		b.order("a", "weight", "", "default", "-e "+rowA+" -m -w 1")
		b.order("a", "maint", "", "", "-d "+rowA)
		b.order("b", "drain", "5s", "", "-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1", "-e "+rowB+" -m -w 0") // nobody else serves
		if s := b.real(1); s.Order != "drain" || s.DrainUntil.IsZero() || s.State != "up" {
			t.Errorf("draining: %+v", s)
		}
		b.say("10.0.0.1", "down connect refused")
		b.say("10.0.0.1", "up")
		b.wantWrites()
		time.Sleep(5*time.Second + verifyInterval)
		synctest.Wait()
		b.wantWrites("-d " + rowB)
		if s := b.real(1); s.Order != "maint" || !s.DrainUntil.IsZero() {
			t.Errorf("drained: %+v", s)
		}
		state := b.daemon.opt.StateDir
		b.stop()
		b.kernel.took()
		b.start(state)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		if s := b.real(0); s.Order != "maint" || s.Present {
			t.Errorf("after a restart: %+v", s)
		}
		b.kernel.took()
		b.order("a", "ready", "", "", "-a "+rowA+" -m -w 1", "-d -t 192.0.2.1:80 -r 10.9.9.9:80")
		if _, err := b.daemon.Order(context.Background(), "web", "c", Order{Verb: "maint"}); !errors.Is(err, errNoServer) {
			t.Errorf("of no server: %v", err)
		}
		b.stop()
	})
}

// TestOrderedWeight stands above what lvs.cf and the load say, also when that is 0.
func TestOrderedWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.NewReplacer("scheduler", "load_monitor = \"agent 8080\"\n\tscheduler", "10.0.0.1", "10.0.0.1\n\t\tweight = 0").Replace(two)
		b := newBed(t, text, nil)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		b.say("10.0.0.2", "share 0")
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 0", "-a "+rowB+" -m -w 1", "-e "+rowB+" -m -w 0")
		b.order("a", "weight", "", "5", "-e "+rowA+" -m -w 5")
		b.order("b", "weight", "", "7", "-e "+rowB+" -m -w 7")
		b.say("10.0.0.2", "down connect refused")
		b.wantWrites("-d " + rowB)
		b.stop()
	})
}
