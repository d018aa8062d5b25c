package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
)

// busy is a status after n seconds in which web has served 10 connections a second, and mail 300.
func busy(n uint64) *lvs.Status {
	traffic := func(connections, bytes uint64) *lvs.TrafficStatus {
		return &lvs.TrafficStatus{Active: uint32(connections), Inactive: 1, Connections: n * connections, InPackets: 3 * n * connections, InBytes: n * bytes}
	}
	return &lvs.Status{
		Active: true, Counting: true, Counted: at.Add(time.Duration(n) * time.Second),
		VirtualServers: []lvs.VirtualStatus{
			{Name: "web", Service: "-t 192.0.2.1:80", Traffic: traffic(10, 4000), RealServers: []lvs.RealStatus{
				{Name: "a", State: "up", Present: true, Now: 1, Traffic: traffic(2, 3000)},
				{Name: "b", State: "up", Present: true, Now: 5, Order: "drain", Traffic: traffic(8, 1000)},
				{Name: "a-server-with-a-very-long-name", State: "down", Weight: 1},
			}},
			{Name: "mail\x1b", Service: "-t 192.0.2.1:25", Traffic: traffic(300, 99999), RealServers: []lvs.RealStatus{
				{Name: "m", State: "up", Present: true, Now: 1, Traffic: traffic(300, 99999)},
			}},
		},
	}
}

func TestTopView(t *testing.T) {
	const head = "SERVICE             STATE      WEIGHT ACTIVE  INACT CONN/S PKTS/S   IN/S  OUT/S\n"
	v := topView{order: topOrders[0]}
	v.take(busy(1))
	want := "12:00:01  active, 3 of 4 real servers up, order: conn/s (keys c a p i o n q)\n" + head +
		"web                 2/3 up                10      2      -      -      -      -\n" +
		"  a                 up              1      2      1      -      -      -      -\n" +
		"  b                 drain           5      8      1      -      -      -      -\n" +
		"  a-server-with-a-v down            -      -      -      -      -      -      -\n" +
		"mail?               1/1 up               300      1      -      -      -      -\n" +
		"  m                 up              1    300      1      -      -      -      -\n"
	if got := v.text(80, 0); got != want {
		t.Errorf("at first:\n%s", got)
	}
	v.take(busy(3))
	want = "12:00:03  active, 3 of 4 real servers up, order: conn/s (keys c a p i o n q)\n" + head +
		"mail?               1/1 up               300      1    300    900   100k      0\n" +
		"  m                 up              1    300      1    300    900   100k      0\n" +
		"web                 2/3 up                10      2     10     30     4k      0\n" +
		"  b                 drain           5      8      1      8     24     1k      0\n" +
		"  a                 up              1      2      1      2      6     3k      0\n" +
		"  a-server-with-a-v down            -      -      -      -      -      -      -\n"
	if got := v.text(80, 0); got != want {
		t.Errorf("two seconds later:\n%s", got)
	}
	v.take(busy(3)) // nothing was counted meanwhile
	if got := v.text(80, 0); got != want {
		t.Errorf("looked again too soon:\n%s", got)
	}
	for key, names := range map[byte]string{'i': "mail? m web a b", 'n': "web a b", 'c': "mail? m web b a", 'x': "mail? m web b a"} {
		v.press('c')
		v.press(key)
		var got []string
		for _, line := range strings.Split(v.text(80, 0), "\n")[2:] {
			got = append(got, append(strings.Fields(line), "")[0])
		}
		if !strings.HasPrefix(strings.Join(got, " "), names+" ") {
			t.Errorf("%c: %q", key, got)
		}
	}
}

// TestTopSize: it never takes more room than there is.
func TestTopSize(t *testing.T) {
	v := topView{order: topOrders[0]}
	v.take(busy(1))
	v.take(busy(3))
	for _, size := range [][2]int{{80, 24}, {40, 5}, {10, 2}, {1, 2}} {
		lines := strings.Split(strings.TrimSuffix(v.text(size[0], size[1]), "\n"), "\n")
		if len(lines) > size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if len(line) > size[0] {
				t.Errorf("%v: %q", size, line)
			}
		}
	}
	if text := v.text(80, 5); !strings.HasSuffix(text, "\n4 more lines\n") {
		t.Errorf("cut:\n%s", text)
	}
}

