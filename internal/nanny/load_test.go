package nanny

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/loadmon"
)

// agentServer answers each connection with the next of the lines, and the last one again and again.
func agentServer(t *testing.T, lines ...string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(lines[min(i, len(lines)-1)]))
			c.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func TestAgent(t *testing.T) {
	port := agentServer(t, "75%\n", "drain", "ready 50%\n", "down #disk full\n", "nothing known", "up\n", "maint\n", "ready\n")
	n, _ := newTestNanny(t, "-t 20s")
	n.opts.LoadCommand, n.opts.Server = "agent "+port, netip.MustParseAddr("127.0.0.1")
	if err := n.WeighBy(nil); err != nil {
		t.Fatal(err)
	}
	n.standing = Standing{Known: true, Up: true}
	share := func(v float64) loadmon.Reading { return loadmon.Reading{Kind: loadmon.Share, Value: v} }
	out := &recorder{}
	n.outlet = out
	for _, want := range []Standing{
		{true, true, "", share(75)},
		{true, true, "", share(0)},
		{true, true, "", share(50)},
		{true, false, "its agent says down: disk full", share(50)},
		{true, false, "its agent says down: disk full", share(50)}, // what it says now is not understood
		{true, true, "", share(50)},
		{true, false, "its agent says maint", share(50)},
		{true, true, "", share(50)},
	} {
		if err := n.measure(time.Now()); err != nil {
			t.Fatal(err)
		}
		if got := n.now(); got != want {
			t.Errorf("standing %+v, want %+v", got, want)
		}
	}
	n.standing = Standing{Known: true, Reason: "connect refused"}
	out.lines = nil
	if err := n.measure(time.Now()); err != nil || len(out.lines) != 1 || out.lines[0] != "down connect refused" {
		t.Errorf("before the agent was asked %q was published, %v", out.lines, err)
	}
	if got := n.now(); got.Up || got.Reason != "connect refused" {
		t.Errorf("an agent that says ready overrules a failed check: %+v", got)
	}
}

// TestLoadCommands: what the original's options mean is run with the address, and uptime for rsh and ssh however they are named.
func TestLoadCommands(t *testing.T) {
	for command, want := range map[string]string{
		"/bin/echo load average: 0.25, ": "0.25",
		"/bin/echo 0.5":                  "", // the address follows
		"/bin/false":                     "exited with status 1",
		"/no/such/command":               "no such file or directory",
	} {
		n, _ := newTestNanny(t, "")
		n.opts.LoadCommand, n.opts.Interval = command, 20*time.Second
		if err := n.WeighBy(nil); err != nil {
			t.Fatal(err)
		}
		a := n.AskLoad()
		switch {
		case a.err != nil:
			if a.err.Error() != want {
				t.Errorf("%s: %v, want %s", command, a.err, want)
			}
			continue
		case !strings.HasSuffix(a.text, "10.0.0.1\n"):
			t.Errorf("%s: %q", command, a.text)
		}
		err := n.load.take(a.text)
		if (want == "") != (err != nil) || want != "" && n.load.reading.String() != "load "+want {
			t.Errorf("%s: %v, %v, want %q", command, n.load.reading, err, want)
		}
	}
	for command, words := range map[string]string{
		"rsh":                    "rsh 10.0.0.1 uptime",
		"/usr/bin/ssh -q -l mon": "/usr/bin/ssh -q -l mon 10.0.0.1 uptime",
		"rup":                    "rup 10.0.0.1",
		"/opt/sshload":           "/opt/sshload 10.0.0.1",
	} {
		n, _ := newTestNanny(t, "")
		n.opts.LoadCommand = command
		if got := strings.Join(loadArgv(n.opts), " "); got != words {
			t.Errorf("%s runs %q, want %q", command, got, words)
		}
	}
	for _, bad := range []string{"agent", "agent 0", "agent 65536", "agent http", "agent 1 2"} {
		n, _ := newTestNanny(t, "")
		n.opts.LoadCommand = bad
		if err := n.WeighBy(nil); err != errAgentPort {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
