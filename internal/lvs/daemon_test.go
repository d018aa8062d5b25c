package lvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/ipvs/kernel"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/supervise"
)

// bed runs a Daemon on a table in memory and with monitors that say what the test lets them say. The real kernel and
// real nannies are in lab/e2e; here it is about what no lab can time: a bubble's clock, refusals, floods.
type bed struct {
	t           *testing.T
	file        string
	options     Options
	kernel      *memory
	log         record
	ready       error // of telling that the start has succeeded
	daemon      *Daemon
	stops, hups chan os.Signal
	ended       chan error

	mu       sync.Mutex
	monitors map[string]*fake // by the real server's address
}

// fake stands for a running nanny.
type fake struct {
	argv  []string
	again func() supervise.Command // what it would be started as now
	tell  func(supervise.Event)
	done  <-chan struct{}
	fed   words // on its standard input
}

// record is a log in memory.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) Error(msg string, kv ...string) { r.add("error: "+msg, kv) }
func (r *record) Warn(msg string, kv ...string)  { r.add("warn: "+msg, kv) }
func (r *record) Info(msg string, kv ...string)  { r.add("info: "+msg, kv) }

func (r *record) add(line string, kv []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for pair := range slices.Chunk(kv, 2) {
		line += " " + strings.Join(pair, "=")
	}
	r.lines = append(r.lines, line)
}

func (r *record) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// memory is a table that can refuse.
type memory struct {
	mu     sync.Mutex
	rows   ipvs.Table
	writes []string
	err    error
	slow   time.Duration // to fail
	refuse ipvs.OpKind   // changes of this kind are refused
	reads  int
	times  kernel.Timeouts
}

func (m *memory) Read() (ipvs.Table, error) {
	m.mu.Lock()
	m.reads++
	rows, err := m.rows, m.err
	m.mu.Unlock()
	if err != nil {
		time.Sleep(m.slow)
	}
	return rows, err
}

func (m *memory) Apply(ops []ipvs.Op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	var refused []error
	for _, o := range ops {
		if o.Kind == m.refuse {
			refused = append(refused, &ipvs.OpError{Op: o, Err: unix.ENOENT})
			continue
		}
		m.writes = append(m.writes, o.String())
		m.rows = ipvs.Patch(m.rows, []ipvs.Op{o})
	}
	return errors.Join(refused...)
}

func (m *memory) SetTimeouts(t kernel.Timeouts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.times = t
	}
	return m.err
}

// set puts the table into another state behind the daemon's back.
func (m *memory) set(rows ipvs.Table, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows, m.err = rows, err
}

// refuseAll has the kernel refuse changes of a kind, 0 none.
func (m *memory) refuseAll(k ipvs.OpKind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = k
}

// took returns the writes since the last call.
func (m *memory) took() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.writes
	m.writes = nil
	return w
}

const two = `
virtual web {
	active = 1
	address = 192.0.2.1 eth0:1
	scheduler = rr
	server a {
		address = 10.0.0.1
		active = 1
	}
	server b {
		address = 10.0.0.2
		active = 1
	}
}
`

const (
	addWeb = "-A -t 192.0.2.1:80 -s rr"
	rowA   = "-t 192.0.2.1:80 -r 10.0.0.1:80"
	rowB   = "-t 192.0.2.1:80 -r 10.0.0.2:80"
)

func newBed(t *testing.T, text string, rows ipvs.Table) *bed {
	b := &bed{
		t: t, file: filepath.Join(t.TempDir(), "lvs.cf"), kernel: &memory{rows: rows},
		stops: make(chan os.Signal), hups: make(chan os.Signal), ended: make(chan error, 1), monitors: map[string]*fake{},
	}
	b.write(text)
	b.start(t.TempDir())
	return b
}

func (b *bed) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// start runs a Daemon with the state directory of an earlier one, and waits until it has nothing left to do.
func (b *bed) start(stateDir string) {
	b.t.Helper()
	doc, err := lvscf.ReadFile(b.file)
	if err != nil {
		b.t.Fatal(err)
	}
	cfg, findings := doc.Config(lvscf.Lookup{})
	if err := findings.Err(); err != nil {
		b.t.Fatal(err)
	}
	o := b.options
	o.ConfigFile, o.StateDir = b.file, stateDir
	b.daemon = New(o, cfg, b.kernel, &b.log)
	b.daemon.keep = func(ctx context.Context, next func() supervise.Command, _ supervise.Backoff, tell func(supervise.Event)) {
		c := next()
		f := &fake{argv: c.Args, again: next, tell: tell, done: ctx.Done()}
		who := "pool"
		if c.Feed == nil {
			who = c.Args[slices.Index(c.Args, "-h")+1]
		} else {
			go c.Feed(ctx, &f.fed)
		}
		b.mu.Lock()
		b.monitors[who] = f
		b.mu.Unlock()
		<-f.done
	}
	go func() {
		b.ended <- b.daemon.Run(Signals{Stop: b.stops, Reload: b.hups}, func() error { return b.ready })
	}()
	synctest.Wait()
}

