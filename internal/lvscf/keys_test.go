package lvscf

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sampleValues is a value for each key that differs from its default. The test below notices a key without one.
var sampleValues = map[Scope]map[string]string{
	InGlobal: {
		"serial_no": "7", "service": "fos", "primary": "192.0.2.1", "primary_private": "router.example.com", "primary_shared": "/dev/raw/raw1",
		"backup": "192.0.2.2", "backup_active": "1", "backup_private": "2001:db8::2", "backup_shared": "/dev/raw/raw2",
		"reservation_conflict_action": "preempt", "heartbeat": "1", "heartbeat_port": "1050", "keepalive": "1.5s", "deadtime": "2m",
		"standby": "cold", "active_cmd": "/bin/a b", "inactive_cmd": "/bin/b", "monitor_links": "2", "syncdaemon": "1", "syncd_iface": "bond0",
		"syncd_id": "255", "network": "tunnel", "nat_router": "10.0.0.1 eth1:1", "nat_nmask": "255.255.0.0", "hard_shutdown": "0",
		"tcp_timeout": "1", "tcpfin_timeout": "2", "udp_timeout": "0x10", "rsh_command": "ssh -x", "ipvsadm": "/usr/sbin/ipvsadm",
		"debug_level": "ALL", "sync": "1", "heartbeat_auth": "enforce", "heartbeat_key": "/root/key",
		"nanny_mode": "pooled",
	},
	InVirtual: {
		"active": "1", "address": "2001:db8::1 eth0:1", "vip_nmask": "64", "port": "smtp", "protocol": "udp", "fwmark": "0xffffffff",
		"scheduler": "mh", "persistent": "300", "pmask": "48", "sorry_server": "2001:db8::9", "client_monitor": "/bin/monitor",
		"send": `GET / HTTP/1.0\r\n\r\n`, "send_program": "/bin/check %h", "expect": `a "b"`, "use_regex": "1", "timeout": "250ms",
		"check": "https", "check_path": "/health?a=b", "check_host": "www.example.com", "check_status": "200,301-302", "check_body": "fine",
		"check_verify": "0", "check_port": "8443", "check_source": "2001:db8::8", "check_shared": "1", "rise": "3", "fall": "1000",
		"scheduler_port": "1", "scheduler_fallback": "1", "one_packet": "1", "slow_start": "60", "tunnel_type": "gre", "tunnel_port": "6080", "tunnel_checksum": "1",
		"reentry": "60", "load_monitor": "uptime", "quiesce_server": "1", "start_cmd": "a b", "stop_cmd": "b", "master": "10.1", "dirs": "[ /a:/b /c ]",
	},
	InServer: {"address": "2001:db8::21", "active": "1", "weight": "65535", "port": "8080",
		"check_address": "2001:db8::22", "check_port": "8081", "forward": "tunnel", "upper_threshold": "4294967295", "lower_threshold": "1"},
}

// TestSetReachesConfig sets every key in every place and looks for the effect in the configuration; Unset undoes it.
func TestSetReachesConfig(t *testing.T) {
	for _, k := range Keys() {
		for _, p := range []Path{{}, VirtualPath("v"), FailoverPath("f"), VirtualPath("v").In("s")} {
			if p.scope()&k.In == 0 {
				continue
			}
			scope := p.scope()
			if scope == InFailover {
				scope = InVirtual
			}
			value := sampleValues[scope][k.Name]
			d := mustParse(t, "virtual v {\n\tserver s {\n\t}\n}\nfailover f {\n}\n")
			before := d.text
			plain, _ := d.Config(testLookup)
			if err := d.Set(p, k.Name, value); err != nil {
				t.Errorf("Set(%v, %s, %q): %v", p, k.Name, value, err)
				continue
			}
			cfg, found := d.Config(testLookup)
			if bad := slices.DeleteFunc(found.Errors(), func(f Finding) bool { return f.Key == "" }); len(bad) > 0 {
				t.Errorf("%v", bad)
			}
			stored := k.Name != "start_cmd" && k.Name != "stop_cmd" && k.Name != "master" && k.Name != "dirs" || scope != InVirtual || p.Failover != (Ref{})
			if k.Name != "backup_active" && stored && reflect.DeepEqual(flat(cfg), flat(plain)) {
				t.Errorf("%s of %v = %q has no effect", k.Name, p, value)
			}
			if err := d.Unset(p, k.Name); err != nil || d.text != before {
				t.Errorf("Unset(%v, %s) = %v, left:\n%s", p, k.Name, err, d.text)
			}
		}
	}
}

// flat takes out the line numbers, which every added line changes.
func flat(c *Config) Config {
	out := *c
	out.Virtual, out.Failover = slices.Clone(c.Virtual), slices.Clone(c.Failover)
	for i := range out.Virtual {
		out.Virtual[i].Line = 0
		out.Virtual[i].Servers = slices.Clone(out.Virtual[i].Servers)
		for j := range out.Virtual[i].Servers {
			out.Virtual[i].Servers[j].Line = 0
		}
	}
	for i := range out.Failover {
		out.Failover[i].Line = 0
	}
	return out
}

