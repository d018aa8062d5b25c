package matrix

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Times of a check. Most cells are decided by what the server does, and have long enough on any machine; those that the
// time decides have not.
const (
	short = 400 * time.Millisecond
	long  = 10 * time.Second
	slow  = short / 4 // after which a slow server answers
)

var lateness = regexp.MustCompile(`timed out after ([\w.]+)`)

// limit is the time of a check that is to end with this report.
func limit(report string) string {
	if m := lateness.FindStringSubmatch(report); m != nil {
		return m[1]
	}
	return long.String()
}

// like tells whether a report is as wanted: to the letter, or up to an ellipsis. Of what can end in two ways there are two,
// a line each.
func like(got, want string) bool {
	for want := range strings.SplitSeq(want, "\n") {
		if beginning, ok := strings.CutSuffix(want, "…"); got == want || ok && strings.HasPrefix(got, beginning) {
			return true
		}
	}
	return false
}

// dialogue is what a check and a server say to each other.
type dialogue struct {
	hear func(c conn) (reply string) // reads a request and returns the right reply; nil: the server speaks first
	say  string                      // the reply, if there is no request
	more func(c conn)                // what follows; nil: nothing, until the other end goes
}

// asked is a dialogue of a request that ends so and one reply.
func asked(end, reply string) dialogue {
	return dialogue{hear: func(c conn) string {
		c.hear(end)
		return reply
	}}
}

func (d dialogue) reply(c conn) string {
	if d.hear == nil {
		return d.say
	}
	return d.hear(c)
}

func (d dialogue) goOn(c conn) {
	if d.more != nil {
		d.more(c)
	}
	c.stay()
}

// behaviour is how a server behaves towards one connection.
type behaviour struct {
	name string
	act  func(c conn, d dialogue) // nil: nobody there
}

// start starts a server that behaves so.
func (b behaviour) start(t *testing.T, d dialogue) *server {
	t.Helper()
	switch b.name {
	case "nobody there":
		return nobody(t)
	case "full":
		return full(t)
	}
	return serve(t, func(c conn) { b.act(c, d) })
}

// behaviours are those of a TCP server, whatever it speaks. All but two wait for the request.
func behaviours() []behaviour {
	return []behaviour{
		{"right", func(c conn, d dialogue) { c.say(d.reply(c)); d.goOn(c) }},
		{"right and closes", func(c conn, d dialogue) { c.say(d.reply(c)) }},
		{"right in two pieces", func(c conn, d dialogue) {
			reply := d.reply(c)
			c.say(reply[:2])
			c.pause(slow)
			c.say(reply[2:])
			d.goOn(c)
		}},
		{"wrong", func(c conn, d dialogue) { d.reply(c); c.say("500 no\r\n"); d.goOn(c) }},
		{"wrong and closes", func(c conn, d dialogue) { d.reply(c); c.say("500 no\r\n") }},
		{"slow", func(c conn, d dialogue) { reply := d.reply(c); c.pause(slow); c.say(reply); d.goOn(c) }},
		{"too slow", func(c conn, d dialogue) { reply := d.reply(c); c.pause(2 * short); c.say(reply); d.goOn(c) }},
		{"silent", func(c conn, d dialogue) { d.reply(c); c.stay() }},
		{"deaf", func(c conn, _ dialogue) { <-c.done }},
		{"closing", func(c conn, d dialogue) { d.reply(c) }},
		{"half-closing", func(c conn, d dialogue) { d.reply(c); _ = c.CloseWrite(); c.stay() }},
		{"half-closing amid", func(c conn, d dialogue) { c.say(d.reply(c)[:2]); _ = c.CloseWrite(); c.stay() }},
		{"half-closing after", func(c conn, d dialogue) { c.say(d.reply(c)); _ = c.CloseWrite(); c.stay() }},
		{"resetting", func(c conn, d dialogue) { d.reply(c); c.reset() }},
		{"resetting amid", func(c conn, d dialogue) { c.say(d.reply(c)[:2]); c.pause(slow); c.reset() }},
		{"dripping", func(c conn, d dialogue) { c.drip(d.reply(c)); d.goOn(c) }},
		{"dripping, with time", func(c conn, d dialogue) { c.drip(d.reply(c)); d.goOn(c) }},
		{"100 MB, right", func(c conn, d dialogue) { c.flood(d.reply(c)) }},
		{"100 MB, wrong", func(c conn, d dialogue) { d.reply(c); c.flood("x") }},
		{"100 MB of NUL", func(c conn, d dialogue) { d.reply(c); c.flood("\x00") }},
		{"NUL amid", func(c conn, d dialogue) { reply := d.reply(c); c.say(reply[:1] + "\x00" + reply[1:]); d.goOn(c) }},
		{"SSH", func(c conn, _ dialogue) { c.say("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"); c.stay() }},
		{"nobody there", nil},
		{"full", nil},
	}
}

