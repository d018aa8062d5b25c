package lvscf

import (
	"slices"
	"strings"
	"testing"
)

// TestOriginalNames holds Original to lvs.cf(5), EXTENSIONS: each construct is valid here and named, with its line and
// what to write instead.
func TestOriginalNames(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string // findings without "lvs.cf:"
	}{
		{"standby = cold", []string{"1: standby: unknown command; standby is an extension"}},
		{"heartbeat_auth = off", []string{"1: heartbeat_auth: unknown command; heartbeat_auth is an extension"}},
		{"heartbeat_key = /k", []string{"1: heartbeat_key: unknown command; heartbeat_key is an extension"}},
		{"keepalive = 250ms / deadtime = 1s", []string{
			"1: keepalive: integer expected; the original knows whole seconds only, without a unit",
			"2: deadtime: integer expected; the original knows whole seconds only, without a unit"}},
		{"virtual v { / timeout = 1.5s / reentry = 2m / }", []string{
			`2: virtual "v": timeout: integer expected; the original knows whole seconds only, without a unit`,
			`3: virtual "v": reentry: integer expected; the original knows whole seconds only, without a unit`}},
		{`virtual v { / load_monitor = "agent 8080" / }`, []string{
			`2: warning: virtual "v": load_monitor: the original runs this as a program and leaves the weight alone`}},
		{"primary = 2001:db8::1", []string{"1: primary: invalid argument; the original knows no IPv6"}},
		{"nat_router = 2001:db8::1 eth1:1", []string{"1: nat_router: invalid argument; the original knows no IPv6"}},
		{"virtual v { / address = 2001:db8::1 eth0 / vip_nmask = 64 / sorry_server = 2001:db8::2 / server s { / address = 2001:db8::3 / } / }", []string{
			`2: virtual "v": address: invalid argument; the original knows no IPv6`,
			`3: virtual "v": vip_nmask: the original takes a prefix length for an address; write a dotted mask`,
			`4: virtual "v": sorry_server: invalid host name or ip address; the original knows IPv4 addresses only`,
			`6: virtual "v" server "s": address: invalid argument; the original knows no IPv6`}},
		{"nat_nmask = 24", []string{"1: nat_nmask: the original takes a prefix length for an address; write a dotted mask"}},
		{"virtual v { / scheduler = mh / }", []string{
			`2: virtual "v": scheduler: invalid argument; the original knows rr, wrr, lc, wlc, lblc, lblcr, dh, sh`}},
		{"virtual v { / server s { / port = http / } / }", []string{
			`3: virtual "v" server "s": port: integer expected; the original knows service names only for virtual servers`}},
		{"virtual v { / port = tftp / protocol = udp / }", []string{
			`2: warning: virtual "v": port: the original looks for the name among those of tcp; write the number`}},
		{"serial_no=3", []string{"1: serial_no: unknown command; write blanks around the ="}},
		{"serial_no= 3", []string{"1: serial_no: unknown command; write blanks around the ="}},
		{"serial_no =3", []string{"1: serial_no: equal (=) expected after command; write blanks around the ="}},
		{"serial_no = 3 # c", []string{"1: serial_no: unexpected arguments; put comments on lines of their own"}},
		{"virtual v { # c / }", []string{"1: virtual: unexpected arguments; put comments on lines of their own"}},
		{"serial_no = 3\r\nsync = 0\r", []string{"1: lines end with CR LF: the original reads only the first one; end lines with LF"}},
		{"serial_no = 3 / sync = 0\r", []string{"2: a carriage return: the original takes everything before it for one line; end lines with LF"}},
		{bom + "serial_no = 3", []string{"1: a byte-order mark: the original takes it for part of the first word; save the file without it"}},
		{`rsh_command = "ssh" `, []string{
			"1: rsh_command: quotation mismatch; quote only values with blanks, and write nothing behind the closing quote"}},
		{`virtual "v" { / }`, []string{"1: virtual: quotation mismatch; write the name without quotes"}},
		{`rsh_command = "a b\"c"`, []string{"1: rsh_command: unexpected arguments"}},
		{"virtual v { / send = 'a' / }", []string{
			`2: warning: virtual "v": send: the original takes the single quotes for part of the text; use double quotes`}},
		{"primary = 10.0.0.1 / backup = 10.0.0.2 / backup_private = 10.1.0.2", []string{
			"3: warning: backup_private: the original takes the address of backup instead; add primary_private"}},
		{"primary = 10.0.0.1 / primary_private = 10.1.0.1 / backup = 10.0.0.2", []string{
			"2: warning: primary_private: the original has no private address for the backup then; add backup_private"}},
	} {
		d := mustParse(t, snippet(tt.text))
		if _, found := d.Config(testLookup); found.Err() != nil {
			t.Errorf("%q is no extension but wrong:\n%v", tt.text, found)
		}
		var got []string
		for _, f := range d.Original() {
			got = append(got, f.String()[len("lvs.cf:"):])
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q:\n%q\nwant\n%q", tt.text, got, tt.want)
		}
	}
}

// TestOriginalSilent: nothing is said about what both read alike, though it looks like something in TestOriginalNames.
func TestOriginalSilent(t *testing.T) {
	for _, text := range []string{
		"primary = 10.0.0.1 / backup = 10.0.0.2",
		"primary = 10.0.0.1 / backup = 10.0.0.2 / backup_private = 10.0.0.2",
		"primary = 10.0.0.1 / primary_private = 10.1.0.1 / backup = 0.0.0.0",
		"primary = 10.0.0.1 / primary_private = 10.1.0.1 / backup = 10.0.0.2 / backup_private = 10.1.0.2",
		"virtual v { / port = http / } / virtual w { / protocol = udp / }",
		"virtual v { / protocol = udp / port = 0x45 / }",
		"virtual v { / load_monitor = uptime / }",
		"virtual v { / load_monitor = agent / }",
		"# key=value, 250ms and \"mh\" are fine in a comment",
		"serial_no = 3\rsync = 0\r",
		"serial_no = 3\r / sync = 0",
	} {
		if found := mustParse(t, snippet(text)).Original(); len(found) > 0 {
			t.Errorf("%q:\n%v", text, found)
		}
	}
}

// TestOriginalKeys: every key that is an extension is named, in every place it may stand.
func TestOriginalKeys(t *testing.T) {
	for _, k := range Keys() {
		for scope, text := range map[Scope]string{InGlobal: "%s", InVirtual: "virtual v { / %s / }", InFailover: "failover v { / %s / }",
			InServer: "virtual v { / server s { / %s / } / }"} {
			if !k.Extension || k.In&scope == 0 {
				continue
			}
			values := sampleValues[scope]
			if scope == InFailover {
				values = sampleValues[InVirtual]
			}
			line := k.Name + " = " + values[k.Name]
			found := mustParse(t, snippet(strings.Replace(text, "%s", line, 1))).Original()
			if len(found) != 1 || found[0].Text != "unknown command" || found[0].Hint != k.Name+" is an extension" {
				t.Errorf("%s: %v", line, found)
			}
		}
	}
}
