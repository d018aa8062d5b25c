package importer

import (
	"strings"
	"testing"
)

// TestErrors has what is refused, with its line. Nothing comes out then.
func TestErrors(t *testing.T) {
	k := func(inside string) string { return "virtual_server 192.0.2.10 80 {\n" + inside + "\n}\n" }
	rs := func(inside string) string { return k("real_server 10.0.0.11 80 {\n" + inside + "\n}") }
	for _, tt := range []struct{ format, text, want string }{
		{"ipvsadm", "", "f: no virtual server in it: is this what ipvsadm -S prints?"},
		{"ipvsadm", "-A -t 192.0.2.1:80\n\x00", "f:2: a NUL byte: this is no text"},
		{"ipvsadm", "IP Virtual Server version 1.2.1", `f:1: "IP" is no option: is this what ipvsadm -S prints?`},
		{"ipvsadm", "-A -t 192.0.2.1:80 -z", `f:1: "-z" is no option of a rule`},
		{"ipvsadm", "-E -t 192.0.2.1:80", `f:1: "-E" is no option of a rule`},
		{"ipvsadm", "-A -t", "f:1: nothing behind -t"},
		{"ipvsadm", "-t 192.0.2.1:80", "f:1: -t does not go with no command"},
		{"ipvsadm", "-A -a -t 192.0.2.1:80", "f:1: -A and -a in one rule"},
		{"ipvsadm", "-A -t 192.0.2.1:80 -u 192.0.2.1:80", "f:1: -t and -u in one rule"},
		{"ipvsadm", "-A -t 192.0.2.1:80 -w 1", "f:1: -w does not go with -A"},
		{"ipvsadm", "-A -t 192.0.2.1:80 -s rr -s rr", "f:1: -s twice"},
		{"ipvsadm", "-A -s rr", "f:1: no -t, -u, --sctp-service or -f"},
		{"ipvsadm", "-A -t 192.0.2.1:70000", `f:1: "70000" is no port`},
		{"ipvsadm", "-A -t 192.0.2.1:gopher", `f:1: "gopher" is no port`},
		{"ipvsadm", "-A -t 192.0.2.256:80", `f:1: "192.0.2.256" is no address`},
		{"ipvsadm", "-A -t 0.0.0.0:80", `f:1: address "0.0.0.0": this stands for none`},
		{"ipvsadm", "-A -t [fe80::1%eth0]:80", `f:1: address "fe80::1%eth0": an address with a zone is of one host only`},
		{"ipvsadm", "-A -t [2001:db8::1:80", `f:1: "[2001:db8::1:80" is no address and port`},
		{"ipvsadm", "-A -t nowhere.example.com:80", `f:1: "nowhere.example.com" is no address, and the name was not found`},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-A -t 192.0.2.1:http", "f:2: the virtual server of line 1 once more"},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -u 192.0.2.1:80 -r 10.0.0.1", "f:2: no virtual server before that has this real server"},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80", "f:2: no -r"},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -g -m", "f:2: more than one of -g, -i and -m"},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -w -1", `f:2: weight "-1": a number from 0 to 2147483647 expected`},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue", `f:2: port of the tunnel "": a number from 1 to 65535 expected`},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type vxlan", `f:2: "vxlan" is no type of tunnel`},
		{"ipvsadm", "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 2001:db8::1 -m", "f:2: 2001:db8::1: an address of another family than the service's is reached through a tunnel only"},
		{"ipvsadm", "-A -t 192.0.2.1:80 -p 300 -M 255.0.255.0", `f:1: "255.0.255.0" is no mask`},
		{"ipvsadm", "-A -t 192.0.2.1:80 -o", "f:1: one-packet scheduling is for udp only"},
		{"ipvsadm", "-A -f 0", `f:1: firewall mark "0": a number from 1 to 4294967295 expected`},
		{"ipvsadm", "-A -t 192.0.2.1:0 -p", "f:1: a virtual server for all ports, which lvs.cf has for firewall marks only, and there is no other"},
		{"ipvsadm", "--set 1 2", "f:1: nothing behind --set"},
		{"ipvsadm", "--start-daemon leader", `f:1: state "leader": master or backup expected`},
		{"ipvsadm", "--start-daemon master --syncid 256", `f:1: sync id "256": a number from 0 to 255 expected`},

		{"keepalived", "global_defs {\n}\n", "f: no virtual server in it: is this keepalived.conf?"},
		{"keepalived", "a {\nb {\n}\n", "f:1: this block is never closed: a"},
		{"keepalived", "a {\n}\n}\n", "f:3: a } too many"},
		{"keepalived", "{\n}\n", "f:1: a { that belongs to nothing"},
		{"keepalived", "a \"b\nc\"\n", "f:1: a quote that is never closed"},
		{"keepalived", strings.Repeat("a {\n", 40), "f:17: more than 16 blocks in one another"},
		{"keepalived", "virtual_server 192.0.2.10 80\n", "f:1: virtual_server without a block"},
		{"keepalived", "virtual_server {\n}\n", "f:1: virtual_server: an address and port, fwmark N or group NAME expected"},
		{"keepalived", "virtual_server group G {\n}\n", "f:1: no virtual_server_group G"},
		{"keepalived", "virtual_server_group G {\n}\nvirtual_server group G {\n}\n", "f:3: the virtual_server_group G is empty"},
		{"keepalived", "virtual_server_group G {\n10.0.0.0/8 80\n}\nvirtual_server group G {\n}\n", `f:2: "10.0.0.0/8" is no address and no range of at most 4096`},
		{"keepalived", "virtual_server_group G {\n10.0.0.9-3 80\n}\nvirtual_server group G {\n}\n", `f:2: "10.0.0.9-3" is no address and no range of at most 4096`},
		{"keepalived", k("protocol ICMP"), `f:2: protocol "ICMP": TCP, UDP or SCTP expected`},
		{"keepalived", "$P=TCP\n" + k("protocol $P\nops"), "f:4: one-packet scheduling is for udp only"},
		{"keepalived", k("lb_kind MASQ"), `f:2: lb_kind "MASQ": NAT, DR or TUN expected`},
		{"keepalived", k("delay_loop soon"), `f:2: delay_loop "soon": seconds expected`},
		{"keepalived", k("delay_loop 0"), `f:2: delay_loop "0": more than 0 expected`},
		{"keepalived", k("retry NaN"), `f:2: retry "NaN": a number from 0 to 999 expected`},
		{"keepalived", k("lb_algo"), "f:2: lb_algo: one word expected"},
		{"keepalived", k("real_server"), "f:2: real_server: an address and perhaps a port expected"},
		{"keepalived", rs("weight x"), `f:3: weight "x": a number from 0 to 2147483647 expected`},
		{"keepalived", rs("inhibit_on_failure perhaps"), `f:3: inhibit_on_failure "perhaps": yes or no expected`},
		{"keepalived", rs("HTTP_GET {\n}"), "f:3: HTTP_GET without a url"},
		{"keepalived", rs("HTTP_GET {\nurl {\nstatus_code 20\n}\n}"), `f:5: status_code "20": a number from 100 to 999 or a range expected`},
		{"keepalived", rs("HTTP_GET {\nurl {\npath x\n}\n}"), `f:5: path "x": it begins with / and has no blanks`},
		{"keepalived", rs("MISC_CHECK {\n}"), "f:3: MISC_CHECK without misc_path"},
		{"keepalived", rs("MISC_CHECK {\nmisc_path check\n}"), `f:4: misc_path "check": a path that begins with / expected`},
		{"keepalived", rs("MISC_CHECK {\nmisc_path \"/bin/a\\0b\"\n}"), `f:4: misc_path "/bin/a\x00b": a path that begins with / expected`},
		{"keepalived", rs("TCP_CHECK {\nconnect_port 0x50\n}"), `f:4: "0x50" is no port`},
		{"keepalived", "vrrp_instance A {\ninterface eth/0\n}\n", `f:2: device "eth/0": not a device name`},
		{"keepalived", "vrrp_instance A {\nvirtual_ipaddress {\n192.0.2.1/33\n}\n}\n", `f:3: "33" is no mask`},
		{"keepalived", "global_defs {\nlvs_timeouts tcp\n}\n", "f:2: lvs_timeouts: pairs of a protocol and seconds expected"},

		{"ldirectord", "# empty\n", "f: no virtual server in it: is this ldirectord.cf?"},
		{"ldirectord", "virtual 192.0.2.10:80\n", "f:1: KEY = VALUE expected"},
		{"ldirectord", "\treal=10.0.0.1:80 gate\n", "f:1: real is indented, but there is no virtual before it"},
		{"ldirectord", "scheduler=rr\n", "f:1: scheduler belongs into a virtual, indented"},
		{"ldirectord", "virtual=192.0.2.10:80\n\tlogfile=x\n", "f:2: logfile cannot stand in a virtual"},
		{"ldirectord", "virtuel=192.0.2.10:80\n", `f:1: unknown key "virtuel"`},
		{"ldirectord", "virtual=192.0.2.10:80\n\trequest=\"x\n", "f:2: a quote that is never closed"},
		{"ldirectord", "virtual=[2001:db8::1]:80\n", "f:1: 2001:db8::1 is of another family than virtual"},
		{"ldirectord", "virtual=192.0.2.10:80\n\tprotocol=fwm\n", `f:2: protocol "fwm": tcp or udp expected`},
		{"ldirectord", "virtual=5\n\tprotocol=tcp\n", `f:2: protocol "tcp": fwm expected for a firewall mark`},
		{"ldirectord", "virtual=192.0.2.10:80\n\tquiescent=maybe\n", `f:2: quiescent "maybe": yes or no expected`},
		{"ldirectord", "virtual=192.0.2.10:80\n\tchecktype=guess\n", `f:2: checktype "guess": one of connect, external, external-perl, negotiate, off, on, ping or a number expected`},
		{"ldirectord", "virtual=192.0.2.10:80\n\tservice=gopher\n", `f:2: service "gopher": ldirectord has none of that name`},
		{"ldirectord", "virtual=192.0.2.10:80\n\treal=10.0.0.1:80\n", "f:2: real: an address and one of gate, masq and ipip expected"},
		{"ldirectord", "virtual=192.0.2.10:80\n\treal=10.0.0.1:80 nat\n", `f:2: "nat": gate, masq or ipip expected`},
		{"ldirectord", "virtual=192.0.2.10:80\n\treal=10.0.0.9->10.0.0.1:80 gate\n", "f:2: 10.0.0.9->10.0.0.1 is no range of IPv4 addresses"},
		{"ldirectord", "virtual=192.0.2.10:80\n\treal=10.0.0.0->10.9.0.1:80 gate\n", "f:2: a range of more than 4096 addresses"},
		{"ldirectord", "virtual=192.0.2.10:80\n\treal=10.0.0.1:80 gate 1 2\n", `f:2: "2" is one word too many`},
		{"ldirectord", "virtual=192.0.2.10:80\n\treal=10.0.0.1:80 gate\n\tchecktype=external\n\tcheckcommand=check\n", `f:4: checkcommand "check": the path of a program expected`},
	} {
		r, err := formats[tt.format]([]byte(tt.text), Options{File: "f", Device: "eth0", Lookup: names})
		if err == nil || err.Error() != tt.want || r != nil {
			t.Errorf("%s %q:\n got %v\nwant %s", tt.format, tt.text, err, tt.want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	for format, read := range formats {
		_, err := read(make([]byte, MaxSize+1), Options{File: "f"})
		if err == nil || err.Error() != "f: larger than 8 MB" {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestNote(t *testing.T) {
	var l notes
	l.ask(0, "primary")
	for line := range 9 {
		l.lost(line+1, "retry %d, because", 3)
		l.lost(line+1, "retry %d, because", 3)
	}
	l.differs(4, "x")
	want := []string{"PLEASE SET: primary", "not carried over: lines 1, 2, 3, 4, 5, 6 and 3 more: retry 3, because", "differs: line 4: x"}
	for i, n := range l.list {
		if n.String() != want[i] {
			t.Errorf("%q, want %q", n, want[i])
		}
	}
}
