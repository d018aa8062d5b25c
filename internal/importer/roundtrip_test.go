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
		doc, err := lvscf.Parse("lvs.cf", []byte(r.Text))
		if err != nil {
			t.Fatal(err)
		}
		cfg, findings := doc.Config(lvscf.Lookup{})
		for _, f := range findings {
			if !strings.Contains(f.String(), "the original treated 0 as 1") {
				t.Error(f)
			}
		}
		got, want := lvs.Table(cfg).Lines(), strings.Split(rules, "\n")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
