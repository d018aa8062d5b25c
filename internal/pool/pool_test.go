package pool

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// bed is a running pool.
type bed struct {
	t     *testing.T
	pool  *Pool
	jobs  *io.PipeWriter
	says  *bufio.Reader
	pipe  *os.File // of says
	ended chan struct{}

	results map[string]string // word of the last result by ID
}

// talk is a check that the server decides by the path it is asked for.
type talk string

func (t talk) Run(ctx context.Context, _ func(string)) probe.Result {
	switch t {
	case "/good":
		return probe.Result{Outcome: probe.Up}
	case "/bad":
		return probe.Failure(1, "status 503")
	}
	<-ctx.Done()
	return probe.Result{Outcome: probe.Interrupted}
}

func newBed(t *testing.T) *bed {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	full := nanny.Full{Check: func(o *nanny.Options) (nanny.Heavy, error) {
		if o.CheckPath == "/wrong" {
			return nil, errors.New("nobody can check this")
		}
		return talk(o.CheckPath), nil
	}, Regex: func(pattern string) (func([]byte) bool, error) {
		return func(reply []byte) bool { return strings.Contains(string(reply), pattern) }, nil
	}}
	p, err := New(eventlog.New("nanny", 0, false), full, fd)
	if err != nil {
		t.Fatal(err)
	}
	jobs, feed := io.Pipe()
	b := &bed{t: t, pool: p, jobs: feed, says: bufio.NewReader(r), pipe: r, ended: make(chan struct{}), results: map[string]string{}}
	go p.Read(jobs)
	go func() {
		defer close(b.ended)
		p.Run()
		unix.Close(fd)
	}()
	t.Cleanup(func() {
		feed.Close()
		<-b.ended
		r.Close()
	})
	return b
}

func argv(args ...string) string {
	line, err := json.Marshal(append([]string{"--lvs", "-V", "192.0.2.1", "-h", "127.0.0.1"}, args...))
	if err != nil {
		panic(err)
	}
	return string(line)
}

func (b *bed) add(id string, args ...string) { b.line("add " + id + " " + argv(args...)) }

func (b *bed) line(line string) {
	b.t.Helper()
	if _, err := io.WriteString(b.jobs, line+"\n"); err != nil {
		b.t.Fatal(err)
	}
}

// want expects the next lines in any order. Results of checks come when they come; the last one of each is kept.
func (b *bed) want(lines ...string) {
	b.t.Helper()
	left := map[string]int{}
	for _, l := range lines {
		left[l]++
	}
	for n := 0; n < len(lines); {
		_ = b.pipe.SetReadDeadline(time.Now().Add(30 * time.Second))
		got, err := b.says.ReadString('\n')
		got = strings.TrimSuffix(got, "\n")
		if words := strings.Fields(got); len(words) > 2 && (words[1] == "passed" || words[1] == "failed") {
			b.results[words[0]] = words[1]
			continue
		}
		n++
		if err != nil || left[got] == 0 {
			b.t.Fatalf("the pool said %q, %v, want %.500q", got, err, lines)
		}
		left[got]--
	}
}

// count returns how many checks are shared, and how many wait for their turn.
func (b *bed) count() (shared, all int) {
	counts := make(chan [2]int)
	b.pool.do(func() { counts <- [2]int{len(b.pool.shared), len(b.pool.engine.timers)} })
	c := <-counts
	return c[0], c[1]
}

// between has the loop call f when no check is under way: one that a listener has not accepted yet would be reset with it.
func (b *bed) between(f func()) {
	for done := make(chan bool); ; {
		b.pool.do(func() {
			idle := b.pool.engine.open == 0 && b.pool.crew.busy == 0
			if idle {
				f()
			}
			done <- idle
		})
		if <-done {
			return
		}
	}
}

// wantEndedSince expects an end that has waited for nothing that takes its time, as all that these pools do. It took what a
// busy machine took.
func (b *bed) wantEndedSince(began time.Time) {
	b.t.Helper()
	if took := time.Since(began); took > 10*time.Second {
		b.t.Errorf("ended after %v", took)
	}
}

// port is a listener's, on which every connection is handled.
func port(t *testing.T, handle func(c net.Conn)) (string, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), l
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