// say lets the monitor of a real server report.
func (b *bed) say(server, line string) {
	b.monitors[server].tell(supervise.Event{Line: line})
	synctest.Wait()
}

func (b *bed) signal(s syscall.Signal) {
	if s == syscall.SIGHUP {
		b.hups <- s
	} else {
		b.stops <- s
	}
	synctest.Wait()
}

func (b *bed) status() Status {
	b.t.Helper()
	s, err := b.daemon.Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// stop ends the Daemon as SIGTERM does.
func (b *bed) stop() {
	b.t.Helper()
	b.signal(syscall.SIGTERM)
	if err := <-b.ended; err != nil {
		b.t.Error(err)
	}
}

// real is the status of a real server.
func (b *bed) real(i int) RealStatus {
	b.t.Helper()
	return b.status().VirtualServers[0].RealServers[i]
}

// wantLogged expects n lines of the log to hold text.
func (b *bed) wantLogged(n int, text string) {
	b.t.Helper()
	if got := strings.Count(b.log.text(), text); got != n {
		b.t.Errorf("log has %q %d times, want %d:\n%s", text, got, n, b.log.text())
	}
}

func (b *bed) wantWrites(want ...string) {
	b.t.Helper()
	if got := b.kernel.took(); !slices.Equal(got, want) {
		b.t.Errorf("writes %q, want %q", got, want)
	}
}

func foreign() ipvs.Table {
	other := ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: ipvs.TCP, Addr: netip.MustParseAddrPort("192.0.2.99:80")}
	return ipvs.Table{{
		Service:      ipvs.Service{Key: other, Scheduler: "wlc", Prefix: 32},
		Destinations: []ipvs.Destination{{Addr: netip.MustParseAddrPort("10.9.9.9:80"), Forward: ipvs.Direct, Weight: 1}},
	}}
}

// rowsOfB are the service of two with server b, as an earlier lvsd left them.
func rowsOfB() ipvs.Table {
	web := ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: ipvs.TCP, Addr: netip.MustParseAddrPort("192.0.2.1:80")}
	return ipvs.Table{{
		Service:      ipvs.Service{Key: web, Scheduler: "rr", Prefix: 32},
		Destinations: []ipvs.Destination{{Addr: netip.MustParseAddrPort("10.0.0.2:80"), Forward: ipvs.Masq, Weight: 1}},
	}}
}

func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, foreign())
		b.wantWrites(addWeb)
		b.say("10.0.0.1", "up")
		b.wantWrites("-a " + rowA + " -m -w 1")
		b.say("10.0.0.2", "up")
		b.wantWrites("-a " + rowB + " -m -w 1")
		b.say("10.0.0.2", "up")
		b.wantWrites()
		b.say("10.0.0.1", "down connect refused")
		b.wantWrites("-d " + rowA)
		b.stop()
		b.wantWrites("-D -t 192.0.2.1:80")
		if got, want := b.kernel.rows.Lines(), foreign().Lines(); !slices.Equal(got, want) {
			t.Errorf("left behind %q, want what was there before: %q", got, want)
		}
	})
}

// TestLeaveInsists: what the kernel refuses at SIGTERM is tried again, within a bound.
func TestLeaveInsists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, lasting := range []bool{false, true} {
			b := newBed(t, two, foreign())
			b.kernel.set(b.kernel.rows, unix.ENOBUFS)
			b.kernel.took()
			b.signal(syscall.SIGTERM)
			if !lasting {
				b.kernel.set(b.kernel.rows, nil)
			}
			began := time.Now()
			err := <-b.ended
			if took := time.Since(began); (err != nil) != lasting || took > supervise.Grace/2 {
				t.Errorf("kernel refuses for ever: %v: Run = %v after %v", lasting, err, took)
			}
			b.wantLogged(1, "error: table not updated err="+unix.ENOBUFS.Error())
			if lasting {
				b.wantWrites()
				b.wantLogged(1, "error: rows stay in the table")
			} else {
				b.wantWrites("-D -t 192.0.2.1:80")
				b.wantLogged(1, "info: table left writes=1")
			}
		}
	})
}