const (
	up      = "up"
	refused = "down connect refused"
)

// reports are what a nanny says of each behaviour.
type reports map[string]string

// but returns the reports with others for some behaviours.
func (r reports) but(others reports) reports {
	all := maps.Clone(r)
	maps.Copy(all, others)
	return all
}

// always returns one report for each behaviour.
func always(report string) reports {
	r := reports{}
	for _, b := range behaviours() {
		r[b.name] = report
	}
	return r.but(reports{"nobody there": refused, "full": "down connect timed out after 400ms"})
}

var (
	ping   = asked("PING\r\n", "+PONG\r\n")
	banner = dialogue{say: "220 ready\r\n"}
	web    = asked("\r\n\r\n", "HTTP/1.0 200 OK\r\n")
)

const (
	closed  = "down closed by peer before a reply"
	reset   = "down reset by peer before a reply"
	expired = "down read timed out after 400ms: "
	zeros   = `\x00\x00\x00\x00\x00\x00\x00\x00`
	sample  = 48 // bytes of a reply that a reason shows
)

// begins are the reports of checks that compare the beginning of the reply with the text want, of size bytes.
func begins(want, nul, size string) reports {
	expected := `down expected "` + want + `", got "`
	return always(up).but(reports{
		"wrong":             expected + `500 no"`,
		"wrong and closes":  expected + `500 no"`,
		"too slow":          expired + "no reply",
		"silent":            expired + "no reply",
		"deaf":              expired + "no reply",
		"closing":           closed,
		"half-closing":      closed,
		"half-closing amid": "down closed by peer: got 2 of " + size + " bytes",
		"resetting":         reset,
		"resetting amid":    "down reset by peer: got 2 of " + size + " bytes",
		"dripping":          expired + "got 1 of " + size + " bytes",
		"100 MB, wrong":     expected + strings.Repeat("x", sample) + `"...`,
		"100 MB of NUL":     expected + strings.Repeat(zeros, sample/8) + `"...`,
		"NUL amid":          expected + nul + `"`,
		"SSH":               expected + `SSH-2.0-OpenSSH_9.2p1 Debian-2"`,
	})
}

// anything are the reports of checks that take any reply of at least a byte.
func anything() reports {
	return always(up).but(reports{
		"too slow":     expired + "no reply",
		"silent":       expired + "no reply",
		"deaf":         expired + "no reply",
		"closing":      closed,
		"half-closing": closed,
		"resetting":    reset,
	})
}

// TestText: checks that send a text and expect one, over TCP.
func TestText(t *testing.T) {
	regex := begins("", "", "").but(reports{
		"wrong":               expired + "no match in 8 bytes",
		"wrong and closes":    `down expected "G( |$)", got "500 no"`,
		"half-closing amid":   `down expected "G( |$)", got "+P"`,
		"resetting amid":      "down reset by peer: no match in 2 bytes",
		"dripping":            expired + "no match in 1 bytes",
		"dripping, with time": up,
		"100 MB, wrong":       `down expected "G( |$)", got "` + strings.Repeat("x", sample) + `"...`,
		"100 MB of NUL":       `down expected "G( |$)", got "` + strings.Repeat(zeros, sample/8) + `"...`,
		"SSH":                 expired + "no match in 32 bytes",
		"NUL amid":            up,
	})
	for _, k := range []struct {
		name    string
		options []string
		dialogue
		want reports
	}{
		{"connect", []string{"-p", "81"}, ping, always(up)},
		{"send", []string{"-s", `PING\r\n`}, ping, always(up)},
		{"greeting", []string{"-x", "220 "}, banner, begins("220 ", `2\x0020 ready`, "4")},
		{"send and expect", []string{"-s", `PING\r\n`, "-x", "+PONG"}, ping, begins("+PONG", `+\x00PONG`, "5")},
		{"web by default", []string{"-p", "80"}, web, begins("HTTP", `H\x00TTP/1.0 200 OK`, "4")},
		{"anything", []string{"-s", `PING\r\n`, "-x", "*"}, ping, anything()},
		{"anything or an end", []string{"-s", `PING\r\n`, "-x", ""}, ping, anything().but(reports{"closing": up, "half-closing": up})},
		{"regex", []string{"-s", `PING\r\n`, "-x", `G( |$)`, "--regex"}, asked("PING\r\n", "+PONG "), regex},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			row(t, k.options, k.dialogue, k.want)
		})
	}
}

