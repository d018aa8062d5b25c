package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const password = "sixteen barrels"

// desk is a piranha-gui on a directory of its own, and the daemons it talks to.
type desk struct {
	t       *testing.T
	dir     string
	url     string
	daemons *daemons

	stop, crash func() // the program
}

// newDesk starts one. Without an account nobody can sign in yet.
func newDesk(t *testing.T, lvscf string, account bool) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	d.write("lvs.cf", lvscf)
	if account {
		d.setPassword()
	}
	d.daemons = newDaemons(t, d.path("run"), d.path("lvs.cf"))
	d.start()
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) read(name string) string {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func program(t *testing.T, name string) string {
	t.Helper()
	bin := os.Getenv("PIRANHA_BIN")
	if bin == "" {
		t.Fatal("PIRANHA_BIN is not set: make browser sets it")
	}
	return filepath.Join(bin, name)
}

func (d *desk) setPassword() {
	d.t.Helper()
	cmd := exec.Command(program(d.t, "piranha-passwd"), "--stdin", "--passwd-file="+d.path("passwd"))
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("piranha-passwd: %v\n%s", err, out)
	}
}

// start runs piranha-gui, until the test ends or it is stopped.
func (d *desk) start() {
	d.t.Helper()
	cmd := exec.Command(program(d.t, "piranha-gui"), "--listen=127.0.0.1:0", "--configfile="+d.path("lvs.cf"), "--passwd-file="+d.path("passwd"),
		"--run-dir="+d.path("run"), "--state-dir="+d.path("state"))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan error, 1)
	url := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if _, u, ok := strings.Cut(lines.Text(), "answering url="); ok {
				url <- strings.TrimSuffix(u, "/")
			}
		}
		ended <- cmd.Wait()
	}()
	d.stop = sync.OnceFunc(func() { stop(d.t, cmd, ended, syscall.SIGTERM) })
	d.crash = func() {
		stop(d.t, cmd, ended, syscall.SIGKILL)
		d.stop = func() {}
	}
	select {
	case d.url = <-url:
	case <-time.After(stepTime):
		d.t.Fatal("piranha-gui does not start")
	}
}

// stop ends a program by a signal.
func stop(t *testing.T, cmd *exec.Cmd, ended <-chan error, signal syscall.Signal) {
	_ = cmd.Process.Signal(signal)
	select {
	case err := <-ended:
		if err != nil && signal == syscall.SIGTERM {
			t.Errorf("piranha-gui: %v", err)
		}
	case <-time.After(stepTime):
		_ = cmd.Process.Kill()
		t.Error("piranha-gui does not end")
	}
}