// TestNannyDeathKeepsTheRow: nobody is taken out of service because a monitor died.
func TestNannyDeathKeepsTheRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.kernel.took()
		b.monitors["10.0.0.1"].tell(supervise.Event{Died: os.ErrProcessDone})
		synctest.Wait()
		b.wantWrites()
		// The next one begins with what is known of the server now, not when the first was started.
		for _, step := range []struct {
			line string
			down bool
		}{{"down connect refused", true}, {"up", false}, {"down passes again, 2 more good checks needed", true}} {
			b.say("10.0.0.1", step.line)
			if got := slices.Contains(b.monitors["10.0.0.1"].again().Args, "--known-down"); got != step.down {
				t.Errorf("after %q the next nanny is told that the server is down: %v, want %v", step.line, got, step.down)
			}
		}
		b.kernel.took()
		b.stop()
	})
}

// TestCrash: the successor of a killed lvsd adopts the rows, and removes the one whose block left lvs.cf meanwhile, but
// neither a row somebody added by hand nor a service of others.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := t.TempDir()
		b := newBed(t, two, foreign())
		b.stop()
		b.start(state)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		left := b.kernel.rows // what kill -9 leaves, and what an administrator adds to it
		web := left[len(left)-1]
		web.Destinations = append(slices.Clone(web.Destinations),
			ipvs.Destination{Addr: netip.MustParseAddrPort("10.7.7.7:80"), Forward: ipvs.Masq, Weight: 5})
		left = append(slices.Clone(left[:len(left)-1]), web)
		ledger, err := os.ReadFile(filepath.Join(state, "lvsd.json"))
		if err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.kernel.set(left, nil)
		b.kernel.took()
		if err := os.WriteFile(filepath.Join(state, "lvsd.json"), ledger, 0o600); err != nil {
			t.Fatal(err)
		}
		b.write(two[:strings.Index(two, "\tserver b")] + "}\n")
		b.start(state)
		b.wantWrites("-d " + rowB)
		b.say("10.0.0.1", "up")
		b.wantWrites()
		b.stop()
	})
}

func TestRepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		b.kernel.took()
		b.kernel.set(foreign(), nil) // ipvsadm -C, and somebody's own service
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 1", "-a "+rowB+" -m -w 1")
		time.Sleep(time.Minute)
		synctest.Wait()
		b.wantWrites()
		b.stop()
	})
}

func TestLedgerIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		state := b.daemon.opt.StateDir
		if err := os.Rename(state, state+".away"); err != nil {
			t.Fatal(err)
		}
		b.write(strings.Replace(two, "10.0.0.2", "10.0.0.3", 1))
		b.signal(syscall.SIGHUP)
		time.Sleep(10 * time.Second)
		b.wantLogged(1, "warn: rows cannot be remembered")
		if err := os.Rename(state+".away", state); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantLogged(1, "rows are remembered for the next lvsd again")
		text, err := os.ReadFile(filepath.Join(state, "lvsd.json"))
		if err != nil || !strings.Contains(string(text), "10.0.0.3") || strings.Contains(string(text), "10.0.0.2") {
			t.Errorf("ledger %s, %v, want what the new lvs.cf names", text, err)
		}
		b.stop()
	})
}

func TestRefusalIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.kernel.took()
		b.kernel.set(b.kernel.rows, unix.ENOBUFS)
		b.say("10.0.0.1", "up")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := b.status(); s.InStep || s.Error == "" {
			t.Errorf("status while the kernel refuses: in_step %v, error %q", s.InStep, s.Error)
		}
		b.kernel.set(b.kernel.rows, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantWrites("-a " + rowA + " -m -w 1")
		if s := b.status(); !s.InStep || s.Error != "" {
			t.Errorf("status afterwards: in_step %v, error %q", s.InStep, s.Error)
		}
		b.stop()
	})
}

// TestKernelIsSilent: after a reading that the kernel did not answer the table is looked at again soon.
func TestKernelIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.kernel.took()
		const silence = 5 * time.Second
		b.kernel.slow = silence
		b.kernel.set(b.kernel.rows, unix.ETIMEDOUT)
		time.Sleep(verifyInterval + silence/2) // it is waited for now
		b.kernel.set(nil, nil)                 // ipvsadm -C
		time.Sleep(silence/2 + verifyInterval/2)
		synctest.Wait()
		if s := b.status(); s.InStep || s.Error == "" {
			t.Errorf("status: in_step %v, error %q", s.InStep, s.Error)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 1")
		b.stop()
	})
}

// TestTimeoutsAreTriedAgain: timeouts that the kernel would not take are set as soon as it will.
func TestTimeoutsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.kernel.set(b.kernel.rows, unix.ENOBUFS)
		b.write("tcp_timeout = 30\n" + two)
		b.signal(syscall.SIGHUP)
		time.Sleep(10 * time.Second)
		b.wantLogged(1, "warn: ipvsadm failed to set timeouts")
		b.kernel.set(b.kernel.rows, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if want := (kernel.Timeouts{TCP: 30 * time.Second}); b.kernel.times != want {
			t.Errorf("timeouts %v, want %v", b.kernel.times, want)
		}
		b.stop()
	})
}

