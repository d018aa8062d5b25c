package matrix

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Codes of DNS answers.
const (
	noError  = 0
	servFail = 2
	nxDomain = 3
	refusing = 5
)

// answered makes an answer of a question: the same with other flags.
func answered(question string, rcode byte) string {
	if len(question) < 12 {
		return question
	}
	const response, recursion = 0x81, 0x80
	return question[:2] + string([]byte{response, recursion | rcode}) + question[4:]
}

// TestDNS: --check=dns in datagrams.
func TestDNS(t *testing.T) {
	const late = "down timed out after 400ms in DNS answer: "
	with := func(rcode byte) func(string, func(string)) {
		return func(q string, send func(string)) { send(answered(q, rcode)) }
	}
	for _, tt := range []struct {
		name string
		act  func(q string, send func(string)) // nil: nobody there
		want string
	}{
		{"right", with(noError), up},
		{"wrong", with(servFail), "down DNS SERVFAIL for web.example. A"},
		{"no such name", with(nxDomain), "down DNS NXDOMAIN for web.example. A"},
		{"refused", with(refusing), "down DNS REFUSED for web.example. A"},
		{"strange code", with(13), "down DNS RCODE 13 for web.example. A"},
		{"slow", func(q string, send func(string)) { time.Sleep(slow); send(answered(q, noError)) }, up},
		{"too slow", func(q string, send func(string)) { time.Sleep(2 * short); send(answered(q, noError)) }, late + "no reply"},
		{"silent", func(string, func(string)) {}, late + "no reply"},
		{"nobody there", nil, "down port unreachable"},
		{"echo", func(q string, send func(string)) { send(q) }, late + "got …"},
		{"other id", func(q string, send func(string)) { send("xx" + answered(q, noError)[2:]) }, late + "got …"},
		{"other question", func(q string, send func(string)) { send(strings.Replace(answered(q, noError), "web", "wob", 1)) }, late + "got …"},
		{"stray ones before", func(q string, send func(string)) { send("xx"); send(""); send(answered(q, noError)) }, up},
		{"dripping", func(q string, send func(string)) {
			for i := range q {
				send(q[i : i+1])
			}
		}, "down no answer among 16 datagrams"},
		{"100 MB", func(_ string, send func(string)) {
			text := strings.Repeat("x", 60_000)
			for range flood / len(text) {
				send(text)
			}
		}, "down no answer among 16 datagrams"},
		{"NUL", func(_ string, send func(string)) { send(strings.Repeat("\x00", 8)) }, late + "got 8 bytes"},
		{"SSH", func(_ string, send func(string)) { send("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n") }, late + "got 32 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := nobodyUDP(t)
			if tt.act != nil {
				s = serveUDP(t, tt.act)
			}
			cell(t, s, []string{"-u", "--check=dns", "--check-host=" + site}, tt.want)
		})
	}
}

// TestDNSOverTCP: --check=dns over TCP.
func TestDNSOverTCP(t *testing.T) {
	t.Parallel()
	const noDNS = "down expected DNS answer, got "
	question := dialogue{hear: func(c conn) string {
		var size [2]byte
		_, _ = io.ReadFull(c, size[:])
		q := make([]byte, int(size[0])<<8|int(size[1]))
		_, _ = io.ReadFull(c, q)
		return string(size[:]) + answered(string(q), noError)
	}}
	want := heavy("DNS answer", noDNS, "down timed out after 400ms in DNS answer: got 8 bytes").but(reports{
		"wrong and closes": "down closed by peer in DNS answer: got 8 bytes",
		"100 MB, wrong":    noDNS + `"xxxxxxxxxxxxxx"`,
		"100 MB of NUL":    noDNS + `"\x00\x00…`,
		"NUL amid":         noDNS + `"\x00\x00…`,
		"SSH":              noDNS + `"SSH-2.0-OpenSS"`,
	})
	row(t, []string{"--check=dns", "--check-host=" + site}, question, want)
}

// TestPing: --check=ping.
func TestPing(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1": up,
		"::1":       up,
		// Nobody has them (RFC 5737, RFC 3849). What becomes of a packet to them the network decides.
		"198.51.100.1": "down timed out after 400ms: no echo\ndown network is unreachable\ndown no route to host\ndown port unreachable",
		"2001:db8::1":  "down timed out after 400ms: no echo\ndown network is unreachable\ndown no route to host\ndown port unreachable",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			if l, err := net.Listen("tcp6", "[::1]:0"); strings.Contains(address, ":") && err != nil {
				t.Skip("no IPv6 here: ", err)
			} else if err == nil {
				l.Close()
			}
			n := watch(t, "-h", address, "-p", "81", "-t", limit(want), "--check=ping")
			got := n.standing(t)
			if strings.HasPrefix(got, "down cannot check: ping needs") {
				t.Skip(got)
			}
			if !like(got, want) {
				t.Errorf("nanny reports %q, want %q", got, want)
			}
			n.terminate(t)
		})
	}
}