func TestTopRemarks(t *testing.T) {
	for want, s := range map[string]*lvs.Status{
		"":                              {Counting: true},
		"Nothing is counted: no answer": {Counting: true, CounterError: "no answer"},
		"The kernel's counters stand still: net.ipv4.vs.run_estimation is 0.": {},
	} {
		v := topView{}
		v.take(s)
		if got := strings.Join(v.remarks(), "\n"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		v.failed = errors.New("gone")
		if got := strings.Join(v.remarks(), "\n"); got != "Nothing newer: gone" {
			t.Errorf("%q", got)
		}
	}
}

// TestTopRestart: rows whose counters began anew are not said to have gone backwards.
func TestTopRestart(t *testing.T) {
	v := topView{order: topOrders[0]}
	v.take(busy(100))
	anew := busy(1)
	anew.Counted = busy(101).Counted
	v.take(anew)
	if text := v.text(80, 0); strings.Contains(text, "e+") || !strings.Contains(text, "300    900") {
		t.Errorf("\n%s", text)
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 0.5: "0.5", 1: "1", 9.94: "9.9", 9.96: "10", 99.9: "100", 999: "999", 999.6: "1.0k", 1000: "1k", 1234: "1.2k",
		12345: "12k", 999999: "1.0M", 1e7: "10M", 2.5e9: "2.5G", 3e12: "3T", 4e15: "4000T",
	} {
		if got := short(n); got != want {
			t.Errorf("short(%v) = %s, want %s", n, got, want)
		}
	}
}

// lively is a lvsd whose counters grow with each look.
func lively(t *testing.T) (dir string) {
	dir = t.TempDir()
	looks := uint64(0)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		looks++
		control.Reply(w, http.StatusOK, busy(looks))
	})
	serve(t, filepath.Join(dir, "lvs.sock"), mux)
	return dir
}

func TestTopBlocks(t *testing.T) {
	var b bytes.Buffer
	o := options{watching: watching{interval: time.Millisecond, count: 2}}
	if err := top(t.Context(), newCluster(lively(t)), o, strings.NewReader(""), &b); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^mail\? +1/1 up +300      1    300    900   100k      0$`).FindAllString(b.String(), -1)
	if len(rows) != 2 || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%d blocks:\n%s", len(rows), b.String())
	}
}

func TestTopNobodyAnswers(t *testing.T) {
	if _, err := ctl(t, t.TempDir(), "top"); err == nil || !strings.Contains(err.Error(), "lvsd does not run here") {
		t.Errorf("%v", err)
	}
	for args, want := range map[string]string{
		"top --interval=999ms": "bad argument --interval: at least 1 second expected",
		"top -n -1":            "bad argument --count: 0 or more expected",
		"top --sort=x":         "bad argument --sort: one of conn/s, active, pkts/s, in/s, out/s, lvs.cf expected",
		"status --sort=in/s":   "--interval, --count and --sort are for top",
	} {
		if _, err := ctl(t, "/none", strings.Fields(args)...); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

// pty makes a terminal, and what sits before it.
func pty(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip(err)
	}
	master = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 6, Col: 80}); err != nil {
		t.Fatal(err)
	}
	return master, terminal
}

// TestTopTerminal: top on a real terminal keeps to its size, follows keys, and gives it back as it was.
func TestTopTerminal(t *testing.T) {
	master, terminal := pty(t)
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	o := options{watching: watching{interval: 5 * time.Millisecond}}
	go func() { ended <- top(t.Context(), newCluster(lively(t)), o, terminal, terminal) }()
	var said strings.Builder
	expect := func(text string) {
		t.Helper()
		if err := master.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		for said.Reset(); !strings.Contains(said.String(), text); {
			n, err := master.Read(b)
			if err != nil {
				t.Fatalf("no %q: %v in %d bytes, at first %.400q", text, err, said.Len(), said.String())
			}
			said.Write(b[:n])
		}
	}
	expect(enterScreen)
	expect("300    900")
	expect("more lines")
	master.WriteString("i")
	expect("order: in/s")
	master.WriteString("q")
	expect(leaveScreen)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("terminal: %+v, %v; was %+v", after, err, before)
	}
}