// TestRefusalCostsNoReading: while the kernel refuses a row the table is not read again for everything that a monitor says.
func TestRefusalCostsNoReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.kernel.refuseAll(ipvs.AddDestination)
		b.say("10.0.0.2", "up")
		before := b.kernel.reads
		for range 1000 {
			b.say("10.0.0.1", "passed 700")
			b.status()
		}
		if reads := b.kernel.reads - before; reads > 1 {
			t.Errorf("table read %d times", reads)
		}
		b.say("10.0.0.1", "down connect refused") // what can be done is done at once
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 1", "-d "+rowA)
		if s := b.status(); s.InStep || s.Error == "" {
			t.Errorf("status: in_step %v, error %q", s.InStep, s.Error)
		}
		b.stop()
	})
}

// TestRefusedRow: a row the kernel refuses keeps no other from being written, at start or later.
func TestRefusedRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.stop()
		b.kernel.took()
		b.kernel.refuseAll(ipvs.AddService)
		b.start(t.TempDir())
		if s := b.status(); s.InStep || !strings.Contains(s.Error, "-A -t 192.0.2.1:80") {
			t.Errorf("status: in_step %v, error %q", s.InStep, s.Error)
		}
		if n, err := b.daemon.settleCount(t); n != 0 || err == nil {
			t.Errorf("settle counts %d writes, %v, of what the kernel refused", n, err)
		}
		b.kernel.refuseAll(0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantWrites(addWeb)
		b.stop()
	})
}

// TestReloadThatCannotLook: a row made by hand that lvs.cf names from now on is not taken away because the kernel could not be
// asked about it.
func TestReloadThatCannotLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two[:strings.Index(two, "\tserver b")]+"}\n", nil)
		b.say("10.0.0.1", "up")
		web := b.kernel.rows[0]
		web.Destinations = append(slices.Clone(web.Destinations),
			ipvs.Destination{Addr: netip.MustParseAddrPort("10.0.0.2:80"), Forward: ipvs.Masq, Weight: 1})
		b.kernel.took()
		b.kernel.set(ipvs.Table{web}, unix.ENOBUFS)
		b.write(two)
		b.signal(syscall.SIGHUP)
		b.kernel.set(ipvs.Table{web}, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantWrites()
		b.say("10.0.0.2", "down connect refused")
		b.wantWrites("-d " + rowB)
		b.stop()
	})
}

// TestRefusedRows: every virtual server that the kernel refuses is named; of the rows only the first are, in the log and in the
// status.
func TestRefusedRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		for i := range 50 {
			fmt.Fprintf(&text, "virtual v%d {\nactive = 1\naddress = 192.0.2.%d eth0:1\nscheduler = rr\n}\n", i, i+2)
		}
		b := newBed(t, two, nil)
		b.kernel.refuseAll(ipvs.AddService)
		b.write(text.String())
		b.signal(syscall.SIGHUP)
		b.wantLogged(50, "error: ipvsadm failed for virtual server v")
		b.wantLogged(maxRefusals+1, "error: table not updated")
		b.wantLogged(1, "error: table not updated more="+itoa(50-maxRefusals))
		if want, got := "-A -t 192.0.2.2:80 -s rr: no such destination, or no such scheduler in this kernel, and 49 more", b.status().Error; !strings.HasSuffix(got, want) {
			t.Errorf("status says %q, want %q", got, want)
		}
		b.stop()
	})
}

// settleCount settles once more, in the loop.
func (d *Daemon) settleCount(t *testing.T) (writes int, err error) {
	t.Helper()
	done := make(chan struct{})
	d.questions <- func() {
		d.dirty = true
		writes, err = d.settle()
		close(done)
	}
	<-done
	return writes, err
}

// TestReloadAdoptsWhatItNames: a row made by hand that lvs.cf names from now on stays until its monitor has spoken.
func TestReloadAdoptsWhatItNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two[:strings.Index(two, "\tserver b")]+"}\n", nil)
		b.say("10.0.0.1", "up")
		web := b.kernel.rows[0]
		web.Destinations = append(slices.Clone(web.Destinations),
			ipvs.Destination{Addr: netip.MustParseAddrPort("10.0.0.2:80"), Forward: ipvs.Masq, Weight: 1})
		b.kernel.set(ipvs.Table{web}, nil)
		b.kernel.took()
		b.write(two)
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		b.say("10.0.0.2", "down connect refused")
		b.wantWrites("-d " + rowB)
		b.stop()
	})
}

