package lvs

import (
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piranha-lvs/piranha/internal/events"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// answer is an HTTP answer in memory that takes deadlines, as a connection does.
type answer struct{ *httptest.ResponseRecorder }

func (answer) SetReadDeadline(time.Time) error  { return nil }
func (answer) SetWriteDeadline(time.Time) error { return nil }

// told returns all events so far, each as TYPE TEXT.
func (b *bed) told() (list []string) {
	b.t.Helper()
	w := answer{httptest.NewRecorder()}
	b.daemon.Handler(nil).ServeHTTP(w, httptest.NewRequest("GET", "/v1/events?last=1000&follow=0", nil))
	err := events.Read(w.Body, func(e events.Event) error { list = append(list, e.Type+" "+e.Text); return nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// wantTold expects these events, and no others, since the last n.
func (b *bed) wantTold(before int, want ...string) (after int) {
	b.t.Helper()
	all := b.told()
	if got := all[before:]; !slices.Equal(got, want) {
		b.t.Errorf("told\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return len(all)
}

// TestEvents: what happens to a cluster in its life is told in the order in which it happens.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, strings.Replace(two, "scheduler = rr", "scheduler = rr\n\tsorry_server = 10.0.0.9", 1), nil)
		n := b.wantTold(0, "start lvsd has started: 0 rows adopted")
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "down no answer")
		n = b.wantTold(n, "server_up web a is up", "server_down web b is down: no answer")
		time.Sleep(90 * time.Second)
		b.say("10.0.0.1", "down connection refused")
		n = b.wantTold(n,
			"server_down web a is down: connection refused, after 1m30s up",
			"service_down web has no real server left",
			"sorry_in web: the sorry server 10.0.0.9 answers now",
		)
		time.Sleep(1500 * time.Millisecond)
		b.say("10.0.0.2", "up")
		n = b.wantTold(n,
			"server_up web b is up, after 1m32s down",
			"service_up web is served again, after 2s",
			"sorry_out web: the sorry server 10.0.0.9 answers no more",
		)
		give := func(verb string, within time.Duration) {
			if _, err := b.daemon.Order(t.Context(), "web", "b", Order{Verb: verb, Within: within}); err != nil {
				t.Error(err)
			}
		}
		give("maint", 0)
		n = b.wantTold(n, "order web b: maint, as ordered", "service_down web has no real server left", "sorry_in web: the sorry server 10.0.0.9 answers now")
		give("ready", 0)
		n = b.wantTold(n, "order web b: ready, as ordered", "service_up web is served again, after 0s",
			"sorry_out web: the sorry server 10.0.0.9 answers no more")
		give("drain", 5*time.Second)
		n = b.wantTold(n, "order web b: drain within 5s, as ordered", "service_down web has no real server left", "sorry_in web: the sorry server 10.0.0.9 answers now")
		time.Sleep(7 * time.Second)
		n = b.wantTold(n, "order web b: maint, as the time of its drain is over")
		b.stop()
		b.wantTold(n, "stop lvsd ends: signal 15")
	})
}

// TestEventsOfTheTable: what somebody else does to the table, and what the kernel refuses.
func TestEventsOfTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		n := len(b.told())
		right, _ := b.kernel.Read()
		b.kernel.set(nil, nil)
		time.Sleep(2 * verifyInterval)
		synctest.Wait()
		n = b.wantTold(n, "repair the kernel's table was changed by somebody else; repairing: "+addWeb+", -a "+rowA+" -m -w 1")
		b.kernel.set(right, errors.New("no memory"))
		time.Sleep(3 * verifyInterval)
		b.kernel.set(right, nil)
		time.Sleep(2 * verifyInterval)
		n = b.wantTold(n, "kernel_error the kernel's table is not as it should be: no memory", "kernel_ok the kernel's table is as it should be again")
		if _, err := b.daemon.SetActive(t.Context(), true); err != nil {
			t.Error(err)
		}
		n = b.wantTold(n)
		if _, err := b.daemon.SetActive(t.Context(), false); err != nil {
			t.Error(err)
		}
		n = b.wantTold(n, "standby on standby, writes=1")
		b.write(strings.Replace(two, "rr", "wlc", 1) + "}")
		b.signal(syscall.SIGHUP)
		b.write(strings.Replace(two, "rr", "wlc", 1))
		b.signal(syscall.SIGHUP)
		told := b.told()[n:]
		if len(told) != 2 || !strings.HasPrefix(told[0], "reload_refused lvs.cf is not taken: ") ||
			told[1] != "reload lvs.cf was read again, serial_no 0: web scheduler rr to wlc" {
			t.Errorf("told %q", told)
		}
		b.stop()
	})
}

func TestChanges(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(two) }
	serverC := "\tserver c {\n\t\taddress = 10.0.0.3\n\t\tactive = 1\n\t}\n}\n"
	for _, c := range []struct {
		name, after string
		want        []string
	}{
		{"nothing", two, nil},
		{"a virtual server goes", "serial_no = 2\n", []string{"web removed"}},
		{"one comes", two + edit("web", "mail", "192.0.2.1", "192.0.2.2"), []string{"mail added"}},
		{"it has another address", edit("192.0.2.1", "192.0.2.2"), []string{"web removed", "web added"}},
		{"another name", edit("web", "www"), []string{"www was called web"}},
		{"another scheduler", edit("= rr", "= wlc"), []string{"web scheduler rr to wlc"}},
		{"persistence", edit("scheduler", "persistent = 60\n\tscheduler"), []string{"web changed"}},
		{"a sorry server", edit("scheduler", "sorry_server = 10.0.0.9\n\tscheduler"), []string{"web changed"}},
		{"a real server comes", strings.TrimSuffix(two, "}\n") + serverC, []string{"web c added"}},
		{"one moves", edit("10.0.0.2", "10.0.0.3"), []string{"web b removed", "web b added"}},
		{"it has another name", edit("server b", "server c"), []string{"web c was called b"}},
		{"a weight", edit("address = 10.0.0.2", "address = 10.0.0.2\n\t\tweight = 5"), []string{"web b weight 1 to 5"}},
		{"the check", edit("scheduler", "send = \"x\"\n\texpect = \"y\"\n\tscheduler"), []string{"web a check changed", "web b check changed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := changes(planOf(t, two), planOf(t, c.after)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func planOf(t *testing.T, text string) plan {
	t.Helper()
	doc, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, findings := doc.Config(lvscf.Lookup{})
	if err := findings.Err(); err != nil {
		t.Fatal(err)
	}
	return newPlan(cfg, monitorOptions{nanny: DefaultNanny})
}

func TestFew(t *testing.T) {
	for want, all := range map[string][]string{
		"no virtual or real server has changed": nil,
		"a":                                     {"a"},
		"a, b, c":                               {"a", "b", "c"},
		"a, b, c, and 2 more":                   {"a", "b", "c", "d", "e"},
	} {
		if got := few(all); got != want {
			t.Errorf("few(%q) = %q, want %q", all, got, want)
		}
	}
}

func TestManyChangesAreCut(t *testing.T) {
	var e eventData
	e.setChanges(inWords(make([]ipvs.Op, maxChanges+7)))
	if len(e.Changes) != maxChanges || e.More != 7 {
		t.Errorf("%d and %d more", len(e.Changes), e.More)
	}
}