// TestTable checks what the compiler cannot: every row is complete, and every default is accepted by its own key.
func TestTable(t *testing.T) {
	word := regexp.MustCompile(`^[a-z_]+$`)
	seen := map[string]bool{}
	for i := range keys {
		k := &keys[i]
		id := k.In.String() + " " + k.Name
		if !word.MatchString(k.Name) || k.In == 0 || k.Kind.String() == "invalid" || k.Meaning == "" || strings.HasSuffix(k.Meaning, ".") || k.set == nil {
			t.Errorf("%s: incomplete row", id)
		}
		if seen[id] || findKey(k.In, k.Name) != i {
			t.Errorf("%s: there twice", id)
		}
		seen[id] = true
		if (k.Kind == Choice) != (len(k.Choices) > 0) {
			t.Errorf("%s: choices %v of a %v", id, k.Choices, k.Kind)
		}
		if _, p := (&resolver{}).read(k, k.Default); k.Default != "" && p != (problem{}) {
			t.Errorf("%s: default %q: %s", id, k.Default, p.text)
		}
		if k.Kind == Integer && k.max == 0 {
			t.Errorf("%s: an integer without bounds", id)
		}
	}
}

func TestSuggest(t *testing.T) {
	for _, tt := range []struct {
		in         Scope
		name, want string
	}{
		{InGlobal, "heartbeat_prot", "did you mean heartbeat_port?"},
		{InGlobal, "debug", "did you mean debug_level?"},
		{InGlobal, "Serial_no", "keys are written in lower case: serial_no"},
		{InGlobal, "weight", "weight belongs into a server block"},
		{InServer, "scheduler", "scheduler belongs into a virtual or failover block"},
		{InVirtual, "keepalive", "keepalive belongs into the global part"},
		{InVirtual, "quiesce", "did you mean quiesce_server?"},
		{InServer, "wieght", "did you mean weight?"},
		{InServer, "prot", "did you mean port?"},
		{InGlobal, "nonsense", ""}, {InGlobal, "{", ""}, {InGlobal, strings.Repeat("keepalive", 9), ""},
	} {
		if got := suggest(tt.in, tt.name); got != tt.want {
			t.Errorf("suggest(%v, %s) = %q, want %q", tt.in, tt.name, got, tt.want)
		}
	}
}

var manSections = map[string]Scope{"GLOBAL KEYS": InGlobal, "VIRTUAL AND FAILOVER KEYS": inService, "SERVER KEYS": InServer}

// TestManPage holds lvs.cf(5) to the table of keys: same keys in the same places and order, with the same defaults and
// the same choices, and extensions marked as such.
func TestManPage(t *testing.T) {
	page, err := os.ReadFile("../../doc/lvs.cf.5")
	if err != nil {
		t.Fatal(err)
	}
	// Every key has an item .It Ic NAME Ar TYPE, followed by lines among which are Default: and Extension.
	var got []string
	scope := Scope(0)
	body := map[string]string{}
	current := ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, ".Sh "); ok {
			scope, current = manSections[title], ""
		}
		if item, ok := strings.CutPrefix(line, ".It Ic "); ok && scope != 0 {
			name, _, _ := strings.Cut(item, " ")
			current = scope.String() + ": " + name
			got = append(got, current)
		}
		if current != "" {
			body[current] += line + "\n"
		}
	}
	var want []string
	for _, k := range Keys() {
		id := k.In.String() + ": " + k.Name
		want = append(want, id)
		text := body[id]
		if k.Default != "" && !strings.Contains(text, "Default: "+k.Default+".\n") {
			t.Errorf("%s: default %s is missing", id, k.Default)
		}
		if k.Extension != strings.Contains(text, "Extension.\n") {
			t.Errorf("%s: extension %v, the page says otherwise", id, k.Extension)
		}
		for _, c := range k.Choices {
			if !regexp.MustCompile(`\b` + c + `\b`).MatchString(text) {
				t.Errorf("%s: %s is missing", id, c)
			}
		}
		if !strings.Contains(text, ".Dl "+k.Name+" = ") {
			t.Errorf("%s: no example", id)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("keys of the page:\n%q\nwant\n%q", got, want)
	}
}

// TestManPageExamples parses the examples of the page: the complete ones as they are, those of single keys in a block.
func TestManPageExamples(t *testing.T) {
	page, err := os.ReadFile("../../doc/lvs.cf.5")
	if err != nil {
		t.Fatal(err)
	}
	unescape := strings.NewReplacer(`\e`, `\`, `\(dq`, `"`, `\&`, "")
	for _, part := range strings.Split(string(page), ".Bd -literal")[1:] {
		_, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, ".Ed")
		if _, found := mustParse(t, unescape.Replace(text)).Config(testLookup); len(found) > 0 {
			t.Errorf("example:\n%s\n%v", text, found)
		}
	}
	scope := Scope(0)
	for line := range strings.Lines(string(page)) {
		if title, ok := strings.CutPrefix(line, ".Sh "); ok {
			scope = manSections[strings.TrimSpace(title)]
		}
		text, ok := strings.CutPrefix(line, ".Dl ")
		if !ok || scope == 0 {
			continue
		}
		text = unescape.Replace(text)
		switch scope {
		case inService:
			text = "virtual v {\n" + text + "}\n"
		case InServer:
			text = "virtual v {\nserver s {\n" + text + "}\n}\n"
		}
		_, found := mustParse(t, text).Config(testLookup)
		for _, f := range found.Errors() {
			if f.Key != "" { // what else a block needs is not the point here
				t.Errorf("%s: %v", text, f)
			}
		}
	}
}

// TestShippedFile: the file a package installs is a valid one to start from, does nothing yet, and suits the original.
func TestShippedFile(t *testing.T) {
	d, err := ReadFile("../../etc/sysconfig/ha/lvs.cf")
	if err != nil {
		t.Fatal(err)
	}
	cfg, found := d.Config(Lookup{})
	if len(found) > 0 {
		t.Errorf("findings:\n%v", found)
	}
	if found := d.Original(); len(found) > 0 {
		t.Errorf("Original:\n%v", found)
	}
	for _, vs := range cfg.Virtual {
		if vs.Enabled {
			t.Errorf("virtual server %s is active", vs.Name)
		}
	}
}