func TestReload(t *testing.T) {
	const withC = "\tserver c {\n\t\taddress = 10.0.0.3\n\t\tactive = 1\n\t}\n}\n"
	for _, tt := range []struct {
		name, text string
		writes     []string
		restarted  string // the real servers whose monitors are new
	}{
		{"nothing changed", two, nil, ""},
		{"comment and name", "# hello\n" + strings.Replace(two, "web", "www", 1), nil, ""},
		{"weight", strings.Replace(two, "10.0.0.1\n", "10.0.0.1\n\t\tweight = 7\n", 1), []string{"-e " + rowA + " -m -w 7"}, ""},
		{"scheduler", strings.Replace(two, "rr", "wlc", 1), []string{"-E -t 192.0.2.1:80 -s wlc"}, ""},
		{"a server more: its row comes with its first report", strings.TrimSuffix(two, "}\n") + withC, nil, "10.0.0.3"},
		{"a server less", two[:strings.Index(two, "\tserver b")] + "}\n", []string{"-d " + rowB}, ""},
		{"a server inactive", two[:strings.LastIndex(two, "active = 1")] + "active = 0\n\t}\n}\n", []string{"-d " + rowB}, ""},
		{"another check", strings.Replace(two, "scheduler", "timeout = 3\n\tscheduler", 1), nil, "10.0.0.1 10.0.0.2"},
		{"forwarding method", "network = direct\n" + two, []string{"-e " + rowA + " -g -w 1", "-e " + rowB + " -g -w 1"}, "10.0.0.1 10.0.0.2"},
		{"service moved to another port", strings.Replace(two, "scheduler", "port = 81\n\tscheduler", 1),
			[]string{"-A -t 192.0.2.1:81 -s rr", "-D -t 192.0.2.1:80"}, "10.0.0.1 10.0.0.2"},
		{"an error", strings.Replace(two, "rr", "fastest", 1), nil, ""},
		{"nothing left", "serial_no = 2\n", []string{"-D -t 192.0.2.1:80"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, two, nil)
				b.say("10.0.0.1", "up")
				b.say("10.0.0.2", "up")
				b.kernel.took()
				before := map[string]*fake{"10.0.0.1": b.monitors["10.0.0.1"], "10.0.0.2": b.monitors["10.0.0.2"]}
				b.write(tt.text)
				b.signal(syscall.SIGHUP)
				b.wantWrites(tt.writes...)
				var restarted []string
				for addr, f := range b.monitors {
					if before[addr] != f {
						restarted = append(restarted, addr)
					}
				}
				slices.Sort(restarted)
				if got := strings.Join(restarted, " "); got != tt.restarted {
					t.Errorf("new monitors for %q, want %q", got, tt.restarted)
				}
				b.stop()
			})
		})
	}
}

// TestReloadSaysEverything: warnings of a file with errors are for whoever mends it, too.
func TestReloadSaysEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.write(strings.ReplaceAll(strings.Replace(two, "rr", "fastest", 1), "\t\tactive = 1", "\t\tactive = 0"))
		b.signal(syscall.SIGHUP)
		b.wantLogged(1, "error: "+b.file+":5: ")
		b.wantLogged(1, "warn: "+b.file+":2: warning: ")
		b.stop()
	})
}

// TestReloadWaitsForNameServers: the loop goes on while lvs.cf is being read, a SIGHUP meanwhile is followed afterwards, and
// a stop does not wait.
func TestReloadWaitsForNameServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.kernel.took()
		answers, readings := make(chan struct{}), 0
		b.daemon.read = func(ctx context.Context, path string) reading {
			readings++
			r := readConfig(ctx, path)
			select {
			case <-answers:
			case <-ctx.Done():
			}
			return r
		}
		b.signal(syscall.SIGHUP)
		b.say("10.0.0.1", "up")
		b.wantWrites("-a " + rowA + " -m -w 1")
		b.write(strings.Replace(two, "rr", "wlc", 1)) // too late for the reading that has begun
		b.signal(syscall.SIGHUP)
		b.signal(syscall.SIGHUP)
		if readings != 1 {
			t.Errorf("%d readings at the same time, want 1", readings)
		}
		answers <- struct{}{}
		synctest.Wait()
		b.wantWrites()
		answers <- struct{}{}
		synctest.Wait()
		b.wantWrites("-E -t 192.0.2.1:80 -s wlc")
		if readings != 2 {
			t.Errorf("%d readings for three SIGHUPs, two of them at once, want 2", readings)
		}
		b.signal(syscall.SIGHUP)
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("stop took %v during a reading", took)
		}
	})
}

