package lvscf

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	activeVirtual = "virtual v { / active = 1 / address = 192.0.2.10 eth0:1 / "
	portServers   = "server s { / address = 192.0.2.31 / active = 1 / port = 8080 / } / server t { / address = 192.0.2.31 / active = 1 / } / "
	activeServer  = "server s { / address = 192.0.2.31 / active = 1 / } / "
)

// findingTable is what is found, to the word. " / " separates lines. A want begins with the line; "w" marks warnings.
var findingTable = []struct {
	text string
	want []string
}{
	// Ranges.
	{`heartbeat_port = 0`, []string{`1: heartbeat_port "0": not a port number; write a number from 1 to 65535`}},
	{`heartbeat_port = 65536`, []string{`1: heartbeat_port "65536": not a port number; write a number from 1 to 65535`}},
	{`keepalive = 9ms`, []string{`1: keepalive "9ms": shorter than 10ms; write at least 10ms`}},
	{`keepalive = 10ms`, nil},
	{`keepalive = 5`, []string{`1: keepalive "5": must be shorter than deadtime, by default 5 s; the partner would be declared dead between two heartbeats`}},
	{`keepalive = 1.5 / deadtime = 1.5s`, []string{`1: keepalive "1.5": integer expected; write seconds (10), or a number with ms, s or m (250ms, 1.5s, 2m)`}},
	{`deadtime = 0.5s / keepalive = 500ms`, []string{`1: deadtime "0.5": must be longer than keepalive, 0.5 s; the partner would be declared dead between two heartbeats`}},
	{`tcp_timeout = -1`, []string{`1: tcp_timeout "-1": a time cannot be negative`}},
	{`tcp_timeout = 5s`, []string{`1: tcp_timeout "5s": integer expected`}},
	{`tcp_timeout = 4294967296`, []string{`1: tcp_timeout "4294967296": number out of range`}},
	{`serial_no = 08`, []string{`1: serial_no "08": integer expected; a number with a leading 0 is octal, and 8 and 9 are no octal digits`}},
	{`syncd_id = 256`, []string{`1w syncd_id "256": only the low 8 bits count: this is 0`}},
	{`syncd_iface = eth0/1`, []string{`1w syncd_iface "eth0/1": not a device name`}},
	{`virtual v { / timeout = 0 / }`, []string{`2: virtual "v": timeout "0": must be longer than 0; the default is 10`}},
	{`virtual v { / reentry = 0 / }`, []string{`2w virtual "v": reentry "0": 0 means the default of 180 seconds`}},
	{`virtual v { / fwmark = -1 / }`, []string{`2w virtual "v": fwmark "-1": a negative mark is the mark 4294967295`}},
	{`virtual v { / fwmark = 4294967296 / }`, []string{`2: virtual "v": fwmark "4294967296": number out of range; write a number from -2147483648 to 4294967295`}},
	{`virtual v { / port = 0 / }`, []string{`2: virtual "v": port "0": port 0 needs a fwmark; write a number from 1 to 65535`}},
	{`virtual v { / port = 0 / fwmark = 1 / }`, nil},
	{`virtual v { / port = http2 / }`, []string{`2: virtual "v": port "http2": not a port number or service name; services are listed in /etc/services`}},
	{`virtual v { / port = tftp / protocol = udp / }`, nil},
	{`virtual v { / port = tftp / }`, []string{`2: virtual "v": port: this service name is known for udp only; add protocol = udp`}},
	{`virtual v { / server s { / port = 0 / } / }`, []string{`3: virtual "v" server "s": port "0": port 0 needs a fwmark in the virtual block; write a number from 1 to 65535`}},
	{`virtual v { / server s { / port = 0 / } / fwmark = 1 / }`, nil},
	{`virtual v { / server s { / weight = 0 / } / }`, []string{`3w virtual "v" server "s": weight "0": the original treated 0 as 1; here the server gets no new connections`}},
	{`virtual v { / server s { / weight = 65536 / } / }`, []string{`3: virtual "v" server "s": weight "65536": number out of range; write a number from 0 to 65535`}},
	// Addresses and masks.
	{`primary = 10.1`, nil},
	{`primary = 0x0a.010.1`, nil},
	{`primary = 256.1.1.1`, []string{`1: primary "256.1.1.1": invalid host name or ip address; no such host`}},
	{`primary = ""`, []string{`1: primary: invalid host name or ip address`}},
	{`primary = ::`, []string{`1: primary "::": invalid host name or ip address; this address stands for none`}},
	{`primary = fe80::1%eth0`, []string{`1: primary "fe80::1%eth0": invalid host name or ip address; an address with a zone (%) cannot be used here: the device is written separately`}},
	{`primary = 2001:db8::g`, []string{`1: primary "2001:db8::g": invalid host name or ip address; not an IPv6 address`}},
	{`primary = router.example.com`, nil},
	{`backup = 0.0.0.0`, nil},
	{`backup_private = 0.0.0.0`, []string{`1: backup_private "0.0.0.0": invalid host name or ip address; this address stands for none`}},
	{`backup_active = 1`, []string{`1w backup_active: ignored: there is no backup address; add backup = ADDRESS`}},
	{`backup_active = 1 / backup = x`, []string{`2: backup "x": invalid host name or ip address; no such host`}},
	{`nat_nmask = 255.0.255.0`, []string{`1: nat_nmask "255.0.255.0": bad subnet mask: its one bits are not in one piece; write a mask such as 255.255.255.0 or a prefix length`}},
	{`nat_router = 10.0.0.1 eth0 / nat_nmask = 33`, []string{`2: nat_nmask: bad subnet mask for 10.0.0.1; write a dotted mask or a prefix length up to 32`}},
	{`nat_router = 2001:db8::1 eth0 / nat_nmask = 255.255.255.0`, []string{`2: nat_nmask: bad subnet mask for 2001:db8::1; write a prefix length`}},
	{`nat_router = 10.0.0.1 eth0:longer-than-it`, []string{`1: nat_router "10.0.0.1 eth0:longer-than-it": device name longer than 15 characters; write a device and perhaps a label, such as eth0:1`}},
	{`nat_router = 10.0.0.1 :1`, []string{`1: nat_router "10.0.0.1 :1": not a device name; write a device and perhaps a label, such as eth0:1`}},
	{`nat_router = 10.0.0.1 #eth0`, []string{`1: nat_router "10.0.0.1": missing arguments; write the device behind the address: nat_router = 10.0.0.1 eth0:1`}},
	{`virtual v { / pmask = foo / }`, []string{`2: virtual "v": pmask "foo": bad subnet mask; write a mask such as 255.255.255.0 or a prefix length`}},
	{`virtual v { / address = 2001:db8::1 eth0 / pmask = 255.255.255.255 / }`, nil},
	{`virtual v { / sorry_server = 2001:db8::1 / }`, nil},
	// Blocks.
	{activeVirtual + activeServer + `}`, nil},
	{activeVirtual + `}`, []string{`1w virtual "v": no real server is active`}},
	{`virtual v { / active = 1 / ` + activeServer + `}`, []string{`1: virtual "v": no address; add address = ADDRESS DEVICE, or set active = 0`}},
	{`virtual v { / active = 1 / fwmark = 3 / ` + activeServer + `}`, nil},
	{`virtual v { / active = 1 / address = 0.0.0.0 eth0 / ` + activeServer + `}`, []string{`1: virtual "v": no address; add address = ADDRESS DEVICE, or set active = 0`}},
	{activeVirtual + `server s { / active = 1 / } / }`, []string{`4: virtual "v" server "s": no address; add address = ADDRESS, or set active = 0`}},
	{activeVirtual + `protocol = udp / ` + activeServer + `}`, []string{`1w virtual "v": a udp service without a check: the original took every real server for down; add send_program, or send and expect`}},
	{activeVirtual + `send = a / send_program = b / ` + activeServer + `}`, []string{`4w virtual "v": send: ignored, because there is a send_program`}},
	{activeVirtual + activeServer + activeServer + `}`, []string{`8w virtual "v" server "s": this name is used before on line 4`, `9w virtual "v" server "s": address "192.0.2.31": the server of line 4 has the same address and port`}},
	{activeVirtual + activeServer + `} / ` + activeVirtual + activeServer + `}`, []string{`9w virtual "v": this name is used before on line 1`, `9w virtual "v": not served: the virtual server of line 1 has the same protocol, address and port`}},
	{activeVirtual + activeServer + `} / failover v { / }`, nil},
	{`virtual v { / ` + activeServer + `port = 81 / }`, []string{`6w virtual "v": port: the servers before this line do not take this port as their default; move it before the first server`}},
	{activeVirtual + `server s { / address = 2001:db8::1 / active = 1 / } / }`, []string{`5: virtual "v" server "s": address "2001:db8::1": an address of another family than the service's is reached through a tunnel only; set network = tunnel, or use addresses of one family`}},
	{activeVirtual + `server s { / address = 2001:db8::1 / active = 1 / } / } / network = tunnel`, nil},
	{activeVirtual + activeServer + `sorry_server = 2001:db8::1 / }`, []string{`8: virtual "v": sorry_server "2001:db8::1": an address of another family than the service's is reached through a tunnel only; set network = tunnel, or use addresses of one family`}},
	{activeVirtual + `server s { / address = 2001:db8::1 / active = 1 / forward = tunnel / } / }`, nil},
	{activeVirtual + `server s { / address = 2001:db8::1 / active = 1 / forward = nat / } / } / network = tunnel`, []string{`5: virtual "v" server "s": address "2001:db8::1": an address of another family than the service's is reached through a tunnel only; set network = tunnel, or use addresses of one family`}},
	// Options of rows.
	{activeVirtual + `scheduler_port = 1 / scheduler_fallback = 1 / ` + activeServer + `}`, []string{
		`4w virtual "v": scheduler_port: ignored: for scheduler = sh and mh only`, `5w virtual "v": scheduler_fallback: ignored: for scheduler = sh and mh only`}},
	{activeVirtual + `scheduler = mh / scheduler_port = 1 / ` + activeServer + `}`, nil},
	{activeVirtual + `one_packet = 1 / ` + activeServer + `}`, []string{`4: virtual "v": one_packet "1": for protocol = udp only`}},
	{activeVirtual + `protocol = udp / check = none / one_packet = 1 / ` + activeServer + `} / network = nat`, []string{
		`1w virtual "v": one_packet: clients get no reply from a real server behind NAT; set network or forward to direct or tunnel`}},
	{activeVirtual + `protocol = udp / check = none / one_packet = 1 / ` + activeServer + `} / network = direct`, nil},
	{activeVirtual + `slow_start = 60 / scheduler = rr / ` + activeServer + `}`, []string{`4w virtual "v": slow_start: ignored: scheduler = rr does not look at weights`}},
	{activeVirtual + `slow_start = 60 / scheduler = wlc / ` + activeServer + `}`, []string{`4w virtual "v": slow_start: a weight of 1 cannot be less; use weights from 10`}},
	{activeVirtual + `slow_start = 60 / scheduler = wlc / server s { / address = 192.0.2.31 / active = 1 / weight = 10 / } / }`, nil},
	{activeVirtual + `tunnel_type = gue / ` + activeServer + `}`, []string{`4: virtual "v": tunnel_type "gue": no port to send packets to; add tunnel_port`}},
	{activeVirtual + `tunnel_port = 6080 / tunnel_checksum = 1 / ` + activeServer + `}`, []string{
		`4w virtual "v": tunnel_port: ignored: for tunnel_type = gue only`, `5w virtual "v": tunnel_checksum: ignored: for tunnel_type = gue and gre only`}},
	{activeVirtual + `tunnel_type = gre / tunnel_checksum = 1 / ` + activeServer + `}`, nil},
	{activeVirtual + `protocol = sctp / ` + activeServer + `}`, []string{`4: virtual "v": protocol "sctp": no check for an sctp service; add check = ping, script, none, or tcp with check_port`}},
	{activeVirtual + `protocol = sctp / check = ping / ` + activeServer + `}`, nil},
	{activeVirtual + `server s { / address = 192.0.2.31 / active = 1 / upper_threshold = 5 / lower_threshold = 6 / } / }`, []string{`4: virtual "v" server "s": lower_threshold "6": more than upper_threshold, 5; write a smaller number, or a larger upper_threshold`}},
	// Where packets keep their port, the port of a real server is not where they arrive.
	{activeVirtual + portServers + `} / network = direct`, []string{
		`7w virtual "v" server "s": port "8080": only the check uses this port: with network = direct packets keep the one of the service`,
		`9w virtual "v" server "t": port "80": not served: with network = direct packets keep the port of the service, and the server of line 4 has the same address`}},
	{activeVirtual + portServers + `} / network = tunnel`, []string{
		`7w virtual "v" server "s": port "8080": only the check uses this port: with network = tunnel packets keep the one of the service`,
		`9w virtual "v" server "t": port "80": not served: with network = tunnel packets keep the port of the service, and the server of line 4 has the same address`}},
	{activeVirtual + portServers + `} / network = nat`, nil},
	{activeVirtual + `server s { / address = 192.0.2.31 / active = 1 / port = 8080 / forward = direct / } / } / network = nat`, []string{
		`7w virtual "v" server "s": port "8080": only the check uses this port: with forward = direct packets keep the one of the service`}},
	{activeVirtual + `sorry_server = 192.0.2.31 / ` + activeServer + `}`, []string{`4w virtual "v": sorry_server "192.0.2.31": not used: it is the real server of line 5`}},
	{activeVirtual + `fwmark = 1 / ` + portServers + `} / network = direct`, nil},
	// One mistake, one finding.
	{`virtual v { / active = 0 / virtual w { / }`, []string{`3: virtual "v": virtual: a virtual block cannot stand inside another block; is the } of virtual "v" (line 1) missing?`}},
	{`virtual v { / server s { / server t { / } / }`, []string{`3: virtual "v" server "s": server: a server block cannot stand inside another one; is the } of server "s" (line 2) missing?`}},
	{`server s { / weight = 1 / }`, []string{`1: server: a server block belongs into a virtual or failover block`}},
	{`virtual v{ / server s{ / weight = 1 / } / } / virtual w { / }`, []string{`1: virtual: missing arguments; write virtual NAME { on one line`, `2: virtual "v": server: missing arguments; write server NAME { on one line`}},
	{`virtual v / { / port = 1 / } / foo = 1`, []string{`1: virtual: missing arguments; write virtual NAME { on one line`, `5: foo: unknown command`}},
	{`virtual { / port = 1 / }`, []string{`1: virtual: missing arguments; write virtual NAME { on one line`}},
	{`virtual "" { / port = 1 / }`, []string{`1: virtual: missing arguments: the name is empty; write virtual NAME {`}},
	{`virtual v { port = 1 } / virtual w { / }`, []string{`1: virtual: unexpected arguments; write virtual NAME {, and each key on a line of its own`}},
	{`virtual v { / server s { / }} / serial_no = 1`, []string{`3: virtual "v" server "s": }}: unknown command; write each } on a line of its own`}},
	{`virtual v { # c / } # c`, nil},
	{`virtual v { / }# c`, []string{`2w virtual "v": }: unexpected arguments: the text after } is ignored`}},
	{`virtual v { / server s {`, []string{`1w virtual "v": unexpected end of file: the block is never closed; add its }`, `2w virtual "v" server "s": unexpected end of file: the block is never closed; add its }`}},
	{`serial_no =  # one`, []string{`1: serial_no "# one": unexpected arguments; a value is missing before the comment`}},
	{`"serial_no" = 1`, []string{`1: serial_no: unknown command; keys are written without quotes`}},
	{`weight = 1`, []string{`1: weight: unknown command; weight belongs into a server block`}},
}

