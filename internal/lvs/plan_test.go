package lvs

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/history"
	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/loadmon"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// config reads a configuration that must have no errors.
func config(t *testing.T, text string) *lvscf.Config {
	t.Helper()
	doc, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, findings := doc.Config(lvscf.Lookup{})
	if err := findings.Err(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

const example = `
primary = 192.0.2.1
network = direct
virtual web {
	active = 1
	address = 10.0.0.1 eth0:1
	persistent = 60
	pmask = 255.255.255.0
	scheduler = rr
	expect = OK
	server s1 {
		address = 192.168.0.1
		active = 1
		port = 8080
	}
	server s2 {
		address = 192.168.0.2
		active = 1
		weight = 3
	}
	server off {
		address = 192.168.0.3
	}
	server again {
		address = 192.168.0.1
		active = 1
		weight = 9
	}
}
virtual dns {
	active = 1
	address = 10.0.0.1 eth0:1
	fwmark = 7
	protocol = udp
	port = 53
	send = "a"
	expect = "*"
	server d1 {
		address = 192.168.0.9
		active = 1
	}
}
virtual idle {
	address = 10.0.0.2 eth0:2
	server i1 {
		address = 192.168.0.9
		active = 1
	}
}
`

func TestTable(t *testing.T) {
	want := []string{
		"-A -t 10.0.0.1:80 -s rr -p 60 -M 255.255.255.0",
		"-a -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 1", // direct routing leaves the port alone
		"-a -t 10.0.0.1:80 -r 192.168.0.2:80 -g -w 3",
		"-A -f 7 -s wlc",
		"-a -f 7 -r 192.168.0.9:53 -g -w 1",
	}
	if got := Table(config(t, example)).Lines(); !slices.Equal(got, want) {
		t.Errorf("Table:\n got %q\nwant %q", got, want)
	}
}

func TestTableNAT(t *testing.T) {
	text := strings.Replace(example, "direct", "nat", 1)
	want := []string{
		"-A -t 10.0.0.1:80 -s rr -p 60 -M 255.255.255.0",
		"-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m -w 1",
		"-a -t 10.0.0.1:80 -r 192.168.0.2:80 -m -w 3",
		"-a -t 10.0.0.1:80 -r 192.168.0.1:80 -m -w 9", // another port is another server
		"-A -f 7 -s wlc",
		"-a -f 7 -r 192.168.0.9:53 -m -w 1",
	}
	if got := Table(config(t, text)).Lines(); !slices.Equal(got, want) {
		t.Errorf("Table:\n got %q\nwant %q", got, want)
	}
}

// TestTableExtensions: what the original's lvs.cf could not ask for.
func TestTableExtensions(t *testing.T) {
	text := `
network = nat
virtual web {
	active = 1
	address = 10.0.0.1 eth0:1
	scheduler = mh
	scheduler_port = 1
	scheduler_fallback = 1
	tunnel_type = gue
	tunnel_port = 6080
	tunnel_checksum = 1
	sorry_server = 192.168.0.9
	server near {
		address = 192.168.0.1
		active = 1
		port = 8080
		upper_threshold = 1000
		lower_threshold = 800
	}
	server far {
		address = 2001:db8::2
		active = 1
		port = 8080
		forward = tunnel
	}
}
virtual dns {
	active = 1
	address = 10.0.0.1 eth0:1
	protocol = udp
	port = 53
	one_packet = 1
	scheduler = rr
	scheduler_port = 1
	check = dns
	check_host = example.com
	tunnel_type = gre
	server d1 {
		address = 192.168.0.9
		active = 1
		forward = tunnel
	}
}
virtual sigtran {
	active = 1
	address = 10.0.0.1 eth0:1
	protocol = sctp
	port = 2905
	check = ping
	server s1 {
		address = 192.168.0.9
		active = 1
		forward = direct
	}
}
`
	want := []string{
		"-A -t 10.0.0.1:80 -s mh -b mh-fallback,mh-port",
		"-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m -w 1",
		"-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
		"-A -u 10.0.0.1:53 -s rr -o",
		"-a -u 10.0.0.1:53 -r 192.168.0.9:53 -i -w 1 --tun-type gre --tun-nocsum",
		"-A --sctp-service 10.0.0.1:2905 -s wlc",
		"-a --sctp-service 10.0.0.1:2905 -r 192.168.0.9:2905 -g -w 1",
	}
	table := Table(config(t, text))
	if got := table.Lines(); !slices.Equal(got, want) {
		t.Errorf("Table:\n got %q\nwant %q", got, want)
	}
	if d := table[0].Destinations[0]; d.Upper != 1000 || d.Lower != 800 {
		t.Errorf("thresholds of %s", d)
	}
}

// TestMonitorArgs compares with the vector the original's lvsd makes (reference section 2.5), plus our report
// descriptor.
func TestMonitorArgs(t *testing.T) {
	all := `
network = tunnel
rsh_command = ssh
virtual v {
	active = 1
	address = 10.0.0.1 eth0:1
	port = 81
	fwmark = 0x10
	protocol = udp
	send_program = "/bin/check %h %p"
	send = 'a \"b\"'
	expect = "it's \r\n"
	use_regex = 1
	quiesce_server = 1
	load_monitor = uptime
	timeout = 250ms
	reentry = 15
	server s {
		address = 192.168.0.1
		active = 1
		port = 8081
		weight = 5
	}
}`
	for _, tt := range []struct {
		name, text string
		opt        monitorOptions
		want       []string
	}{
		{
			"the reference's example", example, monitorOptions{nanny: "/usr/sbin/nanny"},
			strings.Fields("/usr/sbin/nanny -c -h 192.168.0.1 -p 80 -r 8080 -x OK -a 180 -I /sbin/ipvsadm -t 10 -w 1 " +
				"-V 10.0.0.1 -M g --lvs --report-fd=3"),
		},
		{
			"everything", all, monitorOptions{nanny: "/opt/nanny", verbose: true, foreground: true},
			[]string{
				"/opt/nanny", "-c", "-h", "192.168.0.1", "-p", "81", "-r", "8081", "-f", "16", "-u",
				"-e", "/bin/check %h %p", "-s", `a \"b\"`, "-x", `it's \r\n`, "-q", "--regex", "-v", "-a", "15",
				"-I", "/sbin/ipvsadm", "-t", "250ms", "-w", "5", "-V", "10.0.0.1", "-M", "i", "-U", "ssh", "--nodaemon", "--lvs", "--report-fd=3",
			},
		},
		{
			"a monitor of the user's own", strings.Replace(all, "port = 81\n", "port = 81\nclient_monitor = /usr/local/bin/mine\n", 1),
			monitorOptions{nanny: "/opt/nanny"},
			[]string{
				"/usr/local/bin/mine", "-c", "-h", "192.168.0.1", "-p", "81", "-r", "8081", "-f", "16", "-u",
				"-e", "/bin/check %h %p", "-s", `a \"b\"`, "-x", `it's \r\n`, "-q", "--regex", "-a", "15",
				"-I", "/sbin/ipvsadm", "-t", "250ms", "-w", "5", "-V", "10.0.0.1", "-M", "i", "-U", "ssh", "--nodaemon", "--lvs",
			},
		},
		{
			"what the original did not have", checked("https", ""), monitorOptions{nanny: "/opt/nanny"},
			[]string{
				"/opt/nanny", "-c", "-h", "192.168.0.1", "-p", "80", "-r", "80", "--regex", "-a", "180",
				"-I", "/sbin/ipvsadm", "-t", "10", "-w", "1", "-V", "10.0.0.1", "-M", "m", "--lvs",
				"--check=https", "--check-path=/a%20b", "--check-host=www", "--check-status=200,301-302", "--check-body=^o\\k$", "--check-verify=no",
				"--check-port=8443", "--check-address=10.1.0.1", "--check-source=10.9.0.1", "--rise=3", "--fall=2", "--report-fd=3",
			},
		},
		{
			"of which a connection needs less", checked("tcp", ""), monitorOptions{nanny: "/opt/nanny"},
			[]string{
				"/opt/nanny", "-c", "-h", "192.168.0.1", "-p", "80", "-r", "80", "-s", "x", "-x", "y", "--regex", "-a", "180",
				"-I", "/sbin/ipvsadm", "-t", "10", "-w", "1", "-V", "10.0.0.1", "-M", "m", "--lvs",
				"--check=tcp", "--check-port=8443", "--check-address=10.1.0.1", "--check-source=10.9.0.1", "--rise=3", "--fall=2", "--report-fd=3",
			},
		},
		{
			"a program", checked("script", ""), monitorOptions{nanny: "/opt/nanny"},
			[]string{
				"/opt/nanny", "-c", "-h", "192.168.0.1", "-p", "80", "-r", "80", "-e", "/bin/false", "-x", "y", "--regex", "-a", "180",
				"-I", "/sbin/ipvsadm", "-t", "10", "-w", "1", "-V", "10.0.0.1", "-M", "m", "--lvs",
				"--check=script", "--check-port=8443", "--check-address=10.1.0.1", "--rise=3", "--fall=2", "--report-fd=3",
			},
		},
		{
			"a monitor of the user's own is told nothing of that", checked("https", "client_monitor = /mine"), monitorOptions{},
			[]string{
				"/mine", "-c", "-h", "192.168.0.1", "-p", "80", "-r", "80", "-e", "/bin/false", "-s", "x", "-x", "y", "--regex", "-a", "180",
				"-I", "/sbin/ipvsadm", "-t", "10", "-w", "1", "-V", "10.0.0.1", "-M", "m", "--nodaemon", "--lvs",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan(config(t, tt.text), tt.opt)
			if got := p[0].servers[0].monitor.argv(false); !slices.Equal(got, tt.want) {
				t.Errorf("argv:\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

// checked is a file with all keys about checks.
func checked(kind, more string) string {
	return `
virtual v {
	active = 1
	address = 10.0.0.1 eth0:1
	check = ` + kind + `
	` + more + `
	send_program = /bin/false
	send = x
	expect = y
	use_regex = 1
	check_path = "/a%20b"
	check_host = www
	check_status = 200,301-302
	check_body = "^o\k$"
	check_verify = 0
	check_port = 8443
	check_source = 10.9.0.1
	rise = 3
	fall = 2
	server s {
		address = 192.168.0.1
		check_address = 10.1.0.1
		active = 1
	}
}`
}

// A program of lvs.cf that is not run does not decide what its monitor runs as.
func TestProgramsThatRun(t *testing.T) {
	for kind, want := range map[string][]string{"script": {"/bin/false"}, "tcp": nil, "http": nil, "none": nil} {
		p := newPlan(config(t, checked(kind, "")), monitorOptions{})
		if got := p[0].servers[0].monitor.programs; !slices.Equal(got, want) {
			t.Errorf("check = %s runs %q, want %q", kind, got, want)
		}
	}
}

func TestProbe(t *testing.T) {
	cfg := config(t, checked("tcp", "load_monitor = /bin/load"))
	p, err := NewProbe(cfg, "/opt/nanny", "v", "s")
	if err != nil || p.Argv[0] != "/opt/nanny" || p.Argv[len(p.Argv)-1] != "--probe-once" || !slices.Contains(p.Argv, "--check=tcp") ||
		slices.Contains(p.Argv, "-U") || slices.Contains(p.Argv, "--report-fd=3") || p.Program != "" {
		t.Errorf("NewProbe = %+v, %v", p, err)
	}
	if cfg.Virtual[0].LoadMonitor == "" {
		t.Error("NewProbe changed the configuration")
	}
	p, err = NewProbe(config(t, checked("script", "")), "/opt/nanny", "v", "s")
	if err != nil || p.Program != "/bin/false" {
		t.Errorf("NewProbe of a program = %+v, %v", p, err)
	}
	for _, tt := range []struct{ text, virtual, server, want string }{
		{checked("tcp", ""), "w", "s", `no virtual server "w"`},
		{checked("tcp", ""), "v", "t", `no real server "t" in virtual server "v"`},
		{checked("none", ""), "v", "s", "the real server is not checked: check = none"},
		{checked("tcp", "client_monitor = /mine"), "v", "s", "the real server is checked by /mine, not by nanny"},
	} {
		if _, err := NewProbe(config(t, tt.text), "/opt/nanny", tt.virtual, tt.server); err == nil || err.Error() != tt.want {
			t.Errorf("NewProbe(%s, %s): %v, want %s", tt.virtual, tt.server, err, tt.want)
		}
	}
}

func TestMonitorIsReplacedOnlyForWhatConcernsIt(t *testing.T) {
	monitor := func(from, to string) monitorArgs {
		return newPlan(config(t, strings.Replace(example, from, to, 1)), monitorOptions{})[0].servers[1].monitor
	}
	old := monitor("", "")
	for _, tt := range []struct {
		from, to string
		same     bool
	}{
		{"weight = 3", "weight = 4", true},
		{"scheduler = rr", "scheduler = wlc", true},
		{"virtual web", "virtual www", true},
		{"expect = OK", "expect = KO", false},
		{"active = 1", "active = 1\ntimeout = 3", false},
		{"active = 1", "active = 1\nfall = 1", true},
		{"active = 1", "active = 1\nfall = 2", false},
		{"active = 1", "active = 1\ncheck = tcp", false},
		{"active = 1", "active = 1\ncheck = none", false},
		{"active = 1", "active = 1\ncheck_status = 200", true},
	} {
		if got := old.same(monitor(tt.from, tt.to)); got != tt.same {
			t.Errorf("%q for %q: same = %v, want %v", tt.to, tt.from, got, tt.same)
		}
	}
}

func TestDesired(t *testing.T) {
	text := `
virtual v {
	active = 1
	address = 10.0.0.1 eth0:1
	sorry_server = 10.9.9.9
	quiesce_server = %
	server a {
		address = 10.1.0.1
		active = 1
		weight = 4
	}
	server b {
		address = 10.1.0.2
		active = 1
	}
}`
	const a, b, sorry = "-r 10.1.0.1:80 -m -w ", "-r 10.1.0.2:80 -m -w ", "-r 10.9.9.9:80 -m -w 1"
	fresh := placement{adopted: -1}
	for _, tt := range []struct {
		name    string
		quiesce string
		a, b    placement
		serves  bool
		want    []string
	}{
		{"nothing known yet: no row, and no sorry server before all were asked", "0", fresh, fresh, false, nil},
		{"one up, one not asked yet", "0", placement{state: up}, fresh, false, []string{a + "4"}},
		{"one down, one not asked yet", "0", placement{state: down}, fresh, false, nil},
		{"both down", "0", placement{state: down, installed: true}, placement{state: down}, false, []string{sorry}},
		{"down while quiescing keeps the row", "1", placement{state: down, installed: true}, placement{state: up}, false, []string{a + "0", b + "1"}},
		{"down while quiescing, never up", "1", placement{state: down}, placement{state: up}, false, []string{b + "1"}},
		{"all quiesced", "1", placement{state: down, installed: true}, placement{state: down}, false, []string{a + "0", sorry}},
		{"adopted rows stay, with the weight of lvs.cf", "0", placement{adopted: 7, installed: true}, fresh, false, []string{a + "4"}},
		{"an adopted row at weight 0 stays there", "0", placement{adopted: 0, installed: true}, placement{state: up}, false, []string{a + "0", b + "1"}},
		{"one down, one not asked yet, and somebody answers", "0", placement{state: down}, fresh, true, []string{sorry}},
		{"one up, one not asked yet, and somebody answers", "0", placement{state: up}, fresh, true, []string{a + "4"}},
		{"one with weight 0, one down", "0", placement{state: up, order: order{weighted: true}}, placement{state: down}, false, []string{a + "0", sorry}},
		{"no load to spare, and one drained", "0", placement{state: up, byLoad: true}, placement{state: up, order: order{mode: Drain}}, false, []string{a + "0", b + "0", sorry}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan(config(t, strings.Replace(text, "%", tt.quiesce, 1)), monitorOptions{})
			table := p.desired(func(key rowKey) placement {
				if key.addr.String() == "10.1.0.1:80" {
					return tt.a
				}
				return tt.b
			}, func(ipvs.ServiceKey) []ipvs.Destination {
				if !tt.serves {
					return nil
				}
				return []ipvs.Destination{{Addr: netip.MustParseAddrPort("10.1.0.7:80"), Weight: 1}}
			})
			var got []string
			for _, d := range table[0].Destinations {
				got = append(got, d.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("destinations %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReadReport(t *testing.T) {
	for _, tt := range []struct {
		line   string
		custom bool
		want   report
	}{
		{"up", false, report{state: up}},
		{"down connect refused", false, report{state: down, reason: "connect refused"}},
		{"down", false, report{state: down}},
		{"load 0.7", false, report{reading: loadmon.Reading{Kind: loadmon.Load, Value: 0.7}}},
		{"share 50", false, report{reading: loadmon.Reading{Kind: loadmon.Share, Value: 50}}},
		{"load", false, report{}},
		{"upside down", false, report{}},
		{"passed 812", false, report{checked: true, result: history.Result{Duration: 812 * time.Microsecond}}},
		{"failed 2000123 connect timed out after 2s", false, report{checked: true,
			result: history.Result{Duration: 2000123 * time.Microsecond, Reason: "connect timed out after 2s"}}},
		{"passed", false, report{}},
		{"passed x", false, report{}},
		{"passed -1", false, report{}},
		{"passed 4294967296", false, report{}},
		{"passed 1 well", false, report{}},
		{"failed 1", false, report{}},
		{"failed connect refused", false, report{}},
		{"passed 812", true, report{}},
		{"", false, report{}},
		{"nanny: [ active ] making 10.0.0.1:80 available", true, report{state: up}},
		{"nanny: [inactive] shutting down 10.0.0.1:80 due to connection failure", true, report{state: down, reason: "reported by its monitor"}},
		{"up", true, report{}},
	} {
		if got := readReport(tt.line, tt.custom); got != tt.want {
			t.Errorf("readReport(%q, %v) = %+v, want %+v", tt.line, tt.custom, got, tt.want)
		}
	}
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	p := newPlan(config(t, example), monitorOptions{})
	l, err := openLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.add(p); err != nil {
		t.Fatal(err)
	}
	next, err := openLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.Collect(p.rows())
	for _, r := range rows {
		if !next.mine(r.service, r.addr) {
			t.Errorf("row %v is forgotten", r)
		}
	}
	if len(next.rows) != len(rows) || next.mine(ipvs.ServiceKey{Mark: 99}, rowKey{}.addr) {
		t.Errorf("%d rows, want %d", len(next.rows), len(rows))
	}
	if err := next.add(p[:1]); err != nil {
		t.Fatal(err)
	}
	if len(next.rows) != len(rows) {
		t.Errorf("%d rows of the ledger before the others are removed, want all %d", len(next.rows), len(rows))
	}
	if err := next.keep(func() map[rowKey]int { return nil }); err != nil {
		t.Fatal(err)
	}
	want := len(slices.Collect(p[:1].rows()))
	if last, err := openLedger(dir); err != nil || len(last.rows) != want {
		t.Errorf("ledger after keep: %v, %v, want %d rows", last.rows, err, want)
	}
}

func TestLedgerThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lvsd.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openLedger(dir)
	if err == nil || l == nil || len(l.rows) != 0 {
		t.Errorf("openLedger of half a file = %v, %v", l, err)
	}
}