// TestReloadCarriesHealth: a server that is down stays down when its monitor is replaced, and the new monitor is told.
func TestReloadCarriesHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "down connect refused")
		b.say("10.0.0.2", "up")
		old := b.monitors["10.0.0.1"]
		b.kernel.took()
		b.write(strings.Replace(two, "scheduler", "timeout = 3\n\tscheduler", 1))
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		for addr, want := range map[string]bool{"10.0.0.1": true, "10.0.0.2": false} {
			if got := slices.Contains(b.monitors[addr].argv, "--known-down"); got != want {
				t.Errorf("monitor of %s told that it is down: %v, want %v", addr, got, want)
			}
		}
		old.tell(supervise.Event{Line: "up"}) // said by the monitor that was replaced
		synctest.Wait()
		b.wantWrites()
		b.stop()
	})
}

// TestStartThatIsInterrupted leaves the table and the ledger as it found them.
func TestStartThatIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		state := b.daemon.opt.StateDir
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		left := b.kernel.rows
		ledger, err := os.ReadFile(filepath.Join(state, "lvsd.json"))
		if err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.kernel.set(append(left, foreign()...), nil) // what kill -9 would have left
		b.kernel.took()
		if err := os.WriteFile(filepath.Join(state, "lvsd.json"), ledger, 0o600); err != nil {
			t.Fatal(err)
		}
		b.write(strings.NewReplacer("10.0.0.2", "10.0.0.3", "rr", "wlc").Replace(two) + strings.NewReplacer("web", "www", "192.0.2.1 ", "192.0.2.2 ").Replace(two))
		b.ready = errors.New("start was interrupted")
		want := b.kernel.rows.Lines()
		b.start(state)
		if err := <-b.ended; !errors.Is(err, b.ready) {
			t.Errorf("Run = %v, want %v", err, b.ready)
		}
		got := b.kernel.rows.Lines()
		slices.Sort(got)
		slices.Sort(want)
		if len(b.kernel.took()) == 0 || !slices.Equal(got, want) {
			t.Errorf("left behind\n%q, want what was there before:\n%q", got, want)
		}
		old, err := openLedger(state)
		if web := left[0].Service.Key; err != nil || len(old.rows) != 3 || !old.mine(web, netip.MustParseAddrPort("10.0.0.2:80")) {
			t.Errorf("ledger %v, %v, want the rows it had", old.rows, err)
		}
	})
}

// TestStandby: on standby health is watched and the table stays empty; activation is one batch of writes.
func TestStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, foreign())
		b.stop()
		b.kernel.took()
		b.options.Standby = true
		b.start(t.TempDir())
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "down connect refused")
		b.wantWrites()
		for _, active := range []bool{true, true, false, false} {
			want := map[bool][]string{true: {addWeb, "-a " + rowA + " -m -w 1"}, false: {"-D -t 192.0.2.1:80"}}[active]
			if b.status().Active == active {
				want = nil
			}
			if n, err := b.daemon.SetActive(t.Context(), active); n != len(want) || err != nil {
				t.Errorf("SetActive(%v) = %d, %v, want %d writes", active, n, err, len(want))
			}
			b.wantWrites(want...)
		}
		b.kernel.set(b.kernel.rows, unix.ENOBUFS)
		if _, err := b.daemon.SetActive(t.Context(), true); err == nil {
			t.Error("SetActive while the kernel refuses = nil")
		}
		b.kernel.set(b.kernel.rows, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 1")
		b.stop()
	})
}

// TestSorryServer comes when the last real server is gone, and goes with the first that is back.
func TestSorryServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, strings.Replace(two, "scheduler", "sorry_server = 10.9.9.9\n\tscheduler", 1), nil)
		b.kernel.took()
		b.say("10.0.0.1", "down connect refused")
		b.wantWrites() // the other one has not been asked yet
		b.say("10.0.0.2", "down connect refused")
		b.wantWrites("-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1")
		b.say("10.0.0.1", "up")
		b.wantWrites("-a "+rowA+" -m -w 1", "-d -t 192.0.2.1:80 -r 10.9.9.9:80")
		b.stop()
	})
}