func TestFindings(t *testing.T) {
	for _, tt := range findingTable {
		_, found := mustParse(t, snippet(tt.text)).Config(testLookup)
		var want []string
		for _, w := range tt.want {
			line, text, _ := strings.Cut(w, " ")
			want = append(want, "lvs.cf:"+strings.NewReplacer(":", ": ", "w", ": warning: ").Replace(line)+text)
		}
		if got := found.Error(); got != strings.Join(want, "\n") {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", tt.text, got, strings.Join(want, "\n"))
		}
	}
}

func TestFindingsSelect(t *testing.T) {
	f := Findings{{File: "f", Line: 1, Severity: Warning, Text: "a"}, {File: "f", Line: 2, Severity: Error, Key: "k\x1b\n", Value: "\x1b\n", Text: "b", Hint: "h"}}
	if f[:1].Err() != nil || len(f.Warnings()) != 1 || len(f.Errors()) != 1 {
		t.Errorf("Err of a warning = %v, %d warnings, %d errors", f[:1].Err(), len(f.Warnings()), len(f.Errors()))
	}
	if got := f.Err().Error(); got != `f:2: "k\x1b\n" "\x1b\n": b; h` {
		t.Errorf("Err = %s", got)
	}
}

// Without a Lookup every name is an error, and every number is not.
func TestWithoutLookup(t *testing.T) {
	_, found := mustParse(t, "primary = localhost\nheartbeat_port = http\nbackup = 10.1\nvirtual v {\nport = 80\n}\n").Config(Lookup{})
	if len(found) != 2 || found[0].Line != 1 || found[1].Line != 2 {
		t.Errorf("findings:\n%v", found)
	}
}

