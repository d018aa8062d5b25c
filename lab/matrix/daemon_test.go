package matrix

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// daemon is a running server that is not ours.
type daemon struct {
	cmd    *exec.Cmd
	port   string
	secure string // the port with TLS, if there is one
	ended  chan struct{}
}

// output is what a daemon printed.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns what there is so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// ports are those of the daemons, below the ones that the kernel gives to whoever asks for any.
const (
	firstPort = 20_000
	lastPort  = 32_000
)

// ports counts those that were given out.
var ports atomic.Int32

// freePort returns a port of loopback that nobody has, and that no other test is given while its daemon starts. To see that, it
// is bound but not listened on: a program that is started at the same time has the socket for a moment, and would be taken for
// the server.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := firstPort + (os.Getpid()+int(ports.Add(1)))%(lastPort-firstPort)
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port})
		_ = syscall.Close(fd)
		if err == nil {
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no free port")
	return ""
}

// configure writes a file into the directory of a daemon and returns its path.
func configure(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run starts a daemon, in the foreground and in a group of its own, until the test ends, and waits until it listens.
func run(t testing.TB, port string, argv ...string) *daemon {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Skipf("%v: another server of its kind may be in its place", err)
	}
	out := new(output)
	d := &daemon{cmd: exec.Command(path, argv[1:]...), port: port, ended: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = out, out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.cmd.WaitDelay = time.Second
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		_ = d.cmd.Wait() // killed, as a rule
	}()
	t.Cleanup(func() {
		d.signal(syscall.SIGKILL)
		<-d.ended
		if t.Failed() {
			t.Logf("%s says:\n%s", argv[0], out)
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return d
		}
		select {
		case <-d.ended:
			t.Fatalf("%s ended:\n%s", argv[0], out)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen on port %s:\n%s", argv[0], port, out)
		}
	}
}

// signal goes to the daemon and all its processes; when they are gone it goes nowhere.
func (d *daemon) signal(s syscall.Signal) { _ = syscall.Kill(-d.cmd.Process.Pid, s) }
