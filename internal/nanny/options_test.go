package nanny

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/daemonize"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// parse reads a command line written with blanks, none of which are in values.
func parse(t *testing.T, line string) *Options {
	t.Helper()
	o, err := Parse(strings.Fields(line))
	if err != nil {
		t.Fatalf("Parse(%q): %v", line, err)
	}
	return o
}

func TestParse(t *testing.T) {
	// The vector of the original's lvsd, and what a person types.
	o := parse(t, "-c -h 192.168.0.1 -p 8080 -r 81 -x OK -a 180 -I /sbin/ipvsadm -t 10 -w 3 -V 10.0.0.1 -M g --lvs")
	got := []any{o.Server.String(), o.Port, o.RealPort, o.Expect, o.HasExpect, o.HasSend, o.Reentry, o.Interval, o.Weight,
		o.VirtualAddr.String(), o.Forward, o.Mode(), o.LogDest(), o.DefaultTest, o.ReportFD, o.UDP, o.Quiesce}
	want := []any{"192.168.0.1", uint16(8080), uint16(81), "OK", true, false, 180 * time.Second, 10 * time.Second, 3,
		"10.0.0.1", ipvs.Direct, daemonize.NoFork, eventlog.Syslog, false, -1, false, false}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestParseEach(t *testing.T) {
	tests := []struct {
		line string
		ok   func(o *Options) bool
	}{
		{"", func(o *Options) bool {
			return o.Port == 80 && o.RealPort == 80 && o.Interval == 10*time.Second && o.Reentry == 180*time.Second &&
				o.Weight == 1 && o.Forward == ipvs.Masq && o.DefaultTest && o.Send == defaultSend && o.Expect == "HTTP" &&
				o.Mode() == daemonize.Fork
		}},
		{"-p 25", func(o *Options) bool { return o.RealPort == 25 && !o.HasSend && !o.HasExpect && !o.DefaultTest }},
		{"-p 25 -r 80", func(o *Options) bool { return !o.DefaultTest }},
		{"-r 8080", func(o *Options) bool { return o.DefaultTest && o.RealPort == 8080 }},
		{"-u", func(o *Options) bool { return o.UDP && o.DefaultTest }},
		{"-x OK", func(o *Options) bool { return !o.DefaultTest && !o.HasSend && o.Expect == "OK" }},
		{"-s=", func(o *Options) bool { return o.Send == "=" && !o.DefaultTest }},
		{"--send_string=", func(o *Options) bool { return o.HasSend && o.Send == "" && !o.DefaultTest }},
		{`-s GET\r\n -x \\.`, func(o *Options) bool { return o.Send == "GET\r\n" && o.Expect == `\.` }},
		{`-T -s GET\r\n -x \\.`, func(o *Options) bool { return o.Send == `GET\r\n` && o.Expect == `\\.` }},
		{"-t 50ms -a 1.5s", func(o *Options) bool { return o.Interval == 50*time.Millisecond && o.Reentry == 1500*time.Millisecond }},
		{"-a 0", func(o *Options) bool { return o.Reentry == 180*time.Second }},
		{"-t 0x10", func(o *Options) bool { return o.Interval == 16*time.Second }},
		{"-f -1", func(o *Options) bool { return o.Mark == 1<<32-1 }},
		{"-f 4294967295", func(o *Options) bool { return o.Mark == 1<<32-1 }},
		{"-M -i", func(o *Options) bool { return o.Forward == ipvs.Tunnel }},
		{"-Mm", func(o *Options) bool { return o.Forward == ipvs.Masq }},
		{"-h ::ffff:10.0.0.2", func(o *Options) bool { return o.Server.Is4() }},
		{"-h 2001:db8::1 -V 2001:db8::2", func(o *Options) bool { return o.real().String() == "[2001:db8::1]:80" }},
		{"-n", func(o *Options) bool {
			return o.Mode() == daemonize.Foreground && o.LogDest() == eventlog.Stdout|eventlog.Syslog
		}},
		{"-nc", func(o *Options) bool { return o.Mode() == daemonize.Foreground }},
		{"-qv --known-down --norun", func(o *Options) bool { return o.Quiesce && o.Verbose && o.KnownDown && o.DryRun }},
		{"--test-start", func(o *Options) bool { return o.DryRun }},
		{"-S 10 -I /x -U none", func(*Options) bool { return true }},
		{"--regex", func(*Options) bool { return true }},
		{"-w 0", func(o *Options) bool { return o.Weight == 0 }},
	}
	for _, tt := range tests {
		if o := parse(t, "--lvs -h 10.0.0.1 -V 10.0.0.9 "+tt.line); !tt.ok(o) {
			t.Errorf("%s: got %+v", tt.line, o)
		}
	}
}

func TestParseErrors(t *testing.T) {
	file, err := os.Open(os.DevNull) // for reading only
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tests := []struct{ line, want string }{
		{"", "No address supplied. Use '--help' for help."},
		{"--lvs", "No address supplied. Use '--help' for help."},
		{"--lvs -h host", "bad IP address -- host"},
		{"--lvs -h fe80::1%eth0", "bad IP address -- fe80::1%eth0"},
		{"--lvs -h 10.0.0.1 -V vip", "bad IP address -- vip"},
		{"-h 10.0.0.1", "unknown service type"},
		{"-h 10.0.0.1 --fos", "failover services are not supported"},
		{"-h 10.0.0.1 --fos --lvs", "failover services are not supported"},
		{"-h 10.0.0.1 --lvs extra", "unexpected arguments"},
		{"-h 10.0.0.1 --lvs", "no virtual service: give --virtaddress or --fwmark"},
		{"-h 10.0.0.1 --lvs -V ::1", "addresses of the virtual service and the real server are of different families"},
		{"-h 10.0.0.1 --lvs -V 10.0.0.2 -p 0", "no port to check: give one with --rport"},
		{"-t 0", "bad argument -t: at least 10ms expected"},
		{"-t -5", "bad argument -t: at least 10ms expected"},
		{"--interval=9ms", "bad argument --interval: at least 10ms expected"},
		{"-t x", "bad argument -t: not a time: write seconds (10), or a number with ms, s or m (250ms, 1.5s, 2m)"},
		{"-a -1", "bad argument -a: time of 0 or more expected"},
		{"-w 65536", "bad argument -w: weight of 0 to 65535 expected"},
		{"-w -1", "bad argument -w: weight of 0 to 65535 expected"},
		{"-p 65536", "bad argument -p: port of 0 to 65535 expected"},
		{"-r http", "bad argument -r: integer expected"},
		{"-M t", "bad argument -M: m, g or i expected (the tunnel is i)"},
		{"-M", "bad argument -M: missing argument"},
		{"-h 10.0.0.1 --lvs --report-fd=2", "bad argument --report-fd: descriptor of 3 or more expected"},
		{"-h 10.0.0.1 --lvs --report-fd=9999", "bad argument --report-fd: not open for writing"},
		{"-h 10.0.0.1 --lvs --report-fd=" + strconv.Itoa(int(file.Fd())), "bad argument --report-fd: not open for writing"},
	}
	for _, tt := range tests {
		if _, err := Parse(strings.Fields(tt.line)); err == nil || err.Error() != tt.want {
			t.Errorf("Parse(%q): got %v, want %s", tt.line, err, tt.want)
		}
	}
}

func TestRowNames(t *testing.T) {
	tests := []struct{ line, service, destination string }{
		{"-V 10.0.0.9", "-t 10.0.0.9:80", "10.0.0.1:80"},
		{"-V 10.0.0.9 -u -p 53", "-u 10.0.0.9:53", "10.0.0.1:53"},
		{"-V 10.0.0.9 -r 8080 -M m", "-t 10.0.0.9:80", "10.0.0.1:8080"},
		{"-V 10.0.0.9 -r 8080 -M g", "-t 10.0.0.9:80", "10.0.0.1:80"},
		{"-V 10.0.0.9 -r 8080 -M i", "-t 10.0.0.9:80", "10.0.0.1:80"},
		{"-V 10.0.0.9 -f 5 -r 8080 -M g", "-f 5", "10.0.0.1:8080"},
		{"-f 5", "-f 5", "10.0.0.1:80"},
		{"-h 2001:db8::1 -V 2001:db8::9", "-t [2001:db8::9]:80", "[2001:db8::1]:80"},
		{"-h 2001:db8::1 -f 7", "-f 7 -6", "[2001:db8::1]:80"},
	}
	for _, tt := range tests {
		o := parse(t, "--lvs -h 10.0.0.1 "+tt.line)
		if service, destination := o.service().String(), o.destination().Addr.String(); service != tt.service || destination != tt.destination {
			t.Errorf("%s: got %s, %s, want %s, %s", tt.line, service, destination, tt.service, tt.destination)
		}
	}
}