// TestSorryServerStays: where a sorry server answers it goes on until a real server does, also when real servers are checked
// for the first time meanwhile: new ones, or all after a restart of lvsd. And it comes when the only server that was in service
// fails before the others have been checked.
func TestSorryServerStays(t *testing.T) {
	const sorry = "-t 192.0.2.1:80 -r 10.9.9.9:80"
	with := strings.Replace(two, "scheduler", "sorry_server = 10.9.9.9\n\tscheduler", 1)
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, with, nil)
		b.say("10.0.0.1", "down connect refused")
		b.say("10.0.0.2", "down connect refused")
		b.kernel.took()
		b.write(strings.Replace(with, "10.0.0.2", "10.0.0.3", 1))
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		b.write(strings.Replace(strings.Replace(with, "10.0.0.2", "10.0.0.3", 1), "10.9.9.9", "10.9.9.8", 1))
		b.signal(syscall.SIGHUP)
		b.wantWrites("-a -t 192.0.2.1:80 -r 10.9.9.8:80 -m -w 1", "-d "+sorry)
		b.write(with)
		b.signal(syscall.SIGHUP)
		b.kernel.took()
		state, rows := t.TempDir(), b.kernel.rows
		b.stop()
		b.kernel.set(rows, nil)
		b.kernel.took()
		b.start(state)
		b.wantWrites()
		b.say("10.0.0.1", "up")
		b.wantWrites("-a "+rowA+" -m -w 1", "-d "+sorry)
		b.say("10.0.0.1", "down connect refused")
		b.wantWrites("-a "+sorry+" -m -w 1", "-d "+rowA)
		b.say("10.0.0.2", "up")
		b.wantWrites("-a "+rowB+" -m -w 1", "-d "+sorry)
		b.stop()
	})
}

// TestQuiesceLater: quiesce_server that a reload sets keeps the rows of servers that fail from then on, and makes none for those
// that have failed before.
func TestQuiesceLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "up")
		b.say("10.0.0.1", "down connect refused")
		b.kernel.took()
		b.write(strings.Replace(two, "scheduler", "quiesce_server = 1\n\tscheduler", 1))
		b.signal(syscall.SIGHUP)
		b.wantWrites()
		b.say("10.0.0.1", "up")
		b.say("10.0.0.1", "down connect refused")
		b.wantWrites("-a "+rowA+" -m -w 1", "-e "+rowA+" -m -w 0")
		b.stop()
	})
}

// fail lets the monitor of a real server start and die n times, with a line on its standard error.
func (b *bed) fail(server string, n int) {
	for range n {
		b.monitors[server].tell(supervise.Event{Pid: 4711})
		b.monitors[server].tell(supervise.Event{Line: "nanny: bad\x1b argument"})
		b.monitors[server].tell(supervise.Event{Died: errors.New("exited with status 1")})
	}
	synctest.Wait()
}

// TestMonitorThatNeverReports: a server nobody can watch does not keep the sorry server waiting for ever, its status says
// why, and the first report mends it.
func TestMonitorThatNeverReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, strings.Replace(two, "scheduler", "sorry_server = 10.9.9.9\n\tscheduler", 1), nil)
		b.kernel.took()
		b.say("10.0.0.2", "down connect refused")
		b.fail("10.0.0.1", startTries-1)
		if s := b.real(0); s.State != "checking" {
			t.Errorf("after %d deaths: %+v, want patience", startTries-1, s)
		}
		b.fail("10.0.0.1", 1)
		const reason = "monitor does not start: exited with status 1: nanny: bad? argument"
		if s := b.real(0); s.State != "down" || s.Reason != reason {
			t.Errorf("after %d deaths: %+v, want down, %s", startTries, s, reason)
		}
		b.wantWrites("-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1")
		b.fail("10.0.0.1", startTries)
		if slices.Contains(b.monitors["10.0.0.1"].again().Args, "--known-down") {
			t.Error("the next nanny is told that the server is down, which nothing has seen")
		}
		b.say("10.0.0.1", "up")
		b.wantWrites("-a "+rowA+" -m -w 1", "-d -t 192.0.2.1:80 -r 10.9.9.9:80")
		if s := b.real(0); s.State != "up" || s.Reason != "" {
			t.Errorf("after a report: %+v, want up", s)
		}
		b.fail("10.0.0.2", startTries)
		if s := b.real(1); s.State != "down" || s.Reason != reason || !slices.Contains(b.monitors["10.0.0.2"].again().Args, "--known-down") {
			t.Errorf("known to be down before: %+v, want the reentry rule kept", s)
		}
		b.stop()
		b.wantLogged(1, "real server down vs=web rs=a ")
	})
}

func TestLongLineIsNoReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.say("10.0.0.1", "up")
		b.kernel.took()
		for range 2 {
			b.monitors["10.0.0.1"].tell(supervise.Event{Long: "down " + strings.Repeat("x", 1019)})
		}
		synctest.Wait()
		b.wantWrites()
		b.wantLogged(1, "warn: line of a monitor is too long")
		b.stop()
	})
}