func TestSystemLookup(t *testing.T) {
	l := SystemLookup(0)
	if _, err := l.Host("www.example.com"); err != errLookupTime {
		t.Errorf("Host without time = %v", err)
	}
	for _, name := range []string{"", "80", "-1"} {
		if _, err := l.Service(name, "tcp"); err == nil {
			t.Errorf("Service(%q) succeeds", name)
		}
	}
	if port, err := l.Service("http", "udp"); err != nil || port != 80 {
		t.Errorf("Service(http, udp) = %d, %v", port, err)
	}
}

func TestSystemLookupCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if addr, err := SystemLookupContext(ctx, time.Minute).Host("host.invalid"); !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "cancel") {
		t.Errorf("lookup that was called off = %v, %v", addr, err)
	}
}

func TestInetAton(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", "10.1": "10.0.0.1", "10.1.258": "10.1.1.2", "1": "0.0.0.1", "0xC0000201": "192.0.2.1", "0300.0.02.01": "192.0.2.1",
		"255.255.255.255": "255.255.255.255", "4294967295": "255.255.255.255", "0.0.0.0": "0.0.0.0", "127.0xffffff": "127.255.255.255",
		"": "", "1.": "", ".1": "", "1.2.3.4.5": "", "1.2.3.256": "", "256.1": "", "1.16777216": "", "4294967296": "", "08.1.1.1": "",
		"0x.1": "", "1.2.3.4 ": "", "a": "", "1..2": "", "-1": "", "+1": "",
	} {
		got, ok := inetAton(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("inetAton(%q) = %v, %v, want %s", text, got, ok, want)
		}
	}
}