func TestPool(t *testing.T) {
	good, listener := port(t, says("HTTP/1.1 200 OK\r\n"))
	closed := strconv.Itoa(int(closedPort(t).Addr.Port()))
	b := newBed(t)
	b.add("1", "-p", good, "-t", "50ms", "-a", "1ms")
	b.add("web-2", "-p", good, "-t", "60m", "-x", "SSH")
	b.add("3", "-p", closed, "-t", "50ms")
	b.add("4", "-p", closed, "-u", "-s", "x", "-t", "50ms")
	b.add("5", "-p", "80", "-r", good, "-t", "60m")
	b.add("6", "-p", good, "-e", "/bin/echo no", "-x", "yes", "-t", "60m")
	b.add("7", "-p", good, "-x", "200", "--regex", "-t", "60m")
	b.want("1 up", `web-2 down expected "SSH", got "HTTP/1.1 200 OK"`, "3 down connect refused", "4 down port unreachable", "5 up",
		`6 down expected "yes", got "no"`, "7 up")
	b.line("remove 5")
	b.line("remove 7")
	b.line("remove 7")
	b.between(func() {
		listener.Close()
		for _, m := range b.pool.members {
			b.pool.engine.hurry(&m.job.check)
		}
	})
	b.want("1 down connect refused", "web-2 down connect refused")
	b.add("1", "-p", closed, "-e", "/bin/true", "-t", "60m")
	b.want("1 up")
	b.jobs.Close()
	<-b.ended
}

func TestBadJobs(t *testing.T) {
	b := newBed(t)
	b.line("")
	b.line("nonsense")
	b.line("add")
	b.line("add " + strings.Repeat("x", maxID+1) + " []")
	b.line("remove 99")
	b.line("add 1 [")
	b.line(`add 2 ["--no-such-option"]`)
	b.line(`add 3 []`)
	b.line("add 4 " + strings.Repeat(" ", maxLine))
	b.line(`add 5 ["--pool"]`)
	b.line(`add 6 {"a": 1}`)
	b.add("7", "-p", "80", "-U", "agent 0")
	b.want("1 down cannot be checked: job not understood: unexpected end of JSON input",
		"2 down cannot be checked: bad argument --no-such-option: unknown option",
		"3 down cannot be checked: No address supplied. Use '--help' for help.",
		"4 down cannot be checked: the job is longer than 1048576 bytes",
		"5 down cannot be checked: a pool in a pool",
		"6 down cannot be checked: job not understood: json: cannot unmarshal object into Go value of type []string",
		"7 down cannot be checked: load monitor agent: a port of 1 to 65535 expected, as in agent 8080")
}

// TestLoad: agents and commands tell the load of a server, and an agent may say that it is down.
func TestLoad(t *testing.T) {
	var line atomic.Value
	line.Store("75%\n")
	agent, _ := port(t, func(c net.Conn) { _, _ = io.WriteString(c, line.Load().(string)) })
	good, _ := port(t, says(""))
	b := newBed(t)
	b.add("1", "-p", good, "-t", "20ms", "-U", "agent "+agent)
	b.want("1 share 75", "1 up")
	line.Store("down #disk full\n")
	b.want("1 down its agent says down: disk full")
	line.Store("up\n")
	b.want("1 up")
	b.add("2", "-p", good, "-t", "60m", "-U", "/bin/echo load average: 0.25,")
	b.want("2 load 0.25", "2 up")
	b.add("3", "-p", strconv.Itoa(int(closedPort(t).Addr.Port())), "-t", "20ms", "-U", "agent "+agent)
	b.want("3 down connect refused", "3 share 100")
}

// TestShared: the same check is made once for all that may share it, each with its own rules.
func TestShared(t *testing.T) {
	asked := make(chan struct{}, 1000)
	good, _ := port(t, func(c net.Conn) {
		asked <- struct{}{}
		says("HTTP")(c)
	})
	b := newBed(t)
	b.add("1", "-p", "80", "-r", good, "-t", "60m", "--shared")
	b.want("1 up")
	b.add("2", "-p", "8080", "-r", good, "-s", "GET / HTTP/1.0\r\n\r\n", "-x", "HTTP", "-t", "60m", "-V", "192.0.2.2", "--shared")
	b.want("2 up")
	b.add("3", "-p", "80", "-r", good, "-t", "60m", "--shared", "-a", "120m", "--known-down")
	b.want("3 down passes again, 1 more good checks needed")
	if shared, _ := b.count(); shared != 1 || len(asked) != 3 {
		t.Errorf("%d checks made %d times, want 1 made 3 times", shared, len(asked))
	}
	b.line("remove 1")
	b.add("4", "-p", "80", "-r", good, "-t", "60m") // does not want to share
	b.want("4 up")
	b.add("5", "-p", "80", "-r", good, "-t", "120m", "--shared")
	b.want("5 up")
	b.add("6", "-p", "80", "-r", good, "-t", "120m", "--shared")
	b.want("6 up")
	for _, id := range []string{"2", "3", "5"} {
		b.line("remove " + id)
	}
	b.add("7", "-p", good, "-t", "60m")
	b.want("7 up")
	if shared, all := b.count(); shared != 1 || all != 3 {
		t.Errorf("%d shared of %d checks, want 1 of 3", shared, all)
	}
}