// TestUnwatchedServerGoesOn: what serves is not taken out of service because nothing can watch it, whether a monitor saw
// it up or an earlier lvsd left its row.
func TestUnwatchedServerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, append(rowsOfB(), foreign()...))
		b.wantLogged(1, "table adopted rows=1 ") // not the one that is no business of ours
		b.say("10.0.0.1", "up")
		b.kernel.took()
		b.fail("10.0.0.1", 2*startTries)
		b.fail("10.0.0.2", 2*startTries)
		b.wantWrites()
		for i, want := range []string{"up", "checking"} {
			if s := b.real(i); s.State != want || !strings.HasPrefix(s.Reason, "monitor does not start") {
				t.Errorf("status %+v, want %s and why it is not watched", s, want)
			}
		}
		b.stop()
		b.wantLogged(2, "real server is not watched")
	})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		b.monitors["10.0.0.1"].tell(supervise.Event{Pid: 4711})
		b.say("10.0.0.1", "up")
		b.say("10.0.0.2", "down read timed out after 2s")
		got := b.status().VirtualServers[0].RealServers
		if a := got[0]; a.State != "up" || a.Pid != 4711 || !a.Present || a.Now != 1 {
			t.Errorf("status of a: %+v", a)
		}
		if o := got[1]; o.State != "down" || o.Reason != "read timed out after 2s" || o.Present {
			t.Errorf("status of b: %+v", o)
		}
		b.stop()
	})
}

// TestDrainEnds: monitors that never stop talking do not keep the loop from its other work.
func TestDrainEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room, more = 16, 4
		d := &Daemon{reports: make(chan event, room)}
		for range room + more {
			go func() { d.reports <- event{monitor: &monitor{}} }()
		}
		synctest.Wait()
		d.drain()
		if left := len(d.reports); left != more {
			t.Errorf("%d reports left, want the %d that came last", left, more)
		}
	})
}

// TestNotChecked: without checks a real server serves from the start, and checks can be switched on and off.
func TestNotChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const none = "scheduler = rr\n\tcheck = none"
		b := newBed(t, strings.Replace(two, "scheduler = rr", none, 1), nil)
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 1", "-a "+rowB+" -m -w 1")
		if a := b.real(0); a.State != "up" || !a.NotChecked || a.Reason != "" || a.Pid != 0 || a.LastCheck != nil || !a.Present {
			t.Errorf("status of a: %+v", a)
		}
		if len(b.monitors) != 0 {
			t.Errorf("monitors: %v", b.monitors)
		}
		b.write(two)
		b.signal(syscall.SIGHUP)
		b.wantWrites() // they stay as they are until somebody knows better
		if a := b.real(0); a.State != "up" || a.NotChecked || slices.Contains(b.monitors["10.0.0.1"].argv, "--known-down") {
			t.Errorf("status of a, checked: %+v", a)
		}
		b.say("10.0.0.1", "down connect refused")
		b.say("10.0.0.1", "failed 200 connect refused")
		b.wantWrites("-d " + rowA)
		b.write(strings.Replace(two, "scheduler = rr", none, 1))
		b.signal(syscall.SIGHUP)
		b.wantWrites("-a " + rowA + " -m -w 1")
		if a := b.real(0); a.State != "up" || !a.NotChecked || a.LastCheck != nil {
			t.Errorf("status of a, not checked any more: %+v", a)
		}
		select {
		case <-b.monitors["10.0.0.1"].done:
		default:
			t.Error("its monitor goes on")
		}
		b.stop()
	})
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, two, nil)
		start := time.Now()
		b.say("10.0.0.1", "up")
		b.say("10.0.0.1", "passed 812")
		time.Sleep(time.Second)
		b.say("10.0.0.1", "failed 2000000 connect timed out after 2s")
		if a := b.real(0); a.State != "up" || a.LastCheck == nil || *a.LastCheck != (CheckStatus{start.Add(time.Second), 2, "connect timed out after 2s"}) {
			t.Errorf("status of a: %+v, last check %+v", a, a.LastCheck)
		}
		if o := b.real(1); o.LastCheck != nil {
			t.Errorf("status of b: %+v", o)
		}
		list, err := b.daemon.History(t.Context(), "web", "")
		want := []CheckStatus{{start, 0.000812, ""}, {start.Add(time.Second), 2, "connect timed out after 2s"}}
		if err != nil || len(list) != 2 || list[0].Server != "a" || list[0].Address != "10.0.0.1:80" || !slices.Equal(list[0].Results, want) ||
			list[1].Server != "b" || len(list[1].Results) != 0 {
			t.Errorf("History = %+v, %v", list, err)
		}
		if list, err = b.daemon.History(t.Context(), "web", "b"); err != nil || len(list) != 1 {
			t.Errorf("History of b = %+v, %v", list, err)
		}
		for _, names := range [][2]string{{"web", "c"}, {"ftp", ""}, {"", ""}} {
			if list, err := b.daemon.History(t.Context(), names[0], names[1]); err != nil || list != nil {
				t.Errorf("History(%q) = %+v, %v", names, list, err)
			}
		}
		b.wantWrites(addWeb, "-a "+rowA+" -m -w 1") // results alone change nothing
		b.stop()
	})
}
