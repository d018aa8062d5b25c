package eventlog

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAppendEvent(t *testing.T) {
	tests := []struct {
		msg  string
		kv   []string
		want string
	}{
		{"up", nil, "up"},
		{"", nil, ""},
		{"[ active ] making 10.0.0.1:80 available", []string{"weight", "1"}, "[ active ] making 10.0.0.1:80 available weight=1"},
		{"down", []string{"reason", "connect refused", "rs", "a"}, `down reason="connect refused" rs=a`},
		{"down", []string{"reason", ""}, `down reason=""`},
		{"down", []string{"got", `say "hi"`}, `down got="say \"hi\""`},
		{"down", []string{"got", "x\nnanny: [ active ]"}, `down got="x\nnanny: [ active ]"`},
		{"down", []string{"got", "a\x1b[2Jb"}, `down got="a\x1b[2Jb"`},
		{"down", []string{"got", "\xff\x00"}, `down got="\xff\x00"`},
		{"down", []string{"name", "Köln"}, `down name="Köln"`},
		{"two\nlines\r\t\x00", nil, `two\nlines\r\t\x00`},
		{"sep\u2028bell\a\x7f\xff", nil, `sep\u2028bell\a\x7f\xff`},
		{"naïve 日本 \"q\" C:\\x", nil, "naïve 日本 \"q\" C:\\x"},
		{"odd", []string{"a", "1", "b"}, "odd a=1 b=MISSING"},
	}
	for _, tt := range tests {
		if got := string(appendEvent([]byte("x: "), tt.msg, tt.kv)); got != "x: "+tt.want {
			t.Errorf("appendEvent(%q, %q) = %q, want %q", tt.msg, tt.kv, got, "x: "+tt.want)
		}
	}
}

func TestLength(t *testing.T) {
	long := strings.Repeat("ä", 40000)
	tests := []struct {
		msg string
		kv  []string
	}{
		{long, nil},
		{"a" + long, []string{"k", "v"}},
		{"short", []string{"a", long, "b", long}},
		{"short", []string{"a", strings.Repeat("\x00", 5000)}},
		{strings.Repeat("\n", 5000), nil},
	}
	for _, tt := range tests {
		got := string(appendEvent(nil, tt.msg, tt.kv))
		if len(got) > maxEvent || !strings.HasSuffix(got, ellipsis) || strings.ToValidUTF8(got, "?") != got {
			t.Errorf("event of %d bytes ends in %q, want at most %d bytes of UTF-8 and an ellipsis", len(got), got[max(0, len(got)-8):], maxEvent)
		}
	}
}

func FuzzAppendEvent(f *testing.F) {
	f.Add("message", "value")
	f.Add("a\nb", "\xff\"")
	f.Fuzz(func(t *testing.T, msg, value string) {
		got := string(appendEvent(nil, msg, []string{"k", value}))
		if len(got) > maxEvent || strings.ContainsFunc(got, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("appendEvent(%q, %q) = %q", msg, value, got)
		}
	})
}

func TestStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := New("nanny", Stdout, false)
	l.stdout = int(w.Fd())
	l.Info("one", "k", "v")
	l.Debug("not shown")
	l.Warn("two")
	l.verbose = true
	l.Debug("three")
	l.Error("four")
	w.Close()
	buf := make([]byte, 4096)
	n, err := r.Read(buf)
	if want := "nanny: one k=v\nnanny: two\nnanny: three\nnanny: four\n"; err != nil || string(buf[:n]) != want {
		t.Errorf("standard output got %q, %v, want %q", buf[:n], err, want)
	}
}

