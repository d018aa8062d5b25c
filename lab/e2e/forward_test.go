package e2e

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/realserver"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// virtual is the lvs.cf of one virtual server, web, with all three real servers.
func virtual(network, vip, extra string, real func(int) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "serial_no = 1\nnetwork = %s\nvirtual web {\nactive = 1\naddress = %s eth0:1\ntimeout = 1\nreentry = 3\n%s\n", network, vip, patient(extra))
	for i := 1; i <= 3; i++ {
		fmt.Fprintf(&b, "server real%d {\naddress = %s\nactive = 1\n}\n", i, real(i))
	}
	return b.String() + "}\n"
}

// TestForwarding: requests reach checked real servers by every forwarding method, and a real server that is lost is not asked.
// The real servers are as the manual has them: behind the router, with the VIP on lo and silent, or with it on tunl0.
func TestForwarding(t *testing.T) {
	for _, method := range []struct {
		name    string
		forward topology.Forward
		option  string
	}{
		{"nat", topology.NAT, "-m -w 1"}, {"direct", topology.Direct, "-g -w 1"}, {"tunnel", topology.Tunnel, "-i -w 1 --tun-type ipip"},
	} {
		for family, vip := range map[string]string{"IPv4": topology.VIP, "IPv6": topology.VIP6} {
			t.Run(method.name+"/"+family, func(t *testing.T) {
				real := topology.RealAddr
				if family == "IPv6" {
					real = topology.RealAddr6
				}
				c := newClusterBy(t, method.forward, virtual(method.name, vip, "scheduler = rr", real))
				c.lvsd()
				rows := []string{"-A -t " + hostPort(vip) + " -s rr"}
				for i := 1; i <= 3; i++ {
					rows = append(rows, fmt.Sprintf("-a -t %s -r %s %s", hostPort(vip), hostPort(real(i)), method.option))
				}
				wantTable(t, c.router, rows...)
				c.wantAnswers(vip, 30, map[string]int{"real1": 10, "real2": 10, "real3": 10})
				if err := c.servers[2].Stop(); err != nil {
					t.Fatal(err)
				}
				wantTable(t, c.router, rows[:3]...)
				c.wantAnswers(vip, 20, map[string]int{"real1": 10, "real2": 10})
			})
		}
	}
}

func (c *cluster) wantAnswers(vip string, n int, want map[string]int) {
	c.t.Helper()
	report := ask(c.t, c.net.Client(), hostPort(vip), n)
	if got := report.PerServer(); !maps.Equal(got, want) || len(report.Errors()) > 0 {
		c.t.Errorf("answers %v, want %v\n%v", got, want, report.Errors())
	}
}

// TestMixedForwarding: real servers of one virtual server are reached by different methods (forward).
func TestMixedForwarding(t *testing.T) {
	conf := strings.Replace(virtual("direct", topology.VIP, "scheduler = rr", topology.RealAddr),
		"server real1 {", "server real1 {\nforward = tunnel", 1)
	c := newClusterBy(t, topology.Direct, conf)
	if err := c.net.Real(1).LinkUp("tunl0"); err != nil { // the VIP is on lo already
		t.Fatal(err)
	}
	c.lvsd()
	wantTable(t, c.router,
		"-A -t 192.0.2.100:80 -s rr",
		"-a -t 192.0.2.100:80 -r 10.11.12.11:80 -i -w 1 --tun-type ipip",
		"-a -t 192.0.2.100:80 -r 10.11.12.12:80 -g -w 1",
		"-a -t 192.0.2.100:80 -r 10.11.12.13:80 -g -w 1")
	c.wantAnswers(topology.VIP, 30, map[string]int{"real1": 10, "real2": 10, "real3": 10})
}

// TestFirewallMark: packets for two ports that a rule gives the same mark are one service, and with persistence a client's
// connections to either reach the same real server, as FTP's must.
func TestFirewallMark(t *testing.T) {
	need(t, "iptables-legacy")
	c := newCluster(t, virtual("nat", topology.VIP, "fwmark = 7\npersistent = 60\nscheduler = rr\nport = 80", topology.RealAddr))
	for i := 1; i <= 3; i++ {
		second := realserver.New(c.net.Real(i).Name)
		l, err := c.net.Real(i).Listen("tcp", ":8080")
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Start(l); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = second.Stop() })
	}
	// The lab's kernel has no nf_tables.
	run(t, c.router, "iptables-legacy", "-t", "mangle", "-A", "PREROUTING", "-d", topology.VIP, "-p", "tcp",
		"-m", "multiport", "--dports", "80,8080", "-j", "MARK", "--set-mark", "7")
	c.lvsd()
	wantTable(t, c.router,
		"-A -f 7 -s rr -p 60",
		"-a -f 7 -r 10.11.12.11:80 -m -w 1", "-a -f 7 -r 10.11.12.12:80 -m -w 1", "-a -f 7 -r 10.11.12.13:80 -m -w 1")
	servers := map[string]bool{}
	for _, source := range c.sources(9) {
		both := map[string]bool{}
		for _, port := range []string{"80", "8080", "80", "8080"} {
			both[c.askFrom(source, net.JoinHostPort(topology.VIP, port))] = true
		}
		if len(both) != 1 {
			t.Errorf("client %s was served by %v, want one", source, both)
		}
		maps.Copy(servers, both)
	}
	if len(servers) != 3 {
		t.Errorf("nine clients were served by %v, want all three servers", servers)
	}
}

