package importer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// sources adds the files of a format to a fuzz test.
func sources(f *testing.F, format string) {
	files, err := filepath.Glob(filepath.Join("testdata", format, "*.in"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "")
		f.Add(text, "eth0")
	}
}

// judge reads a source: either it is refused with a line of it, or what comes out passes check, with no more warnings than the
// source deserves.
func judge(t *testing.T, read func([]byte, Options) (*Result, error), text []byte, device string) {
	r, err := read(text, Options{File: "source", Device: device, Lookup: names})
	if err != nil {
		var e *Error
		switch {
		case r != nil:
			t.Errorf("a result and %v", err)
		case !errors.As(err, &e) || e.File != "source" || strings.ContainsAny(err.Error(), "\n\r"):
			t.Errorf("%q", err)
		case e.Line == 0 && !strings.HasPrefix(e.Text, "no virtual server") && !strings.HasPrefix(e.Text, "device "):
			t.Errorf("no line: %v", err)
		case e.Line > strings.Count(string(text), "\n")+1:
			t.Errorf("no such line: %v", err)
		}
		return
	}
	doc, err := lvscf.Parse("result", []byte(r.Text))
	if err != nil {
		t.Fatal(err)
	}
	_, findings := doc.Config(names)
	for _, x := range findings {
		if !allowed(x.String()) {
			t.Errorf("%v in\n%s", x, r.Text)
		}
	}
	for _, n := range r.Notes {
		if strings.ContainsAny(n.String(), "\n\r") {
			t.Errorf("a note of several lines: %q", n)
		}
	}
}

// allowed are the warnings for what the source itself has: weights of 0, nothing to serve with, rows that are there twice, and
// answers that do not reach the client.
func allowed(finding string) bool {
	for _, part := range []string{"no real server is active", "the original treated 0 as 1", "has the same address and port", "not served: ", "one_packet: clients get no reply"} {
		if strings.Contains(finding, part) {
			return true
		}
	}
	return false
}

func FuzzIpvsadm(f *testing.F) {
	sources(f, "ipvsadm")
	f.Fuzz(func(t *testing.T, text []byte, device string) { judge(t, Ipvsadm, text, device) })
}

func FuzzKeepalived(f *testing.F) {
	sources(f, "keepalived")
	f.Fuzz(func(t *testing.T, text []byte, device string) { judge(t, Keepalived, text, device) })
}

func FuzzLdirectord(f *testing.F) {
	sources(f, "ldirectord")
	f.Fuzz(func(t *testing.T, text []byte, device string) { judge(t, Ldirectord, text, device) })
}