// listen opens a datagram socket as a system logger does.
func listen(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// receive returns the datagram that is waiting, or "" if there is none.
func receive(t *testing.T, fd int) string {
	t.Helper()
	buf := make([]byte, 2048)
	n, err := unix.Read(fd, buf)
	if err == unix.EAGAIN {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := New("nanny", Syslog, true)
	l.path = path
	l.Info("nobody listens yet")

	fd := listen(t, path)
	head := "nanny[" + strconv.Itoa(os.Getpid()) + "]: "
	tests := []struct {
		log  func(string, ...string)
		want string
	}{
		{l.Info, "<30>" + head + "m k=v"},
		{l.Warn, "<28>" + head + "m k=v"},
		{l.Error, "<27>" + head + "m k=v"},
		{l.Debug, "<31>" + head + "m k=v"},
	}
	for _, tt := range tests {
		tt.log("m", "k", "v")
		if got := receive(t, fd); got != tt.want {
			t.Errorf("logger got %q, want %q", got, tt.want)
		}
	}

	// The logger is restarted: a new socket at the same path.
	unix.Close(fd)
	l.Info("lost")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	fd = listen(t, path)
	defer unix.Close(fd)
	l.Info("found")
	if got, want := receive(t, fd), "<30>"+head+"found"; got != want {
		t.Errorf("restarted logger got %q, want %q", got, want)
	}

}

// flood logs more lines than can wait and returns how many of them are lost.
func flood(l *Logger, q *queue) (lines, lost int) {
	for ; q.lostSoFar() < 100; lines++ {
		l.Info(strconv.Itoa(lines))
	}
	return lines, 100
}

func (q *queue) lostSoFar() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// waitEmpty waits until nothing waits.
func (q *queue) waitEmpty() {
	q.mu.Lock()
	emptied := q.emptied
	q.mu.Unlock()
	if emptied != nil {
		<-emptied
	}
}

// wantFlood judges what came of a flood: its lines in order, those that were lost being told at the end, then "after".
func wantFlood(t *testing.T, got []string, lines, lost int) {
	t.Helper()
	if len(got) != lines-lost+2 || got[len(got)-2] != strconv.Itoa(lost)+" lines lost" || got[len(got)-1] != "after" {
		t.Fatalf("%d lines came of %d, %d lost; the last are %q", len(got), lines, lost, got[max(0, len(got)-2):])
	}
	for i, line := range got[:lines-lost] {
		if line != strconv.Itoa(i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
}

func TestNobodyReadsStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := New("x", Stdout, false)
	l.stdout = int(w.Fd())
	lines, lost := flood(l, &l.toStdout)
	l.flush(time.Millisecond) // ends, although nobody reads
	read := make(chan string)
	go func() {
		text, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		read <- string(text)
	}()
	l.toStdout.waitEmpty()
	l.Info("after")
	l.flush(time.Hour) // has nothing to wait for
	w.Close()
	wantFlood(t, strings.Split(strings.ReplaceAll(strings.TrimSpace(<-read), "x: ", ""), "\n"), lines, lost)
}

func TestSyslogHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	fd := listen(t, path)
	defer unix.Close(fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	l := New("x", Syslog, false)
	l.path = path
	lines, lost := flood(l, &l.toSyslog)
	l.flush(time.Millisecond)
	var got []string
	for len(got) < lines-lost+2 {
		if len(got) == lines-lost+1 {
			l.toSyslog.waitEmpty()
			l.Info("after")
		}
		_, text, _ := strings.Cut(receive(t, fd), "]: ")
		got = append(got, text)
	}
	wantFlood(t, got, lines, lost)
}

func TestConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	fd := listen(t, path)
	defer unix.Close(fd)
	l := New("x", Syslog, false)
	l.path = path
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2 {
				l.Info("message", "key", "value")
			}
		})
	}
	wg.Wait()
	for range 8 {
		if got := receive(t, fd); !strings.HasSuffix(got, "]: message key=value") {
			t.Errorf("got %q, want a whole message", got)
		}
	}
}

func TestAllocations(t *testing.T) {
	null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	l := New("x", Stdout, false)
	l.stdout = int(null.Fd())
	if got := testing.AllocsPerRun(100, func() { l.Info("message", "key", "a value") }); got != 0 {
		t.Errorf("%v allocations a line, want 0", got)
	}
}
