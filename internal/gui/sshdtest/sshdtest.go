// Package sshdtest runs a real sshd for tests.
package sshdtest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Server is an sshd to which the user of the test may sign in with the keys that it authorizes, at first with none.
type Server struct {
	Port    string
	HostKey string // as a line of a .pub file begins

	t   testing.TB
	dir string
}

// Start runs an sshd on an address until the end of the test, or skips that where there is none.
func Start(t testing.TB, address string) *Server {
	t.Helper()
	for _, program := range []string{"/usr/sbin/sshd", "/usr/bin/sftp", "/usr/bin/ssh-keyscan"} {
		if _, err := os.Stat(program); err != nil {
			t.Skip(err)
		}
	}
	s := &Server{t: t, dir: t.TempDir()}
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", s.path("host")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(s.path("host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.HostKey = strings.TrimSpace(string(public))
	if os.Getuid() == 0 { // it refuses to start without; its service has it made
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write("conf", "HostKey "+s.path("host")+"\nPidFile none\nUsePAM no\nStrictModes no\nAuthorizedKeysFile "+s.path("keys")+
		"\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n")
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	_, s.Port, _ = net.SplitHostPort(l.Addr().String())
	s.serve(l)
	return s
}

// serve runs an sshd for each connection, as inetd does: a port that it were to open itself could be somebody else's by then.
func (s *Server) serve(l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	s.t.Cleanup(func() {
		cancel()
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.answer(ctx, conn) })
		}
	})
}

func (s *Server) answer(ctx context.Context, conn net.Conn) {
	file, err := conn.(*net.TCPConn).File()
	conn.Close()
	if err != nil {
		s.t.Error(err)
		return
	}
	cmd := exec.CommandContext(ctx, "/usr/sbin/sshd", "-i", "-e", "-f", s.path("conf"))
	cmd.Stdin, cmd.Stdout = file, file
	err = cmd.Start()
	file.Close()
	if err != nil {
		if ctx.Err() == nil {
			s.t.Error(err)
		}
		return
	}
	_ = cmd.Wait() // how the session ended is the client's business
}

// Authorize has the key of a line let in, and no other.
func (s *Server) Authorize(line string) {
	s.t.Helper()
	s.write("keys", line+"\n")
}

// PublicKey is the file with the host key.
func (s *Server) PublicKey() string { return s.path("host.pub") }

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
