package pulse

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

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

const two = `
primary = 192.0.2.1
backup = 192.0.2.2
backup_active = 1
primary_private = 10.0.0.1
backup_private = 10.0.0.2
heartbeat_port = 1050
keepalive = 2
deadtime = 6
nat_router = 10.0.0.254 eth1:1
nat_nmask = 255.255.255.0
virtual web {
	active = 1
	address = 192.0.2.80 eth0:1
	vip_nmask = 255.255.255.0
	server a {
		address = 10.0.0.11
		active = 1
	}
}
virtual ssl {
	active = 1
	address = 192.0.2.80 eth0:7
	port = 443
	server a {
		address = 10.0.0.11
		active = 1
	}
}
virtual off {
	address = 192.0.2.81 eth0:2
}
`

func addrs(list ...string) []netip.Addr {
	var a []netip.Addr
	for _, s := range list {
		a = append(a, netip.MustParseAddr(s))
	}
	return a
}

func TestFindRole(t *testing.T) {
	cfg := config(t, two)
	for _, tt := range []struct {
		local []netip.Addr
		want  election.Role
		err   string
	}{
		{addrs("127.0.0.1", "10.0.0.1", "192.0.2.1"), election.Primary, ""},
		{addrs("127.0.0.1", "198.51.100.1", "192.0.2.2"), election.Backup, ""},
		{addrs("127.0.0.1", "10.0.0.1"), 0, "neither primary 192.0.2.1 nor backup 192.0.2.2 is an address of this machine"},
		{addrs("192.0.2.1", "192.0.2.2"), 0, "both primary 192.0.2.1 and backup 192.0.2.2 are addresses of this machine"},
	} {
		got, err := findRole(cfg, tt.local)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("findRole(%v) = %v, %v, want %v, %s", tt.local, got, err, tt.want, tt.err)
		}
	}
	if _, err := findRole(config(t, "primary = 192.0.2.1"), addrs("192.0.2.9")); err == nil || !strings.Contains(err.Error(), "there is no backup") {
		t.Errorf("findRole without backup: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	list, err := addresses(config(t, two))
	if err != nil || len(list) != 2 {
		t.Fatalf("addresses = %v, %v, want two", list, err)
	}
	if a := list[0]; a.Addr.String() != "10.0.0.254" || a.Dev != "eth1" || a.Label != "eth1:1" || a.Prefix != 24 {
		t.Errorf("NAT router address: %+v", a)
	}
	if a := list[1]; a.Addr.String() != "192.0.2.80" || a.Label != "eth0:1" || a.Prefix != 24 || a.Broadcast.String() != "192.0.2.255" {
		t.Errorf("address of web and ssl: %+v", a)
	}
	if list, _ := addresses(config(t, "network = direct\n"+two)); len(list) != 1 {
		t.Errorf("addresses with direct routing: %v, want no NAT router", list)
	}
	_, err = addresses(config(t, strings.Replace(two, "192.0.2.80 eth0:1", "192.0.2.2 eth0:1", 1)))
	if err == nil || err.Error() != "192.0.2.2 is a router's own address and cannot be a floating one" {
		t.Errorf("addresses with the backup's own: %v", err)
	}
}

func TestHeartbeatConfig(t *testing.T) {
	cfg := config(t, two)
	c := heartbeatConfig(cfg, election.Backup, nil, false)
	if c.Port != 1050 || c.Public.Local.String() != "192.0.2.2" || c.Public.Partner.String() != "192.0.2.1" ||
		c.Private.Local.String() != "10.0.0.2" || c.Private.Partner.String() != "10.0.0.1" || c.Rules.Role != heartbeat.Backup {
		t.Errorf("backup's sockets: %+v", c)
	}
	one := config(t, strings.NewReplacer("primary_private = 10.0.0.1\n", "", "backup_private = 10.0.0.2\n", "").Replace(two))
	if c := heartbeatConfig(one, election.Primary, nil, false); c.Private != (heartbeat.Path{}) {
		t.Errorf("private channel without private addresses: %+v", c.Private)
	}
}

// TestPacketsTranslate sends every flag through both translations.
func TestPacketsTranslate(t *testing.T) {
	cfg := config(t, two)
	for _, flags := range []election.Flags{0, election.Leaving, election.Unwilling, election.InStandby | election.Unwilling, election.Wanted} {
		for _, k := range []election.Kind{election.Running, election.Stopped} {
			out := outgoing(election.Send{Kind: k, Flags: flags, Turn: 7}, cfg, [32]byte{1, 2}, 90*time.Second, Servers{Up: 2, Configured: 3})
			out.Role = heartbeat.Backup
			got := packet(heartbeat.Message{Packet: out, Channel: heartbeat.Private, Decides: true, Order: 5})
			want := election.Packet{
				Kind: k, Channel: election.Private, Trailer: true, Flags: flags, Role: election.Backup, Turn: 7, Counter: 5,
				Boot: heartbeat.BootID{}.Short(),
			}
			if got != want {
				t.Errorf("packet = %+v, want %+v", got, want)
			}
		}
	}
	life := packet(heartbeat.Message{Packet: heartbeat.Packet{Kind: heartbeat.LVSStopped, Trailer: true}, Channel: heartbeat.Public})
	if life != (election.Packet{Kind: election.Hold, Channel: election.Public}) {
		t.Errorf("packet that does not decide = %+v, want a sign of life", life)
	}
}