// pieces are lines that make sense somewhere. A fuzz test that puts them together finds what changed bytes do not: statements
// that are right one by one, and wrong with one another.
var pieces = map[string][]string{
	"ipvsadm": {
		"-A -t 192.0.2.10:80", "-A -t 192.0.2.10:80 -s sh -b sh-port", "-A -u 192.0.2.10:53 -o", "-A --sctp-service 192.0.2.10:9", "-A -f 7 -p 60 -M 255.0.0.0",
		"-A -f 7 -6 -p -M 64", "-A -t [2001:db8::10]:80 -s mh -p 5 -M 128", "-a -t 192.0.2.10:80 -r 10.0.0.1 -m", "-a -t 192.0.2.10:80 -r 10.0.0.1:81 -g -x 1 -y 2",
		"-a -t 192.0.2.10:80 -r 2001:db8::1 -i --tun-type gre --tun-csum", "-a -t 192.0.2.10:80 -r one.example.com:http -i --tun-type gue --tun-port 1",
		"-a -u 192.0.2.10:53 -r 10.0.0.1 -w 0", "-a --sctp-service 192.0.2.10:9 -r 10.0.0.1 -i", "-a -f 7 -r 10.0.0.1", "-a -f 7 -6 -r 2001:db8::1",
		"-a -t [2001:db8::10]:80 -r [2001:db8::2] -g", "--set 1 2 3", "--start-daemon backup --mcast-interface eth1",
	},
	"keepalived": {
		"}", "}", "}", "}", "virtual_server 192.0.2.10 80 {", "virtual_server 2001:db8::10 80 {", "virtual_server fwmark 3 {", "virtual_server group G {", "virtual_server_group G {",
		"192.0.2.20-23 80", "2001:db8::20 81", "fwmark 9", "fwmark 9 inet6", "vrrp_instance A {", "interface eth0", "state BACKUP", "advert_int 20", "unicast_src_ip 10.0.0.2",
		"virtual_ipaddress {", "192.0.2.10/24 dev eth1 label eth1:x", "2001:db8::10", "10.9.9.9", "real_server 10.0.0.1 80 {", "real_server 10.0.0.2 {", "real_server 2001:db8::1 80 {",
		"protocol UDP", "protocol SCTP", "ops", "lb_algo sh", "sh-port", "lb_kind DR", "lb_kind TUN", "lvs_method TUN type gue port 9 csum", "lvs_method TUN type gre", "persistence_timeout",
		"persistence_granularity 48", "persistence_granularity 255.0.0.0", "sorry_server 10.0.0.9 8080", "sorry_server 127.0.0.1", "sorry_server 2001:db8::9 80", "inhibit_on_failure",
		"uthreshold 5", "lthreshold 9", "weight 0", "delay_loop 0.01", "retry 5", "TCP_CHECK {", "HTTP_GET {", "SSL_GET {", "SMTP_CHECK {", "DNS_CHECK {", "PING_CHECK {", "MISC_CHECK {",
		"url {", "path /x", "regex \"a|b\"", "status_code 200-204 301", "virtualhost www.example.com", "connect_port 8080", "connect_ip 2001:db8::5", "connect_ip 10.0.0.5", "bindto 10.0.0.2",
		"misc_path \"/bin/x 10.0.0.1 80\"", "helo_name a.example.com", "global_defs {", "lvs_sync_daemon eth0 A id 1", "$A=1", "x $A",
	},
	"ldirectord": {
		"fallback=127.0.0.1:80 gate", "fallback=10.0.0.9:81", "fallback6=[2001:db8::9]:80 masq", "checkinterval=3", "fork=yes", "quiescent=no", "virtual=192.0.2.10:80", "virtual=192.0.2.10:53",
		"virtual=192.0.2.10:443", "virtual=192.0.2.10:25", "virtual=192.0.2.10:993", "virtual=5", "virtual6=5", "virtual6=[2001:db8::10]:80", "\treal=10.0.0.1:80 gate", "\treal=10.0.0.1->10.0.0.4:8080 masq 3",
		"\treal=10.0.0.2 ipip 0", "\treal=10.0.0.5:80 masq \"a b\", \"c|d\" <l:9> <u:3>", "\treal6=[2001:db8::1]:80 ipip", "\treal6=[2001:db8::1]:80 gate", "\tprotocol=udp", "\tprotocol=fwm", "\tscheduler=mh",
		"\tops=yes", "\tpersistent=60", "\tnetmask=64", "\tnetmask=255.255.0.0", "\tchecktype=connect", "\tchecktype=ping", "\tchecktype=off", "\tchecktype=on", "\tchecktype=external", "\tchecktype=3",
		"\tservice=simpletcp", "\tservice=radius", "\tservice=none", "\tservice=http", "\tservice=https", "\tservice=ldaps", "\trequest=\"a\\n\"", "\treceive=\"^x.$\"", "\tvirtualhost=www.example.com", "\tcheckport=81",
		"\tcheckcommand=/bin/x", "\tservicename=a", "\tfailurecount=4",
	},
}

func FuzzPieces(f *testing.F) {
	f.Add(byte(0), []byte{0, 7, 8, 1})
	f.Add(byte(1), []byte{4, 22, 46, 0, 0, 0})
	f.Add(byte(2), []byte{6, 14, 27})
	f.Fuzz(func(t *testing.T, which byte, order []byte) {
		format := []string{"ipvsadm", "keepalived", "ldirectord"}[which%3]
		var b strings.Builder
		for _, i := range order[:min(len(order), 300)] {
			b.WriteString(pieces[format][int(i)%len(pieces[format])] + "\n")
		}
		judge(t, formats[format], []byte(b.String()), []string{"", "eth0"}[which/3%2])
	})
}
