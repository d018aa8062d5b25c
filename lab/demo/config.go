package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// reals is the number of real servers.
const reals = 3

// Times of the routers' heartbeats: short, but not so short that a busy machine makes a living router look dead.
const (
	keepalive = 500 * time.Millisecond
	deadtime  = 1500 * time.Millisecond
)

// config is the lvs.cf of both routers.
const config = `# the demo's lvs.cf, the same on both routers
primary = %[1]s
backup = %[2]s
backup_active = 1
heartbeat = 1
keepalive = %[3]dms
deadtime = %[4]dms
syncdaemon = 1
syncd_iface = eth1
network = nat
nat_router = %[5]s eth1:1
nat_nmask = 255.255.255.0
virtual web {
	active = 1
	address = %[6]s eth0:1
	vip_nmask = 255.255.255.0
	port = 80
	scheduler = rr
	send = "GET / HTTP/1.0\r\n\r\n"
	expect = "HTTP"
	timeout = 1
	reentry = 2
%[7]s}
`

const configReal = `	server %s {
		address = %s
		active = 1
	}
`

// lvsCf returns the text of lvs.cf.
func lvsCf() string {
	var servers strings.Builder
	for i := 1; i <= reals; i++ {
		fmt.Fprintf(&servers, configReal, realName(i), topology.RealAddr(i))
	}
	primary, _ := topology.RouterAddr(1)
	backup, _ := topology.RouterAddr(2)
	return fmt.Sprintf(config, primary, backup, keepalive.Milliseconds(), deadtime.Milliseconds(),
		topology.NATRouter, topology.VIP, servers.String())
}

func realName(i int) string { return fmt.Sprintf("real%d", i) }