// TestFullPipe: who does not read finds out how things are when it does.
func TestFullPipe(t *testing.T) {
	const count = 2000
	b := newBed(t)
	reason := strings.Repeat("x", 60)
	for i := range count {
		b.line("add " + strconv.Itoa(i) + ` ["--` + reason + `"]`)
	}
	b.add("last", "-p", strconv.Itoa(int(closedPort(t).Addr.Port())), "-t", "10ms")
	time.Sleep(50 * time.Millisecond)
	var want []string
	for i := range count {
		want = append(want, strconv.Itoa(i)+" down cannot be checked: bad argument --"+reason+": unknown option")
	}
	b.want(append(want, "last down connect refused")...)
}

// TestHeavy: checks that one goroutine cannot make are made beside it, and reported with their results.
func TestHeavy(t *testing.T) {
	b := newBed(t)
	b.add("1", "--check=http", "--check-path=/good", "-t", "10ms", "--fall=3")
	b.add("2", "--check=https", "--check-path=/bad", "-t", "10ms")
	b.add("3", "--check=tls", "--check-path=/wrong", "-t", "10ms")
	for i := range b.pool.talks.most - 2 {
		b.add(strconv.Itoa(10+i), "--check=http", "--check-path=/hang", "-t", "10ms")
	}
	b.want("1 up", "2 down status 503", "3 down cannot be checked: nobody can check this")
	b.add("2", "--check=https", "--check-path=/good", "-t", "10ms")
	b.want("2 up")
	if b.results["1"] != "passed" || b.results["2"] == "" || b.results["3"] != "" {
		t.Errorf("results %v", b.results)
	}
	began := time.Now()
	b.pool.Signal(syscall.SIGTERM)
	<-b.ended
	b.wantEndedSince(began)
}

// TestEnd: a pool ends at once whatever is going on, and leaves nothing behind.
func TestEnd(t *testing.T) {
	silent := strconv.Itoa(int(silentPort(t).Addr.Port()))
	for _, how := range []string{"TERM", "end of jobs", "lvsd is gone"} {
		b := newBed(t)
		b.add("0", "-p", strconv.Itoa(int(closedPort(t).Addr.Port())), "-t", "60m")
		for i := range 20 {
			b.add(strconv.Itoa(1+i), "-p", silent, "-x", "x", "-t", "60m")
			b.add(strconv.Itoa(100+i), "-p", silent, "-e", "/bin/sleep 3600", "-t", "60m")
		}
		b.want("0 down connect refused")
		b.line("remove 0")
		began := time.Now()
		switch how {
		case "TERM":
			b.pool.Signal(syscall.SIGHUP)
			b.pool.Signal(syscall.SIGTERM)
		case "end of jobs":
			b.jobs.Close()
		default:
			b.pipe.Close()
		}
		<-b.ended
		b.wantEndedSince(began)
		if b.pool.engine.open != 0 {
			t.Errorf("%s: %d sockets left", how, b.pool.engine.open)
		}
	}
}

// TestDivide: of the descriptors there are for everybody, and together not more than there are.
func TestDivide(t *testing.T) {
	for files, want := range map[int]share{
		1024:    {64, 256, 448},
		4096:    {256, 768, 2240},
		20000:   {256, 768, 18144},
		1 << 20: {256, 768, 1<<20 - 1856},
		100:     {6, 25, 64},
	} {
		if got := divide(files); got != want {
			t.Errorf("divide(%d) = %+v, want %+v", files, got, want)
		}
	}
}

// FuzzLine: whatever comes is read line by line, in bounded pieces, and no line is taken for two.
func FuzzLine(f *testing.F) {
	f.Add("add 1 []\nremove 1\n", 0)
	f.Add("remove 1", maxLine)
	f.Fuzz(func(t *testing.T, text string, more int) {
		text += strings.Repeat("x", max(0, more)%(2*maxLine))
		r := bufio.NewReaderSize(strings.NewReader(text), 64)
		for i, want := range strings.Split(text, "\n") {
			got, err := readLine(r)
			if len(got) > maxLine+1 || got != want[:min(len(want), maxLine+1)] {
				t.Fatalf("line %d has %d bytes, want %d", i, len(got), len(want))
			}
			if err != nil && r.Buffered() > 0 {
				t.Fatal(err)
			}
		}
	})
}
