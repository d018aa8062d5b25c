package pulse

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/eventlog"
)

func TestParseServers(t *testing.T) {
	for line, want := range map[string]Servers{
		"servers 2 3":                            {2, 3},
		"servers 0 4294967295":                   {0, 4294967295},
		"servers 2":                              {},
		"servers 2 3 4":                          {},
		"servers -1 3":                           {},
		"servers 2 4294967296":                   {},
		"clients 2 3":                            {},
		"":                                       {},
		"servers x " + strings.Repeat("9", 1000): {},
	} {
		if got, ok := parseServers(line); got != want || ok != (want != Servers{}) {
			t.Errorf("parseServers(%.40q) = %v, %v, want %v", line, got, ok, want)
		}
	}
}

// TestChild: one lvsd at a time, and end waits for its end.
func TestChild(t *testing.T) {
	var c child
	c.end() // none
	ctx, stop := context.WithCancel(context.Background())
	if !c.begin(stop) {
		t.Fatal("the first one is refused")
	}
	if c.begin(func() {}) {
		t.Error("a second one beside it")
	}
	gone := make(chan struct{})
	go func() {
		<-ctx.Done()
		close(gone)
		c.gone()
	}()
	c.end()
	select {
	case <-gone:
	default:
		t.Error("end has not waited")
	}
	c.end()
	if !c.begin(func() {}) {
		t.Error("a successor is refused")
	}
}

func TestRunCommand(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"/bin/true", ""},
		{"/bin/echo 'no quotes'", ""},
		{"/bin/ls /nonexistent/file", "exit status"},
		{"/nonexistent/command", "no such file"},
	} {
		err := runCommand(strings.Fields(tt.line), &syscall.SysProcAttr{Setpgid: true}, time.Minute)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.line, err, tt.want)
		}
	}
	began := time.Now()
	err := runCommand(strings.Fields("/bin/sleep 3600"), &syscall.SysProcAttr{Setpgid: true}, 10*time.Millisecond)
	if err == nil || err.Error() != "/bin/sleep: killed after 10ms" || time.Since(began) > time.Minute {
		t.Errorf("a command without end: %v after %v", err, time.Since(began))
	}
}

// TestCommands: of those that wait only the last is run.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	d := &Daemon{log: eventlog.New("pulse", 0, false), commands: make(chan command, 1)}
	d.commandRuns.Lock() // one runs
	for _, name := range []string{"one", "two", "three"} {
		d.due(command{[]string{"/bin/touch", filepath.Join(dir, name)}, &syscall.SysProcAttr{Setpgid: true}})
	}
	d.commandRuns.Unlock()
	d.running.Wait()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "three" {
		t.Errorf("%v, %v", files, err)
	}
}

func TestTail(t *testing.T) {
	var said tail
	for i := range 1000 {
		_, _ = said.Write([]byte{byte('a' + i%26), '\n'})
	}
	_, _ = said.Write([]byte("the end"))
	if got := string(said.text); len(got) != tailSize || !strings.HasSuffix(got, "\nthe end") {
		t.Errorf("tail of much: %d bytes, %q", len(got), got)
	}
}
