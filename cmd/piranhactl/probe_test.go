package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProbe runs the real nanny.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", dir, "../nanny")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 ready\r\n"))
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	file := filepath.Join(dir, "lvs.cf")
	text := fmt.Sprintf(`virtual mail {
	active = 1
	address = 192.0.2.1 eth0:1
	port = %s
	expect = 220
	server one {
		address = 127.0.0.1
		active = 1
	}
	server two {
		address = 127.0.0.1
		port = 1
	}
}
virtual blind {
	active = 1
	address = 192.0.2.1 eth0:1
	check = none
	server one {
		address = 127.0.0.1
		active = 1
	}
}
`, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.cf")
	if err := os.WriteFile(bad, []byte("virtual mail {\nport = 0\nactive = 1\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := daemons{dir: dir} // none answers
	for _, tt := range []struct {
		file, virtual, server, out string
		failed                     bool
		err                        string
	}{
		{file, "mail", "one", "got 11 bytes in ", false, ""},
		{file, "mail", "one", "\nup after ", false, ""},
		{file, "mail", "two", "connecting to 127.0.0.1:1\ndown after ", true, ""},
		{file, "blind", "one", "", true, "the real server is not checked: check = none"},
		{file, "web", "one", "", true, `no virtual server "web"`},
		{file + "x", "web", "one", "", true, "no such file or directory"},
		{bad, "mail", "one", "", true, "bad.cf:1: virtual"},
	} {
		cmd := []string{"probe", "-c", tt.file, "--nanny=" + filepath.Join(dir, "nanny"), tt.virtual, tt.server}
		out, failed, err := d.try(t, cmd...)
		if !strings.Contains(out, tt.out) || !strings.Contains(failed, tt.err) || (err != nil) != tt.failed || (failed == "") != (tt.err == "") {
			t.Errorf("probe %s %s: %q, %q, %v", tt.virtual, tt.server, out, failed, err)
		}
	}
}
