package importer

import (
	"slices"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// TestIpvsadmRoundTrip imports tables and compares the rows lvsd would make of them, all real servers up, with the ones
// they came from.
func TestIpvsadmRoundTrip(t *testing.T) {
	for _, rules := range []string{
		`-A -t 192.0.2.10:80 -s wlc
-a -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 10
-a -t 192.0.2.10:80 -r 10.0.0.12:8080 -m -w 5
-a -t 192.0.2.10:80 -r 10.0.0.12:8081 -m -w 0
-A -t 192.0.2.10:443 -s sh -p 600 -M 255.255.255.0 -b sh-fallback,sh-port
-a -t 192.0.2.10:443 -r 10.0.0.11:443 -g -w 1
-A -u 192.0.2.53:53 -s rr -o
-a -u 192.0.2.53:53 -r 10.0.1.11:53 -g -w 1
-a -u 192.0.2.53:53 -r 10.0.1.12:53 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum`,
		`-A --sctp-service 192.0.2.10:3868 -s lc
-a --sctp-service 192.0.2.10:3868 -r 10.0.0.11:3868 -m -w 1
-A -f -5 -s fo
-a -f -5 -r 10.0.0.11:0 -g -w 1
-A -f 21 -s wrr -p 360
-a -f 21 -r 10.0.0.11:0 -g -w 65535
-a -f 21 -r 10.0.0.12:80 -m -w 2`,
		`-A -t [2001:db8::10]:80 -s mh -p 300 -M 64 -b mh-port
-a -t [2001:db8::10]:80 -r [2001:db8:1::11]:80 -g -w 3
-a -t [2001:db8::10]:80 -r 10.0.0.11:80 -i -w 1 --tun-type ipip
-A -u [2001:db8::10]:53 -s nq
-a -u [2001:db8::10]:53 -r [2001:db8:1::11]:53 -i -w 1 --tun-type gre --tun-nocsum`,
	} {
		r, err := Ipvsadm([]byte(rules), Options{File: "rules", Device: "eth0"})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := rows(t, r), sorted(rules); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}

// rows are those lvsd would make of a result, all real servers up. There must be nothing doubtful in it but weights of 0.
func rows(t *testing.T, r *Result) string {
	t.Helper()
	doc, err := lvscf.Parse("lvs.cf", []byte(r.Text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, findings := doc.Config(names)
	for _, f := range findings {
		if !strings.Contains(f.String(), "the original treated 0 as 1") {
			t.Error(f)
		}
	}
	return sorted(strings.Join(lvs.Table(cfg).Lines(), "\n"))
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestRows has the rows that the other program would make of its file, by its manual.
func TestRows(t *testing.T) {
	for _, tt := range []struct{ format, text, want string }{
		{"keepalived", `virtual_server 192.0.2.10 80 {
    lvs_sched sh
    sh-port
    persistence_timeout 50
    persistence_granularity 255.255.0.0
    lb_kind TUN
    real_server 10.0.0.1 80 { weight 3 }
    real_server 10.0.0.2 80 {
        lvs_method NAT
        uthreshold 10
    }
    real_server 10.0.0.3 80 { lvs_method DR }
}
virtual_server fwmark 3 {
    lb_algo mh
    mh-fallback
    real_server 2001:db8::1 80 { weight 0 }
}
virtual_server_group G {
    198.51.100.1-2 53
    198.51.100.3 5353
}
virtual_server group G {
    protocol UDP
    ops
    lb_kind DR
    real_server 10.0.0.1 { }
}
`, `-A -t 192.0.2.10:80 -s sh -p 50 -M 255.255.0.0 -b sh-port
-a -t 192.0.2.10:80 -r 10.0.0.1:80 -i -w 3 --tun-type ipip
-a -t 192.0.2.10:80 -r 10.0.0.2:80 -m -w 1
-a -t 192.0.2.10:80 -r 10.0.0.3:80 -g -w 1
-A -u 198.51.100.1:53 -s wlc -o
-a -u 198.51.100.1:53 -r 10.0.0.1:53 -g -w 1
-A -u 198.51.100.2:53 -s wlc -o
-a -u 198.51.100.2:53 -r 10.0.0.1:53 -g -w 1
-A -u 198.51.100.3:5353 -s wlc -o
-a -u 198.51.100.3:5353 -r 10.0.0.1:5353 -g -w 1`},
		{"ldirectord", `virtual=www.example.com:http
	real=10.0.0.1->10.0.0.3:8080 masq 5
	real=10.0.0.4:8080 gate
	real=10.0.0.5 ipip 0
	persistent=600
	netmask=255.255.255.0
virtual=192.0.2.10:53
	scheduler=rr
	ops=yes
	real=10.0.0.1:53 gate
virtual=17
	real=10.0.0.1 gate
	checktype=ping
virtual6=[2001:db8::10]:80
	real6=[2001:db8::1]:80 gate
`, `-A -t 192.0.2.80:80 -s wrr -p 600 -M 255.255.255.0
-a -t 192.0.2.80:80 -r 10.0.0.1:8080 -m -w 5
-a -t 192.0.2.80:80 -r 10.0.0.2:8080 -m -w 5
-a -t 192.0.2.80:80 -r 10.0.0.3:8080 -m -w 5
-a -t 192.0.2.80:80 -r 10.0.0.4:80 -g -w 1
-a -t 192.0.2.80:80 -r 10.0.0.5:80 -i -w 0 --tun-type ipip
-A -u 192.0.2.10:53 -s rr -o
-a -u 192.0.2.10:53 -r 10.0.0.1:53 -g -w 1
-A -f 17 -s wrr
-a -f 17 -r 10.0.0.1:0 -g -w 1
-A -t [2001:db8::10]:80 -s wrr
-a -t [2001:db8::10]:80 -r [2001:db8::1]:80 -g -w 1`},
	} {
		r, err := formats[tt.format]([]byte(tt.text), Options{File: "source", Device: "eth0", Lookup: names})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := rows(t, r), sorted(tt.want); got != want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", tt.format, got, want)
		}
	}
}