// sources gives the client so many addresses more.
func (c *cluster) sources(n int) (list []string) {
	c.t.Helper()
	for i := range n {
		addr := fmt.Sprintf("192.0.2.%d", 150+i)
		if err := c.net.Client().AddAddr(addr+"/24", "eth0", ""); err != nil {
			c.t.Fatal(err)
		}
		list = append(list, addr)
	}
	return list
}

// askFrom makes a request from one of the client's addresses and returns who answered.
func (c *cluster) askFrom(source, addr string) string {
	c.t.Helper()
	dial := func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
		err = c.net.Client().Do(func() error {
			conn, err = d.DialContext(ctx, network, addr)
			return err
		})
		return conn, err
	}
	report, err := client.Loop{Dial: dial, URL: "http://" + addr + "/", Count: 1, Timeout: 5 * time.Second}.Run(context.Background())
	if err != nil || len(report.Errors()) > 0 {
		c.t.Fatalf("request from %s to %s: %v %v", source, addr, err, report.Errors())
	}
	return report.Results[0].Server
}

// TestUDP: datagrams of one socket stay with one real server, and with one_packet each goes its own way. That is by direct
// routing: the kernel knows nothing of a single packet by the time a reply would have to get the service's address.
func TestUDP(t *testing.T) {
	conf := virtual("direct", topology.VIP, "protocol = udp\nport = 53\nscheduler = rr\ncheck = none", topology.RealAddr)
	c := newClusterBy(t, topology.Direct, conf)
	for i := 1; i <= 3; i++ {
		c.echo(i)
	}
	lvsd := c.lvsd()
	if got := c.datagrams(12); len(got) != 1 {
		t.Errorf("12 datagrams of one socket were answered by %v, want one", got)
	}
	c.configure(strings.Replace(conf, "protocol = udp", "protocol = udp\none_packet = 1", 1))
	reload(t, lvsd)
	if got, want := c.datagrams(12), map[string]int{"real1": 4, "real2": 4, "real3": 4}; !maps.Equal(got, want) {
		t.Errorf("12 single packets were answered by %v, want %v", got, want)
	}
}

// echo has a real server answer datagrams on port 53 with its name.
func (c *cluster) echo(i int) {
	c.t.Helper()
	node := c.net.Real(i)
	conn, err := node.ListenPacket("udp4", net.JoinHostPort(topology.VIP, "53")) // so that replies come from there
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	go func() {
		for buf := make([]byte, 64); ; {
			_, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := conn.WriteTo([]byte(node.Name), from); err != nil {
				return
			}
		}
	}()
}

// datagrams sends some from one socket and counts who answered.
func (c *cluster) datagrams(n int) map[string]int {
	c.t.Helper()
	conn, err := c.net.Client().Dial("udp4", net.JoinHostPort(topology.VIP, "53"), patience)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	answers := map[string]int{}
	for buf := make([]byte, 64); n > 0; n-- {
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			c.t.Fatal(err)
		}
		if _, err := conn.Write([]byte("who")); err != nil {
			c.t.Fatal(err)
		}
		got, err := conn.Read(buf)
		if err != nil {
			c.t.Fatal(err)
		}
		answers[string(buf[:got])]++
	}
	return answers
}

// TestEncapsulations: requests reach real servers behind tunnels by GUE and by GRE, with and without checksums.
func TestEncapsulations(t *testing.T) {
	const gue = "tunnel_type = gue\ntunnel_port = 6080"
	for _, tt := range []struct{ extra, option, device string }{
		{gue, "--tun-type gue --tun-port 6080 --tun-nocsum", ""},
		{gue + "\ntunnel_checksum = 1", "--tun-type gue --tun-port 6080 --tun-csum", ""},
		{"tunnel_type = gre", "--tun-type gre --tun-nocsum", "gre"},
		{"tunnel_type = gre\ntunnel_checksum = 1", "--tun-type gre --tun-csum", "gre csum"}, // a device wants all packets to have one, or none
	} {
		t.Run(tt.option, func(t *testing.T) {
			c := newClusterBy(t, topology.Tunnel, virtual("tunnel", topology.VIP, "scheduler = rr\n"+tt.extra, topology.RealAddr))
			rows := []string{"-A -t 192.0.2.100:80 -s rr"}
			for i := 1; i <= 3; i++ {
				rows = append(rows, fmt.Sprintf("-a -t 192.0.2.100:80 -r %s -i -w 1 %s", hostPort(topology.RealAddr(i)), tt.option))
				c.unpack(i, tt.device)
			}
			c.lvsd()
			wantTable(t, c.router, rows...)
			c.wantAnswers(topology.VIP, 6, map[string]int{"real1": 2, "real2": 2, "real3": 2})
		})
	}
}

// unpack has a real server take packets from a tunnel: a device of a kind, or GUE, of which what is inside goes to tunl0.
func (c *cluster) unpack(i int, device string) {
	c.t.Helper()
	node := c.net.Real(i)
	if device == "" {
		run(c.t, node, "ip", "fou", "add", "port", "6080", "gue")
		return
	}
	argv := []string{"ip", "link", "add", "tunnel", "type", "gre", "local", topology.RealAddr(i)}
	run(c.t, node, append(argv, strings.Fields(device)[1:]...)...)
	if err := node.LinkUp("tunnel"); err != nil {
		c.t.Fatal(err)
	}
}
