package lvs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// TestOrderOutlivesAName: a server that is out of service stays so when it, or its virtual server, is given another name.
func TestOrderOutlivesAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		b.kernel.took()
		b.order("a", "maint", "", "", "-d "+rowA)
		state := b.daemon.opt.StateDir
		b.write(strings.NewReplacer("virtual web", "virtual www", "server a", "server first").Replace(two))
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		text, err := os.ReadFile(filepath.Join(state, "orders.json"))
		if err != nil || !strings.Contains(string(text), "www") || strings.Contains(string(text), "web") {
			t.Errorf("kept are %s, %v", text, err)
		}
		// Whoever has the name now is another server.
		b.write(strings.NewReplacer("virtual web", "virtual www", "server a", "server second", "server b", "server first").Replace(two))
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		// Two of the same name have an order in common, also when one of them gets another name.
		b.write(strings.NewReplacer("virtual web", "virtual www", "server a", "server second", "server b", "server second").Replace(two))
		b.signal(syscall.SIGHUP)
		b.wantWrites("-d " + rowB)
		b.write(strings.NewReplacer("virtual web", "virtual www", "server a", "server second").Replace(two))
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		b.stop()
	})
}

// TestOrderIsSavedLater: an order that could not be saved is, as soon as that can be done.
func TestOrderIsSavedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		state := b.daemon.opt.StateDir
		if err := os.Rename(state, state+".away"); err != nil {
			t.Fatal(err)
		}
		o := Order{Verb: "maint"}
		if _, err := b.daemon.Order(context.Background(), "web", "a", o); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		b.wantLogged(1, "warn: what an operator has ordered will not outlive lvsd")
		if err := os.Rename(state+".away", state); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		text, err := os.ReadFile(filepath.Join(state, "orders.json"))
		if err != nil || !strings.Contains(string(text), "maint") {
			t.Errorf("kept are %s, %v", text, err)
		}
		b.wantLogged(1, "info: what an operator has ordered will outlive lvsd again")
		b.stop()
	})
}