// row runs a check against servers of every behaviour.
func row(t *testing.T, options []string, d dialogue, want reports) {
	t.Helper()
	for _, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			cell(t, b.start(t, d), options, want[b.name])
		})
	}
}

// tries is how many nannies a cell may take: on a busy machine a check may time out before the server has had its turn.
const tries = 5

// cell runs one cell.
func cell(t *testing.T, s *server, options []string, want string) {
	t.Helper()
	for try := 1; ; try++ {
		n := watch(t, append([]string{"-h", "127.0.0.1", "-p", "81", "-r", s.port, "-t", limit(want)}, options...)...)
		got := n.standing(t)
		n.terminate(t)
		// What lies in the buffers of two sockets, and no more, is sent to one that does not want it.
		if sent := s.sent.Swap(0); sent > flood/4 {
			t.Errorf("it let a server send %d bytes", sent)
		}
		if like(got, want) {
			return
		}
		if try == tries || !strings.Contains(got, "timed out") {
			t.Fatalf("nanny %d reports %q, want %q", try, got, want)
		}
	}
}

// TestDatagram: checks over UDP.
func TestDatagram(t *testing.T) {
	const right = "PONG of any length"
	expected := `down expected "PONG", got "`
	for _, tt := range []struct {
		name     string
		act      func(got string, send func(string)) // nil: nobody there
		expect   string                              // report of a check that sends PING and expects PONG
		anything string                              // of one that sends PING
		empty    string                              // of one that sends and expects nothing
	}{
		{"right", func(_ string, send func(string)) { send(right) }, up, up, up},
		{"particular", func(got string, send func(string)) {
			if got == "PING" {
				send(right)
			}
		}, up, up, expired + "no reply"},
		{"wrong", func(_ string, send func(string)) { send("NO") }, expected + `NO"`, up, up},
		{"too short", func(_ string, send func(string)) { send("PO") }, "down reply too short: got 2 of 4 bytes", up, up},
		{"empty", func(_ string, send func(string)) { send("") }, "down reply too short: no reply", up, up},
		{"slow", func(_ string, send func(string)) { time.Sleep(slow); send(right) }, up, up, up},
		{"too slow", func(_ string, send func(string)) { time.Sleep(2 * short); send(right) },
			expired + "no reply", expired + "no reply", expired + "no reply"},
		{"silent", func(string, func(string)) {}, expired + "no reply", expired + "no reply", expired + "no reply"},
		{"nobody there", nil, "down port unreachable", "down port unreachable", "down port unreachable"},
		{"dripping", func(_ string, send func(string)) {
			for i := range right {
				send(right[i : i+1])
			}
		}, "down reply too short: got 1 of 4 bytes", up, up},
		{"100 MB", func(_ string, send func(string)) {
			text := strings.Repeat("x", 60_000)
			for range flood / len(text) {
				send(text)
			}
		}, expected + strings.Repeat("x", sample) + `"...`, up, up},
		{"NUL", func(_ string, send func(string)) { send(strings.Repeat("\x00", 8)) }, expected + zeros + `"`, up, up},
		{"NUL amid", func(_ string, send func(string)) { send("P\x00ONG") }, expected + `P\x00ONG"`, up, up},
		{"SSH", func(_ string, send func(string)) { send("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n") },
			expected + `SSH-2.0-OpenSSH_9.2p1 Debian-2"`, up, up},
	} {
		for _, k := range []struct {
			name    string
			options []string
			want    string
		}{
			{"expect", []string{"-s", "PING", "-x", "PONG"}, tt.expect},
			{"anything", []string{"-s", "PING"}, tt.anything},
			{"empty", nil, tt.empty},
		} {
			t.Run(tt.name+"/"+k.name, func(t *testing.T) {
				t.Parallel()
				s := nobodyUDP(t)
				if tt.act != nil {
					s = serveUDP(t, tt.act)
				}
				cell(t, s, append([]string{"-u"}, k.options...), k.want)
			})
		}
	}
}
